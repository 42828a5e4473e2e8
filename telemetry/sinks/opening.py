"""Which sink the settings ask for."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from telemetry.sinks.contract import Sink, SinkUnavailable


def open_sink() -> Sink:
    """Return the sink of the settings.

    Raises:
        SinkUnavailable: a package that it needs is not installed.
    """
    try:
        from telemetry.sinks.parquet import ParquetSink
    except ImportError as error:
        raise SinkUnavailable(
            "Parquet files need pyarrow, which is not installed: install the extra [warehouse]. Events wait until then."
        ) from error
    return ParquetSink(Path(settings.TELEMETRY_DIR))
