"""Which sink the settings ask for."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from telemetry.sinks.contract import Sink, SinkUnavailable


def open_sink() -> Sink:
    """Return the sink of the settings (`TELEMETRY_SINK`).

    Raises:
        SinkUnavailable: a package that it needs is not installed, or a setting is missing.
    """
    return _kafka() if settings.TELEMETRY_SINK == "kafka" else _parquet()


def _parquet() -> Sink:
    try:
        from telemetry.sinks.parquet import ParquetSink
    except ImportError as error:
        raise SinkUnavailable(
            "Parquet files need pyarrow, which is not installed: install the extra [warehouse]. Events wait until then."
        ) from error
    return ParquetSink(Path(settings.TELEMETRY_DIR))


def _kafka() -> Sink:
    try:
        from telemetry.sinks.kafka import KafkaSink
    except ImportError as error:
        raise SinkUnavailable(
            "Kafka needs confluent-kafka, which is not installed: install the extra [kafka]. Events wait until then."
        ) from error
    if not settings.KAFKA_BOOTSTRAP_SERVERS:
        raise SinkUnavailable("TELEMETRY_SINK is kafka and KAFKA_BOOTSTRAP_SERVERS is not set. Events wait until then.")
    return KafkaSink(
        settings.KAFKA_BOOTSTRAP_SERVERS,
        settings.KAFKA_TOPIC,
        max_bytes=settings.KAFKA_MESSAGE_MAX_BYTES,
        options=settings.KAFKA_OPTIONS,
    )
