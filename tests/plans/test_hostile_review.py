"""Malformed, oversized, stale, forbidden and half-known input: a problem answer every time, and nothing changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings

from common import clock
from common.ids import uuid7
from plans.api.urls import urlpatterns
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import Review, make_review, replace_op, sunday
from tests.support.digests import changed, digest

pytestmark = [pytest.mark.django_db, pytest.mark.once, pytest.mark.long]

PATCH_TYPE = "application/json-patch+json"
ELSEWHERE = str(uuid4())
LONG = "x" * 100_001
TEXT = ([1], {"a": 1}, True, LONG)
CHOICE = (None, [], {}, "nonsense", 7, True, ["injury"], "")
ID = ([], {}, "no-id", "../../etc", -1, 1.5, True, 10**200)
DAY = (None, [], {}, "2026-13-01", "0000-00-00", "tomorrow", 7, True, "2026-01-01T00:00:00")
NUMBER = ([], {}, "nan", "Infinity", "-1", -1, 1e300, 10**200, True, "many")
WHOLE = (None, [], {}, "nan", -1, 1.5, 10**200, True, "many")
TRUTH = (None, [], {}, "maybe", 7)
"""What is no text, choice, id, day, number, whole number or truth."""


@dataclass(frozen=True)
class Route:
    """One way to change something: a body that is taken, and for each of its fields values that are not."""

    name: str
    path: str
    body: Any
    wrong: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    method: str = "post"
    who: str = "coach"
    state: str = "fresh"
    media_type: str = "application/json"
    needs_etag: bool = False
    changes: bool = True
    for_coaches: bool = True


OPERATION = {"op": "replace", "path": "/sessions/{session}/title", "value": "Hills", "reason": "travel", "note": "so"}
ROUTES = [
    Route("plan-version", "plans/{plan}/versions/{head}", [OPERATION], method="patch", media_type=PATCH_TYPE,
          needs_etag=True),
    Route("plan-version-payload", "plans/{plan}/versions/{head}",
          {"sessions": {"{session}": {"title": "Hills"}}, "reason": "travel", "note": "so", "expected_etag": "{etag}"},
          {"sessions": (None, [], "x", 7, {"x": {}}, {"{session}": {}}, {"{session}": 7},
                        {"{session}": {"title": None}}),
           "reason": ([], {}, "nonsense", 7, True, ["injury"]), "note": (7, [1], {"a": 1}, True, LONG)},
          ("sessions",), method="patch", needs_etag=True),
    Route("plan-what-if", "plans/{plan}/what-if", {"operations": [OPERATION]},
          {"operations": (None, {}, "x", 7, [7], [[]])}, changes=False),
    Route("plan-look", "plans/{plan}/look", {"version_number": 1}, {"version_number": (*WHOLE, 0, 99)},
          ("version_number",)),
    Route("plan-submit", "plans/{plan}/submit", {"comment": "", "reason": "travel", "expected_etag": "{etag}"},
          {"comment": (None, *TEXT), "reason": CHOICE[:-1]}, needs_etag=True),
    Route("plan-withdraw", "plans/{plan}/withdraw", {"comment": "", "expected_etag": "{etag}"},
          {"comment": (None, *TEXT)}, needs_etag=True),
    Route("plan-regenerate", "plans/{plan}/regenerate",
          {"race_date": "{later}", "goal_time": "45:00", "expected_etag": "{etag}"},
          {"race_date": (*DAY, "1999-01-01", "9999-12-31"),
           "goal_time": (None, [1], {"a": 1}, True, "soon", "nan", "1e400", "0:01", "99999999:00:00", LONG)},
          needs_etag=True),
    Route("plan-comments", "plans/{plan}/comments", {"message": "Good?", "anchor_id": "{session}"},
          {"message": (None, "", "   ", *TEXT), "anchor_id": (*ID, ELSEWHERE), "visibility": CHOICE,
           "parent_id": (*ID, ELSEWHERE)}, ("message",)),
    Route("plan-shares", "plans/{plan}/shares",
          {"user_id": "{colleague}", "expires_at": "{later}T12:00:00Z", "reason": "cover"},
          {"user_id": (None, *ID, ELSEWHERE), "expires_at": (None, 7, [], "soon", "2001-01-01T00:00:00Z"),
           "reason": (None, [], {}, " ", LONG)}, ("user_id", "expires_at", "reason")),
    Route("plan-comment-resolve", "plans/{plan}/comments/{comment}/resolve", {}, state="commented"),
    Route("plan-comment-tags", "plans/{plan}/comments/{comment}/tags", {"tags": ["injury", "time"]},
          {"tags": (None, [], {"a": 1}, "injury", 7, True, ["sore"], [7], [None], ["time"] * 99)}, ("tags",),
          method="put", state="commented"),
    Route("plan-approve", "plans/{plan}/approve",
          {"decision": "accept", "comment": "", "version_id": "{head}", "content_sha256": "{sha}"},
          {"decision": CHOICE, "comment": (None, *TEXT), "version_id": (None, *ID, ELSEWHERE),
           "content_sha256": (None, 7, [], "0" * 64, "A" * 64, "0" * 63, LONG)},
          ("decision", "version_id", "content_sha256"), who="athlete", state="submitted", for_coaches=False),
    Route("plan-feedback", "plans/{plan}/feedback", {"score": 4, "comment": "fine"},
          {"score": (*WHOLE, 0, 6), "comment": (None, *TEXT)}, ("score",), who="athlete", state="published",
          for_coaches=False),
    Route("session-completion", "sessions/{due}/completion",
          {"status": "done", "duration_min": 40, "distance_km": 8, "rpe": 4, "note": "windy"},
          {"status": CHOICE, "duration_min": (*NUMBER, 1441), "distance_km": (*NUMBER, 1001),
           "rpe": (*WHOLE[1:], 11), "note": (None, *TEXT)}, ("status",), who="athlete", state="published"),
    Route("session-move", "sessions/{due}/move", {"plan_id": "{plan}", "day": "{next_day}"},
          {"plan_id": (None, *ID, ELSEWHERE), "day": (*DAY, "0001-01-01", "9999-12-31")}, ("plan_id", "day"),
          who="athlete", state="published", for_coaches=False),
    Route("plans", "plans", {"athlete_id": "{athlete}", "race_date": "{later}", "race_distance": "10k"},
          {"athlete_id": (*ID, ELSEWHERE), "race_date": (*DAY, "1999-01-01", "9999-12-31"),
           "race_distance": (None, "", "6k", *TEXT), "available_days": ("mon", {}, ["nonsense"], [7], ["mon"] * 8),
           "goal_time": ([1], {"a": 1}, True, "soon", "nan", "1e400", "0:01", -1, 1e300, 10**200, LONG),
           "model_choice": CHOICE[1:-1]}, ("race_date", "race_distance")),
    Route("me-results", "me/results", {"race": "5k", "day": "{yesterday}", "time": "25:00"},
          {"race": (None, "", "6k", "40km_tt", *TEXT), "day": (*DAY, "9999-12-31"),
           "time": (None, "", "nan", "1e400", "0:01", "-1:00", "1:2:3:4", *TEXT)},
          ("race", "day", "time"), who="athlete", for_coaches=False),
    Route("me-settings", "me/settings", {"units": "imperial", "name": "Ann", "birth_year": 1990, "sex": "female",
                                         "resting_heart_rate": 50, "time_zone": "Europe/Berlin",
                                         "personalised_plans": False},
          {"units": CHOICE, "name": (None, *TEXT), "birth_year": (*WHOLE[1:], 0), "sex": ([], {}, "nonsense", 7, True),
           "resting_heart_rate": (*WHOLE[1:], 0), "time_zone": (None, "", "Mars", "../../etc/passwd", *TEXT),
           "personalised_plans": TRUTH[1:]},
          method="patch", who="athlete", for_coaches=False),
    Route("me-consent", "me/consents/experiments", {"granted": True, "text_version": "2026-01"},
          {"granted": TRUTH, "text_version": (None, "", *TEXT)}, ("granted", "text_version"), method="put",
          who="athlete", for_coaches=False),
    Route("me-calendar", "me/calendar", {}, who="athlete", for_coaches=False),
]  # fmt: skip
COACHES_ALONE = ("plan-version", "plan-version-payload", "plan-submit", "plan-withdraw", "plan-regenerate",
                 "plan-shares", "plan-comment-tags")  # fmt: skip
"""Routes whose verb athletes do not have."""


@dataclass
class Bench:
    """A plan in the state that a route needs, and how to send something to it."""

    review: Review
    route: Route
    words: dict[str, str]
    strangers: dict[str, Any] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """Put this plan's ids into a body."""
        text = json.dumps(value)
        for name, word in self.words.items():
            text = text.replace(f"{{{name}}}", json.dumps(word)[1:-1])
        return json.loads(text)

    def send(self, content: bytes | str | Any, *, client: Any = None, media_type: str = "", **headers: str) -> Any:
        """Send the route's request with a body: bytes as they are, anything else as JSON."""
        route = self.route
        client = client or (self.review.as_coach if route.who == "coach" else self.review.as_athlete)
        client.raise_request_exception = False
        if route.needs_etag and not isinstance(content, dict) and "HTTP_IF_MATCH" not in headers:
            headers["HTTP_IF_MATCH"] = self.words["etag"]
        data = content if isinstance(content, bytes) else json.dumps(self.fill(content))
        path = "/api/v1/" + route.path.format(**self.words)
        return getattr(client, route.method)(
            path, data, content_type=media_type or route.media_type, **{k: v for k, v in headers.items() if v}
        )


def make_bench(route: Route) -> Bench:
    review = make_review()
    session = next(s for s in review.editable() if s["prescribed_work"]["duration_min"])
    review.patch([replace_op(session, "title", "Other")])
    words = {}
    if route.state == "commented":
        words["comment"] = review.as_coach.post(f"{review.url}/comments", {"message": "Hm"}).json()["id"]
    if route.state in ("submitted", "published"):
        assert review.submit().status_code == 200
    if route.state == "published":
        assert review.decide("accept").status_code == 200
    head = review.head()
    day = date.fromisoformat(session["day"])
    words |= {
        "plan": str(review.plan_id),
        "athlete": str(review.athlete.pk),
        "head": head["head_version"]["id"],
        "first": review.as_coach.get(f"{review.url}/versions").json()[-1]["id"],
        "sha": head["head_version"]["content_sha256"],
        "etag": head["etag"],
        "session": session["session_id"],
        "due": session["session_id"],
        "day": session["day"],
        "colleague": str(make_user("support").pk),
        "later": sunday(11).isoformat(),
        "yesterday": (clock.today() - timedelta(days=1)).isoformat(),
        "next_day": (day + timedelta(days=1 if day.weekday() < 6 else -1)).isoformat(),
    }
    other = make_user("athlete")
    make_athlete(user=other)
    strangers = {"another coach": api_of(make_user("coach")), "another athlete": api_of(other)}
    for client in (*strangers.values(), review.as_coach, review.as_athlete):
        # Recording somebody's first refusal makes their key.
        assert client.get("/api/v1/audit/proofs/consistency").status_code == 403
    return Bench(review, route, words, strangers)


def raw_bodies() -> Iterator[tuple[str, bytes, str, int]]:
    """What is no document that we read: (what, body, media type or "" for the route's own, status)."""
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    for what, body in {
        "cut off": b'{"comment": ',
        "NaN": b'{"x": NaN}',
        "Infinity": b'{"x": -Infinity}',
        "1e400": b'{"x": 1e400}',
        "a thousand digits": b'{"x": 1%s}' % (b"0" * 1000),
        "the same name twice": b'{"comment": "a", "comment": "b"}',
        "nested beyond recursion": b"[" * 200_000 + b"]" * 200_000,
        "nested deep": b'{"x": ' + b"[" * 100 + b"]" * 100 + b"}",
        "half a surrogate pair": b'{"x": "\\ud800"}',
        "half a surrogate pair in a name": b'{"\\udc00": 1}',
        "NUL in a text": b'{"x": "\\u0000"}',
        "NUL bytes": b"\x00\x00{}",
        "no UTF-8": b'{"x": "\xff\xfe"}',
        "two documents": b"{} {}",
        "a byte order mark": b"\xef\xbb\xbf{}",
    }.items():
        yield what, body, "", 400
    yield "10 MB", b'{"x": "' + b"y" * 10_000_000 + b'"}', "", 413
    yield "10 MB as a form", b"x=" + b"y" * 10_000_000, "application/x-www-form-urlencoded", 413
    yield "just too large", b" " * (most - 1) + b"{}", "", 413
    yield "XML", b"<plan/>", "application/xml", 415
    yield "no media type", b"{}", "nonsense", 415
    yield "packed", b"\x1f\x8b\x08", "application/json; charset=zlib", 400


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_hostile_input_gets_a_problem_and_nothing_changes(route: Route) -> None:
    bench = make_bench(route)
    hour = f"{bench.words['day']}T12:00:00+00:00" if route.name == "session-completion" else clock.now().isoformat()
    with clock.frozen(clock.now().fromisoformat(hour)):
        before = digest()
        wrong = [said for case in hostile(bench) if (said := fault(*case))]
        after = digest()
        assert wrong == [], "\n".join(wrong)
        assert changed(before, after) == set()
        taken = bench.send(route.body)
        assert taken.status_code in (200, 201, 202, 204), taken.content
        assert bool(changed(after, digest())) == route.changes


def hostile(bench: Bench) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    """Send everything that is wrong; yields (what it was, the answer, the statuses that are right)."""
    route = bench.route
    for what, body, media_type, status in raw_bodies():
        # A form is another media type to what takes JSON Patch alone.
        allowed = (status, 415) if media_type and route.method == "patch" else (status,)
        yield what, bench.send(body, media_type=media_type), allowed
        yield f"{what}, with a key", bench.send(body, media_type=media_type, HTTP_IDEMPOTENCY_KEY=str(uuid4())), allowed
    for document in ("x", 7, True, [[]], [7]):
        yield f"the document {document!r}", bench.send(document), (400,)
    if isinstance(route.body, dict):
        for name in route.required:
            yield f"no {name}", bench.send({k: v for k, v in route.body.items() if k != name}), (400,)
        for name, values in route.wrong.items():
            for value in values:
                said = f"{name} = {str(value)[:40]!r}"
                yield said, bench.send({**route.body, name: value}), (400, 403, 404, 409)
    yield from strangers(bench)
    if route.needs_etag:
        yield from stale(bench)
    if route.name == "plan-version":
        yield from bad_patches(bench)


def strangers(bench: Bench) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    route, body = bench.route, bench.route.body
    is_own = route.path.startswith("me/")
    if not is_own:
        for who, client in bench.strangers.items():
            # A role that lacks the verb altogether learns nothing of what is there either.
            wanted = 403 if who == "another athlete" and route.name in COACHES_ALONE else 404
            wanted = 403 if who == "another coach" and not route.for_coaches else wanted
            yield who, bench.send(body, client=client), (wanted,)
        bench_elsewhere = Bench(
            bench.review, route, {**bench.words, "plan": ELSEWHERE, "due": ELSEWHERE, "athlete": ELSEWHERE}
        )
        yield "no such plan", bench_elsewhere.send(body), (404,)
    if route.who == "coach" and route.name not in ("plans", "plan-comments", "plan-comment-resolve"):
        # Nothing was released to the athlete: they learn nothing of the plan.
        wanted = 403 if route.name in COACHES_ALONE else 404
        yield "the athlete", bench.send(body, client=bench.review.as_athlete), (wanted,)
    if not route.for_coaches:
        has_verb = route.name in ("me-results", "me-settings", "me-calendar")
        yield "the coach", bench.send(body, client=bench.review.as_coach), (404,) if is_own and has_verb else (403,)
    nobody = type(bench.review.as_coach)()
    yield "nobody", bench.send(body, client=nobody), (401,)
    nobody.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    yield "a made-up token", bench.send(body, client=nobody), (401,)


def stale(bench: Bench) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    route = bench.route
    bare = {k: v for k, v in route.body.items() if k != "expected_etag"} if isinstance(route.body, dict) else route.body
    for what, tag, status in (
        ("no If-Match", "", 428),
        ("If-Match: *", "*", 428),
        ("a weak tag", f"W/{bench.words['etag']}", 428),
        ("no tag", "nonsense", 428),
        ("a stale tag", '"1-0000000000000000"', 412),
    ):
        yield what, bench.send(bare, HTTP_IF_MATCH=tag), (status,)
    if isinstance(route.body, dict):
        for value in ("stale", [1], {"a": 1}, 7, True, LONG):
            yield f"expected_etag {str(value)[:20]!r}", bench.send({**route.body, "expected_etag": value}), (400, 412)
        yield "expected_etag null", bench.send({**route.body, "expected_etag": None}), (428, 400)


def bad_patches(bench: Bench) -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    path = "/sessions/{session}"
    for name, values in {
        "op": (*CHOICE, "copy", "move"),
        "path": (None, 7, [], {}, "", "/", path.upper(), "/sessions/0", f"/sessions/{ELSEWHERE}/title", f"{path}/nope",
                 "/sessions/-", f"{path}/prescribed_work/steps/0", f"{path}/title/x", "sessions", f"{path}~1title",
                 "/sessions", "/" * 5000, f"{path}/../x", f"{path}/session_id"),
        "value": (None, 7, [], {}, "", " ", True, LONG, 1e300),
        "reason": (7, {"a": 1}, ["injury"], [], "nonsense", True),
        "note": (7, [1], {"a": 1}, True, LONG),
    }.items():  # fmt: skip
        for value in values:
            yield f"{name} = {str(value)[:40]!r}", bench.send([{**OPERATION, name: value}]), (400,)
    for name, values in {
        "day": (*DAY, "1999-01-01", "9999-12-31"),
        "modality": CHOICE,
        "kind": CHOICE,
        "load": (None, [], {}, "40", -1, -0.0, 1e300, 0.15, True, 1001),
        "prescribed_work": (None, [], "x", 7, {"duration_min": "x"}, {"steps": {}}, {"steps": [[]]},
                            {"steps": [{"type": "x", "duration_min": 1}] * 61}),
        "key_session": (None, [], "x", 7, {}),
        "locked": (None, [], "x", 7, {}),
    }.items():  # fmt: skip
        for value in values:
            operation = {"op": "replace", "path": f"{path}/{name}", "value": value}
            yield f"{name} = {str(value)[:40]!r}", bench.send([operation]), (400,)
    copies = [{"op": "copy", "from": path, "path": f"/sessions/{uuid4()}"} for _ in range(40)]
    for what, patch in {
        "a copy bomb": copies,
        "a good one, then a bad one": [OPERATION, {**OPERATION, "op": "copy"}],
        "a test that fails": [{"op": "test", "path": f"{path}/title", "value": "x"}, OPERATION],
        "too many": [OPERATION] * 501,
        "half a megabyte of notes": [{**OPERATION, "note": "n" * 2000}] * 300,
        "a whole session, half known": [{"op": "add", "path": f"/sessions/{uuid4()}", "value": {"title": "x"}}],
        "remove a field": [{"op": "remove", "path": f"{path}/title"}],
    }.items():
        yield what, bench.send(patch), (400,)
    earlier = Bench(bench.review, bench.route, {**bench.words, "head": bench.words["first"]})
    yield "a version that is not the head", earlier.send(bench.route.body), (412,)
    unknown = Bench(bench.review, bench.route, {**bench.words, "head": str(uuid7())})
    yield "an unknown version", unknown.send(bench.route.body), (404, 412)


def fault(what: str, answer: Any, allowed: tuple[int, ...]) -> str:
    """Say what is wrong with an answer to something hostile; "" for a problem with the right status."""
    said = f"{what}: {answer.status_code} {answer.content[:200]!r}"
    if answer.status_code not in allowed:
        return f"{said}, wanted {allowed}"
    problem = answer.json() if answer["Content-Type"] == "application/problem+json" else {}
    return "" if problem.get("status") == answer.status_code and problem.get("type") else f"{said}: no problem"


def test_every_route_that_writes_to_plans_is_in_the_table() -> None:
    """A new route must be added above: the hostile bodies reach every handler that changes something."""
    writing = set()
    for pattern in urlpatterns:
        callback = getattr(pattern.callback, "__wrapped__", pattern.callback)
        if any(hasattr(callback.cls, method) for method in ("post", "patch", "put")):
            writing.add(pattern.name)
    assert writing == {route.name.removesuffix("-payload") for route in ROUTES}
