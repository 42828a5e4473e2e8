"""Trace context (W3C Trace Context, https://www.w3.org/TR/trace-context/): taken from a request, passed on to tasks.

Nothing is sent to a tracing server from here: log lines carry the ids, so that whoever runs one, or only reads logs,
finds what belongs together.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()


@contextmanager
def traced(carrier: Mapping[str, str]) -> Iterator[SpanContext]:
    """Let everything inside the block belong to the trace that `carrier` names, as a span of its own.

    A `traceparent` that is missing or malformed begins a new trace; `tracestate` is not passed on.
    """
    given = carrier.get(TRACEPARENT, "")
    caller = trace.get_current_span(_PROPAGATOR.extract({TRACEPARENT: given}, context=context.Context()))
    came = caller.get_span_context()
    span = SpanContext(
        trace_id=came.trace_id if came.is_valid else secrets.randbits(128) or 1,
        span_id=secrets.randbits(64) or 1,
        is_remote=False,
        trace_flags=came.trace_flags if came.is_valid else TraceFlags(TraceFlags.DEFAULT),
    )
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(span)))
    ids = {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}
    try:
        with structlog.contextvars.bound_contextvars(**ids):
            yield span
    finally:
        context.detach(token)


def passed_on() -> dict[str, str]:
    """Return what whoever works for this span is to be told: `{traceparent: …}`, empty outside a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return {name: value for name, value in carrier.items() if name == TRACEPARENT}
