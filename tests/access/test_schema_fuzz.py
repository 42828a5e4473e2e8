"""Requests made from the OpenAPI document, sent to a live server by two coaches and an athlete.

No server error, no answer that the document does not describe, and nothing of the other coach's people in any answer,
whatever of their ids was sent. A fixed seed; `make fuzz` asks every operation two hundred times a person.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import requests
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.services.tokens import log_in
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from tests.factories import PASSWORD
from tests.plans.review import Review, make_review
from tests.support.databases import Databases, environment
from tests.support.processes import start_server, stop

pytestmark = [pytest.mark.server, pytest.mark.once, pytest.mark.heavy]

EXAMPLES: Final = int(os.environ.get("MESOCYCLE_FUZZ", "3"))
SEED: Final = 20260101
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SECRETS: Final = {
    "accounts_athlete": "SELECT id FROM accounts_athlete WHERE id = %s",
    "plans": "SELECT id FROM plans WHERE athlete_id = %s",
    "plan_versions": "SELECT id FROM plan_versions WHERE athlete_id = %s",
    "plan_sessions": "SELECT session_id FROM plan_sessions WHERE athlete_id = %s",
    "plan_comments": "SELECT id FROM plan_comments WHERE athlete_id = %s",
    "plan_generations": "SELECT job_id FROM plan_generations WHERE athlete_id = %s",
    "audit_events": "SELECT id FROM audit_events WHERE subject_id = %s",
}
PLANTED: Final = {
    "athlete_id": "accounts_athlete",
    "plan_id": "plans",
    "version_id": "plan_versions",
    "session_id": "plan_sessions",
    "anchor_id": "plan_sessions",
    "comment_id": "plan_comments",
    "parent_id": "plan_comments",
    "job_id": "plan_generations",
    "row_id": "plans",
    "event": "audit_events",
}
"""Which table an id of a request is taken from."""


@dataclass
class Person:
    """Somebody who sends requests: a session, their own ids by table, and what they may never read."""

    session: requests.Session
    own: dict[str, list[str]]
    foreign: dict[str, list[str]]
    hidden: set[str]


@dataclass
class Live:
    """A server and the three who ask it; what went wrong, by operation."""

    url: str
    document: dict[str, Any]
    people: dict[str, Person]
    wrong: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    answered: int = 0


@pytest.fixture(scope="module")
def live(
    databases: Databases,
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
    worker_id: str,
) -> Iterator[Live]:
    """Two coaches with an athlete each, both with a published plan, on a server of their own."""
    name = databases.copy(f"fuzz_{worker_id}")
    with django_db_blocker.unblock():
        connection.close()
        before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            reviews = [_published(seed=number) for number in (1, 2)]
            ids = [_ids_of(review) for review in reviews]
            people = _people(reviews, ids)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
    folder = tmp_path_factory.mktemp("fuzz")
    server, processes = start_server(
        environment(databases.url(name), MESOCYCLE_VAR=str(folder / "var")), folder / "server.log"
    )
    try:
        document = requests.get(f"{server.url}/api/schema/", headers={"Accept": "application/json"}, timeout=60).json()
        yield Live(server.url, document, people)
    finally:
        stop(processes)
        databases.drop(name)


def _published(seed: int) -> Review:
    review = make_review(race="5k", weeks=5, seed=seed)
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    assert review.as_coach.post(f"{review.url}/comments", {"message": "Well done."}).status_code == 201
    return review


def _ids_of(review: Review) -> dict[str, list[str]]:
    with unit_of_work(COMMAND_LINE, read_only=True), connection.cursor() as cursor:
        found = {}
        for table, query in SECRETS.items():
            key: Any = review.athlete.pk if connection.vendor == "postgresql" else review.athlete.pk.hex
            cursor.execute(query, [key])
            found[table] = sorted({_dashed(value) for (value,) in cursor.fetchall() if value})
    assert all(found.values()), found.keys()
    return found


def _dashed(value: Any) -> str:
    text = str(value)
    return text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _people(reviews: list[Review], ids: list[dict[str, list[str]]]) -> dict[str, Person]:
    people = {}
    for name, user, mine in (
        ("one coach", reviews[0].coach, 0),
        ("the other coach", reviews[1].coach, 1),
        ("an athlete", reviews[0].user, 0),
    ):
        session, theirs = requests.Session(), reviews[1 - mine]
        session.headers["Authorization"] = f"Bearer {log_in(email=user.email, password=PASSWORD).access}"
        hidden = {value for values in ids[1 - mine].values() for value in values}
        hidden |= {
            str(theirs.user.pk),
            str(theirs.coach.pk),
            theirs.user.email,
            theirs.coach.email,
            str(theirs.athlete),
        }
        people[name] = Person(session, ids[mine], ids[1 - mine], hidden)
    return people


def test_requests_from_the_document_find_no_error_and_nothing_of_others(live: Live) -> None:
    schema = schemathesis.openapi.from_dict(live.document)
    for result in schema.get_all_operations():
        operation = result.ok()
        for name, person in live.people.items():
            _ask(live, operation, name, person)
    assert live.wrong == {}, "\n\n".join(f"{where}\n{what}" for where, what in live.wrong.items())
    assert live.sent > 100 * EXAMPLES
    assert live.answered > 10 * EXAMPLES  # it is no test if nobody is ever let in


def _ask(live: Live, operation: Any, name: str, person: Person) -> None:
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), data=st.data())
    def once(case: Any, data: st.DataObject) -> None:
        _plant(case, person, data)
        case.headers = {k: v for k, v in (case.headers or {}).items() if k.lower() != "authorization"}
        answer = case.call(base_url=live.url, session=person.session)
        live.sent, live.answered = live.sent + 1, live.answered + (answer.status_code < 300)
        where = f"{operation.label} as {name}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except (FailureGroup, Failure) as failure:
            live.wrong.setdefault(where, _told(failure, answer))
        text = _text(answer)
        sent = f"{answer.request.url} {answer.request.body!r} {dict(answer.request.headers)}"
        leaked = {secret for secret in person.hidden if secret in text and secret not in sent}
        if leaked:
            live.wrong.setdefault(where, f"{answer.status_code} {answer.request.url} leaks {leaked}")

    once()


def _plant(case: Any, person: Person, data: st.DataObject) -> None:
    """Put real ids where ids go, mostly the other coach's; whatever else was made up stays."""
    for place in (case.path_parameters, case.query, case.body):
        if not isinstance(place, dict):
            continue
        for name in PLANTED.keys() & place.keys():
            whose = data.draw(st.sampled_from(("foreign", "foreign", "own", "made up")))
            if whose != "made up":
                place[name] = data.draw(st.sampled_from(getattr(person, whose)[PLANTED[name]][:20]))


def _text(answer: Any) -> str:
    """Return the answer as text, also where it is a file."""
    return str(answer.content.decode(errors="replace"))


def _told(failure: Any, answer: Any) -> str:
    said = "; ".join(str(one) for one in getattr(failure, "exceptions", [failure]))
    body = answer.request.body
    shown = body[:200] if body else ""
    text = re.sub(r"\s+", " ", said)[:600]
    return json.dumps(
        [answer.request.method, answer.request.url, str(shown), answer.status_code, _text(answer)[:200], text]
    )
