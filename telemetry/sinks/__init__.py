"""Where events go. A sink takes a batch, whole or not at all, and has it once `flush` has returned."""

from telemetry.sinks.contract import Event, Refused, Sink, SinkFailed, SinkUnavailable
from telemetry.sinks.opening import open_sink

__all__ = ["Event", "Refused", "Sink", "SinkFailed", "SinkUnavailable", "open_sink"]
