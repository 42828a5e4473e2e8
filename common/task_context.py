"""A task knows who started it: request id and trace travel in the message's headers.

In process (without a broker) a task runs inside its caller's context, and there is nothing to carry.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final
from uuid import UUID

import structlog
from celery.signals import before_task_publish, task_postrun, task_prerun

from common.context import RequestInfo, request_info, requested_by
from common.ids import uuid7
from common.tracing import TRACEPARENT, passed_on, traced

REQUEST_ID: Final = "request_id"
HEADER: Final = "mesocycle"
_open: dict[str, ExitStack] = {}


@before_task_publish.connect
def send_context(headers: dict[str, Any] | None = None, **more: Any) -> None:
    """Write the context at hand into the headers of a message that leaves."""
    if headers is None:
        return
    info = request_info.get()
    carried = passed_on() | ({REQUEST_ID: str(info.request_id)} if info else {})
    if carried:
        headers[HEADER] = carried


@task_prerun.connect
def enter_context(task_id: str = "", task: Any = None, **more: Any) -> None:
    """Take the context from a message that came; what a clock started begins a request of its own."""
    if task is None or task.request.is_eager:
        return
    carried = getattr(task.request, HEADER, None)
    found = carried if isinstance(carried, dict) else {}
    info = RequestInfo(request_id=_request_id(found.get(REQUEST_ID)))
    with ExitStack() as stack:
        stack.enter_context(requested_by(info))
        stack.enter_context(traced({TRACEPARENT: str(found.get(TRACEPARENT, ""))}))
        ids = {"request_id": str(info.request_id), "task": task.name, "task_id": task_id}
        stack.enter_context(structlog.contextvars.bound_contextvars(**ids))
        _open[task_id] = stack.pop_all()


@task_postrun.connect
def leave_context(task_id: str = "", **more: Any) -> None:
    """Forget it."""
    stack = _open.pop(task_id, None)
    if stack is not None:
        stack.close()


def _request_id(text: Any) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        return uuid7()
