"""Trace and request id: from a request into log lines and through a broker's message into a task's."""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import UUID

import pytest
import structlog
from celery import Celery
from celery.app.trace import build_tracer
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from common.context import COMMAND_LINE, RequestInfo, current_request_id, requested_by, unit_of_work
from common.log_context import add_actor
from common.middleware import RequestContextMiddleware
from common.tracing import passed_on, traced
from config.settings.logs import LOGGING
from telemetry.tokens import person_token

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{SPAN}-01"
REQUEST = UUID("0190a3f4-7e3c-7abc-8def-0123456789ab")


def bound() -> dict[str, Any]:
    return dict(structlog.contextvars.get_contextvars())


@pytest.mark.pure
def test_a_trace_that_comes_goes_on_as_a_span_of_its_own():
    with traced({"traceparent": GIVEN}):
        assert bound()["trace_id"] == TRACE
        version, trace, span, flags = passed_on()["traceparent"].split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        assert span == bound()["span_id"] != SPAN
        with traced(passed_on()):
            assert bound()["trace_id"] == TRACE and bound()["span_id"] != span
        assert bound()["span_id"] == span
    assert passed_on() == {} and "trace_id" not in bound()


@pytest.mark.pure
@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "00-" + "0" * 32 + f"-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        "x" * 9000,
        f"{GIVEN}\n9",
    ],
)
def test_a_malformed_trace_begins_a_new_one(nonsense):
    with traced({"traceparent": nonsense}):
        assert len(bound()["trace_id"]) == 32 and bound()["trace_id"] not in (TRACE, "0" * 32)


def test_a_request_binds_both_ids_and_leaves_none_behind():
    seen: list[dict[str, Any]] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(bound())
        return HttpResponse("fine")

    headers = {"traceparent": GIVEN, "X-Request-ID": str(REQUEST)}
    response = RequestContextMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert (seen[0]["trace_id"], seen[0]["request_id"]) == (TRACE, str(REQUEST))
    assert response["X-Request-ID"] == str(REQUEST)
    assert "trace_id" not in bound() and "request_id" not in bound()


@pytest.mark.pure
def test_a_task_carries_who_started_it_through_the_message_and_the_next_one_does_not():
    app = Celery("test", broker="memory://", set_as_current=False)
    app.conf.task_always_eager = False
    seen: list[dict[str, Any]] = []

    @app.task(name="test.look")
    def look() -> None:
        seen.append(bound() | {"current": str(current_request_id())})

    def work_off() -> None:
        """Take the message and run it as a worker does."""
        with app.connection_for_read() as connection:
            message = connection.default_channel.basic_get("celery", no_ack=True)
        trace = build_tracer("test.look", look, app=app)
        trace(message.headers["id"], [], {}, request=dict(message.headers))

    with requested_by(RequestInfo(REQUEST)), traced({"traceparent": GIVEN}):
        look.delay()
    work_off()
    look.delay()
    work_off()
    first, second = seen
    assert (first["request_id"], first["current"], first["trace_id"]) == (str(REQUEST), str(REQUEST), TRACE)
    assert first["task"] == "test.look" and first["span_id"] != SPAN
    assert second["request_id"] == second["current"] != str(REQUEST)
    assert second["trace_id"] != TRACE
    assert bound() == {}


@pytest.mark.django_db
def test_a_line_says_who_acts_by_token_and_never_by_name(person):
    user = person()
    lines: list[dict[str, Any]] = []
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer(),
        foreign_pre_chain=LOGGING["formatters"]["json"]["foreign_pre_chain"],
    )

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    logger, handler = logging.getLogger("mesocycle.test"), Lines()
    logger.addHandler(handler)
    try:
        with traced({"traceparent": GIVEN}):
            with unit_of_work(user, read_only=True):
                logger.error("a person", extra={"n": 1})
            with unit_of_work(COMMAND_LINE, read_only=True):
                logger.error("a service")
            logger.error("nobody")
    finally:
        logger.removeHandler(handler)
    a, b, c = lines
    assert (a["actor"], b["actor"], "actor" in c) == (person_token(user.pk), "service:command-line", False)
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert str(user.pk) not in json.dumps(a) and user.email not in json.dumps(a)


@pytest.mark.pure
def test_a_line_that_names_its_actor_keeps_it():
    assert add_actor(None, "info", {"actor": "x"}) == {"actor": "x"}
