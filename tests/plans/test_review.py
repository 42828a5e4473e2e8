"""Flows A, B and C of the customer's specification through the public API, and what is refused on the way."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.services.people import link_coach
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from plans.document import FieldChange, apply_changes, canonical_json, content_sha256
from plans.models import PlanComment, PlanReview, PlanVersion, PlanVersionChange
from plans.selectors import content_of
from telemetry.models import OutboxEvent
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import added_session, make_plan, make_review, note_op, plan_row, replace_op

pytestmark = pytest.mark.django_db


@pytest.fixture
def review():
    return make_review()


def events_since(moment_id=None) -> list[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        rows = AuditEvent.objects.filter(action__startswith="plan.").order_by("id")
        return list((rows.filter(id__gt=moment_id) if moment_id else rows).values_list("action", flat=True))


def last_event():
    with unit_of_work(COMMAND_LINE, read_only=True):
        return AuditEvent.objects.order_by("-id").values_list("id", flat=True).first()


def test_flow_a_a_coach_reviews_edits_and_submits(review, django_capture_on_commit_callbacks):
    # The pending list shows the plan with its latest version's summary.
    (pending,) = review.as_coach.get("/api/v1/plans", {"status": "pending"}).json()["results"]
    assert (pending["id"], pending["status"]) == (str(review.plan_id), "generated")

    # Edits make a new immutable version that refers to its parent and carries a summary.
    first, second, third = review.editable()[:3]
    mark = last_event()
    minutes = first["prescribed_work"]["duration_min"]
    answer = review.patch(
        [
            replace_op(
                first, "prescribed_work/duration_min", minutes + 15, reason="coach_judgement", note="more of it"
            ),
            replace_op(first, "load", round(first["load"] + 10, 1), reason="coach_judgement"),
            {"op": "remove", "path": f"/sessions/{second['session_id']}", "reason": "travel"},
            note_op(third, "on grass"),
        ]
    )
    assert answer.status_code == 200, answer.content
    version = answer.json()
    assert (version["version_number"], version["status"]) == (2, "draft")
    assert version["parent_version_id"] == version["baseline_id"] == pending["head_version"]["id"]
    assert version["diff_summary_json"]["sessions"] == {"added": 0, "removed": 1, "replaced": 2, "moved": 0}
    assert version["diff_summary_json"]["reasons"] == {"coach_judgement": 2, "travel": 1}
    by_session = {change["session_id"]: change for change in version["changes"]}
    assert by_session[first["session_id"]]["note"] == "more of it"
    assert by_session[second["session_id"]]["change"] == "removed"
    assert answer["ETag"] == version["etag"] == review.head()["etag"]
    assert events_since(mark) == ["plan.edit", "plan.edit_state"]
    with unit_of_work(COMMAND_LINE, read_only=True):
        emitted = set(OutboxEvent.objects.filter(aggregate_id=review.plan_id).values_list("type", flat=True))
    assert emitted == {"plan.generated", "plan.edited", "plan.version.updated"}

    # Submitting notifies the athlete.
    with django_capture_on_commit_callbacks(execute=True):
        submitted = review.submit(comment="Have a look", reason="coach_judgement")
    assert submitted.json()["status"] == "coach_reviewed", submitted.content
    assert [(m.to, "reviewed" in m.subject) for m in mail.outbox] == [([review.user.email], True)]
    (told,) = review.as_athlete.get("/api/v1/notifications").json()["results"]
    assert (told["kind"], told["target_id"], told["read_at"]) == ("plan.reviewed", str(review.plan_id), None)
    assert review.as_athlete.post("/api/v1/notifications/read", {"all": True}).json() == {"marked": 1}
    assert review.as_athlete.get("/api/v1/notifications", {"unread": "true"}).json()["results"] == []
    assert review.as_coach.get("/api/v1/plans", {"status": "pending"}).json()["results"] == []


def test_flow_b_an_athlete_requests_changes_then_accepts(review, django_capture_on_commit_callbacks):
    session, other = review.editable()[:2]
    assert review.as_athlete.get(review.url).status_code == 404, "nothing was released to the athlete yet"
    review.patch([replace_op(session, "title", "Fartlek", reason="athlete_preference")])
    assert review.as_athlete.get(review.url).status_code == 404
    assert review.submit().status_code == 200

    seen = review.version(review.as_athlete, against="baseline")
    assert [(c["change"], c["after"]["title"]) for c in seen["changes"]] == [("replaced", "Fartlek")]
    assert seen["impact"].startswith("Sessions: 1 replaced")

    comment = {"anchor_id": session["session_id"], "message": "Can this be on Thursday?"}
    thread = review.as_athlete.post(f"{review.url}/comments", comment)
    assert thread.status_code == 201
    with django_capture_on_commit_callbacks(execute=True):
        back = review.decide("request_changes", comment="See my comment")
    assert back.json()["status"] == "needs_revision"
    assert any(review.coach.email in m.to for m in mail.outbox)

    reply = {"message": "Moved.", "parent_id": thread.json()["id"]}
    assert review.as_coach.post(f"{review.url}/comments", reply).json()["anchor_id"] == session["session_id"]
    resolved = review.as_coach.post(f"{review.url}/comments/{thread.json()['id']}/resolve")
    assert resolved.json()["resolved_at"]
    review.patch([note_op(other, "easy!")])
    hidden = review.as_athlete.get(review.url).json()
    assert (hidden["status"], hidden["head_version"]) == ("draft", None), "drafts are the coach's own"
    assert review.as_athlete.get(f"{review.url}/versions/{review.head()['head_version']['id']}").status_code == 404
    assert review.submit().status_code == 200

    mark = last_event()
    accepted = review.decide("accept").json()
    assert (accepted["status"], accepted["active_version_id"]) == ("published", accepted["head_version"]["id"])
    assert events_since(mark) == ["plan.approve", "plan.approve_state", "plan.publish", "plan.publish_state"]
    entries = review.as_athlete.get(f"{review.url}/changelog").json()["results"]
    types = [entry["type"] for entry in entries]
    assert types.count("decision") == 4
    assert types.count("comment") == 2
    assert types.count("change") == 2
    assert [e["detail"]["decision"] for e in entries if e["type"] == "decision"] == [
        "accept",
        "submit",
        "request_changes",
        "submit",
    ]


def test_flow_c_an_administrator_follows_the_history(review):
    session = review.editable()[0]
    review.patch([replace_op(session, "title", "Hills", reason="weather", note="flooded track")])
    review.submit()
    review.decide("accept")
    admin = api_of(make_user("admin"))
    versions = admin.get(f"{review.url}/versions").json()
    assert [(v["version_number"], v["author_name"]) for v in versions] == [(2, "coach"), (1, "coach")]
    shown = admin.get(f"{review.url}/versions/{versions[0]['id']}", {"against": versions[1]["id"]}).json()
    (change,) = shown["changes"]
    assert (change["before"]["title"], change["after"]["title"]) == (session["title"], "Hills")
    assert (change["reason"], change["note"]) == ("weather", "flooded track")
    only_coach = admin.get(f"{review.url}/changelog", {"user": str(review.coach.pk)}).json()["results"]
    assert {entry["user_id"] for entry in only_coach} == {str(review.coach.pk)}
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    assert admin.get(f"{review.url}/changelog", {"from": tomorrow}).json()["results"] == []


def test_a_changelog_is_paged_without_loss(review):
    review.patch([note_op(s, f"n{i}") for i, s in enumerate(review.editable()[:7])])
    seen, url = [], f"{review.url}/changelog?page_size=3"
    while url:
        page = review.as_coach.get(url).json()
        seen += [entry["id"] for entry in page["results"]]
        url = page["next"]
    assert len(seen) == len(set(seen)) == 7


def test_an_administrator_may_decide_in_the_athletes_place_with_a_reason(review):
    review.submit()
    admin = api_of(make_user("admin"))
    assert review.decide("accept", admin).status_code == 400
    assert review.decide("accept", review.as_coach, comment="I say so").status_code == 403
    assert review.decide("accept", admin, comment="on the phone").json()["status"] == "published"
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert PlanReview.objects.get(plan=review.plan_id, decision="accept").is_override


def test_a_decision_names_what_was_seen(review):
    session = review.editable()[0]
    first = review.head()["head_version"]
    review.patch([replace_op(session, "title", "Hills")])
    review.submit()
    stale = review.decide("accept", version_id=first["id"], content_sha256=first["content_sha256"])
    assert (stale.status_code, stale.json()["type"]) == (409, "/problems/content-changed/")
    wrong = review.decide("accept", content_sha256="0" * 64)
    assert wrong.status_code == 409
    assert review.head()["status"] == "coach_reviewed"
    assert review.decide("accept").status_code == 200
    assert review.decide("accept").status_code == 409, "decided already"


def test_a_stale_edit_is_told_what_happened_and_changes_nothing(review):
    mine, theirs = review.editable()[:2]
    head = review.head()
    review.patch([replace_op(theirs, "title", "Theirs")])
    stale = review.patch([replace_op(mine, "title", "Mine")], etag=head["etag"], version_id=head["head_version"]["id"])
    assert stale.status_code == 412
    problem = stale.json()
    assert problem["current_etag"] == review.head()["etag"]
    assert [c["after"]["title"] for c in problem["theirs"]["changes"]] == ["Theirs"]
    assert "Mine" not in [s["title"] for s in review.sessions()]
    url = f"{review.url}/versions/{head['head_version']['id']}"
    assert review.as_coach.patch(url, [], format="json").status_code == 428


def test_the_same_key_has_one_effect(review):
    session, etag = review.editable()[0], review.head()["etag"]
    version_id = review.head()["head_version"]["id"]
    operations = [replace_op(session, "title", "Once")]
    first = review.patch(operations, etag=etag, version_id=version_id, HTTP_IDEMPOTENCY_KEY="k1")
    again = review.patch(operations, etag=etag, version_id=version_id, HTTP_IDEMPOTENCY_KEY="k1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"]
    other = review.patch(
        [replace_op(session, "title", "X")], etag=etag, version_id=version_id, HTTP_IDEMPOTENCY_KEY="k1"
    )
    assert other.status_code == 422


@pytest.mark.parametrize("media_type", ["application/json-patch+json", "application/json"])
def test_a_patch_is_taken_under_both_media_types(review, media_type):
    session, head = review.editable()[0], review.head()
    answer = review.as_coach.generic(
        "PATCH",
        f"{review.url}/versions/{head['head_version']['id']}",
        json.dumps([replace_op(session, "title", "Hills")]),
        content_type=media_type,
        HTTP_IF_MATCH=head["etag"],
    )
    assert answer.status_code == 200, answer.content


def test_a_domain_payload_edits_as_well(review):
    keep, drop = review.editable()[:2]
    new_id, entry = added_session(keep["day"])
    body = {
        "sessions": {keep["session_id"]: {"title": "Hills"}, drop["session_id"]: None, new_id: entry},
        "reason": "travel",
    }
    answer = review.patch(body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["diff_summary_json"]["sessions"] == {"added": 1, "removed": 1, "replaced": 1, "moved": 0}


def test_the_race_the_past_and_days_outside_stay(review):
    race = next(s for s in review.sessions() if s["kind"] == "race")
    session = review.editable()[0]
    yesterday = (clock.today() - timedelta(days=1)).isoformat()
    for operations in (
        [{"op": "remove", "path": f"/sessions/{race['session_id']}"}],
        [replace_op(race, "day", session["day"])],
        [replace_op(session, "day", yesterday)],
        [replace_op(session, "day", "2031-01-01")],
    ):
        refused = review.patch(operations)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/0"), refused.content
    assert review.head()["head_version"]["version_number"] == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('[{"op": "replace", "path": "/sessions/1/day", "value": "2026-12-01"}]', 400),
        ("[" + '{"op": "copy", "from": "/sessions", "path": "/sessions/a"},' * 39 + '{"op": "copy"}]', 400),
        ('[{"op": "replace", "path": "/sessions/ID/load", "value": NaN}]', 400),
        ('[{"op": "remove", "path": "/sessions/00000000-0000-4000-8000-000000000000"}]', 400),
        ('{"sessions": []}', 400),
        ("[1]", 400),
        ("7", 400),
        ("null", 400),
        ("[[[[[[[[[[[[[[[[[[[[[[", 400),
        ('[{"op": "replace", "path": "/sessions/ID/title", "value": "' + "x" * 600_000 + '"}]', 400),
    ],
    ids=[
        "position",
        "copy bomb",
        "NaN",
        "unknown session",
        "payload",
        "number",
        "bare",
        "null",
        "cut off",
        "oversized",
    ],
)
def test_hostile_bodies_get_a_problem_and_change_nothing(review, body, status):
    head = review.head()
    body = body.replace("ID", review.editable()[0]["session_id"])
    answer = review.as_coach.generic(
        "PATCH",
        f"{review.url}/versions/{head['head_version']['id']}",
        body,
        content_type="application/json-patch+json",
        HTTP_IF_MATCH=head["etag"],
    )
    assert answer.status_code == status, answer.content[:300]
    assert answer["Content-Type"].startswith("application/problem+json")
    assert review.head() == head


def test_strangers_see_nothing_and_viewers_may_not_edit(review):
    stranger = api_of(make_user("coach"))
    head = review.head()
    version_url = f"{review.url}/versions/{head['head_version']['id']}"
    for client, editing in ((stranger, 404), (review.as_athlete, 403)):
        assert client.patch(version_url, [], format="json", HTTP_IF_MATCH=head["etag"]).status_code == editing
        assert client.post(f"{review.url}/submit", {"expected_etag": head["etag"]}).status_code == editing
        assert client.post(f"{review.url}/what-if", {"operations": []}, format="json").status_code == 404
        assert client.post(f"{review.url}/comments", {"message": "x"}).status_code == 404
    review.submit()
    assert review.as_athlete.post(f"{review.url}/withdraw", {"expected_etag": review.head()["etag"]}).status_code == 403
    assert review.decide("accept", stranger, comment="mine").status_code == 403


def test_private_notes_stay_with_the_coaches_of_their_day(review):
    review.submit()
    shared = review.as_coach.post(f"{review.url}/comments", {"message": "well done"}).json()
    private = review.as_coach.post(
        f"{review.url}/comments", {"message": "watch the knee", "visibility": "coach"}
    ).json()
    assert [c["id"] for c in review.as_coach.get(f"{review.url}/comments").json()] == [shared["id"], private["id"]]
    assert [c["id"] for c in review.as_athlete.get(f"{review.url}/comments").json()] == [shared["id"]]
    refused = review.as_athlete.post(f"{review.url}/comments", {"message": "psst", "visibility": "coach"})
    assert refused.status_code == 403
    with unit_of_work(COMMAND_LINE):
        note = PlanComment.objects.get(pk=private["id"])
        note.pk, note.created_at = uuid7(), clock.now() - timedelta(days=3)
        note.save(force_insert=True)
    successor = make_user("coach")
    link_coach(coach_id=successor.pk, athlete_id=review.athlete.pk, acting_user=COMMAND_LINE)
    seen = {c["id"] for c in api_of(successor).get(f"{review.url}/comments").json()}
    assert seen == {shared["id"], private["id"]}, "today's notes, not those from before the link"
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert b"knee" not in bytes(PlanComment.objects.get(pk=private["id"]).message)


def test_a_what_if_answers_without_storing(review):
    sessions = review.editable()
    heavy = [replace_op(s, "load", min(round(s["load"] * 2.5, 1), 900.0)) for s in sessions]
    found = review.as_coach.post(f"{review.url}/what-if", {"operations": heavy}, format="json")
    assert found.status_code == 200, found.content
    body = found.json()
    assert body["summary"]["load"]["percent"] > 100
    assert any(guard["safety"] and guard["new"] for guard in body["guards"])
    assert len(body["days"]) == len(body["after_series"]["form"]) > 60
    assert review.head()["head_version"]["version_number"] == 1
    bad = review.as_coach.post(f"{review.url}/what-if", {"operations": [{"op": "copy"}]}, format="json")
    assert bad.status_code == 400


def test_a_broken_safety_guard_needs_a_reason_to_be_submitted(review):
    heavy = [replace_op(s, "load", min(round(s["load"] * 2.5, 1), 900.0)) for s in review.editable()]
    review.patch(heavy)
    refused = review.submit()
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/reason-required/")
    assert refused.json()["guards"]
    assert review.head()["status"] == "draft"
    assert review.submit(reason="coach_judgement", comment="a training camp").status_code == 200


def test_reasons_given_with_the_edits_are_enough(review):
    heavy = [
        replace_op(s, "load", min(round(s["load"] * 2.5, 1), 900.0), reason="coach_judgement")
        for s in review.editable()
    ]
    review.patch(heavy)
    assert review.submit().status_code == 200


def test_revising_a_published_plan_leaves_the_old_one_active(review):
    review.submit()
    review.decide("accept")
    active = review.head()["active_version_id"]
    review.patch([replace_op(review.editable()[0], "title", "Hills")])
    head = review.head()
    assert (head["status"], head["active_version_id"]) == ("draft", active)
    taken_back = review.as_coach.post(f"{review.url}/withdraw", {"expected_etag": head["etag"], "comment": "no"})
    assert taken_back.json()["status"] == "published"
    assert taken_back.json()["head_version"]["id"] == active
    review.patch([replace_op(review.editable()[0], "title", "Hills again")])
    assert review.head()["head_version"]["version_number"] == 3, "numbers go on after a withdrawn revision"


def test_a_newly_accepted_plan_supersedes_the_one_before(review):
    review.submit()
    review.decide("accept")
    second = make_plan(review.coach, review.athlete, race="5k", weeks=14, seed=7)
    first, review.plan_id = review.plan_id, second
    review.submit()
    review.decide("accept")
    assert review.head()["status"] == "published"
    review.plan_id = first
    assert (review.head()["status"], review.head()["active_version_id"]) == ("superseded", None)


def test_regenerating_keeps_what_the_coach_edited(review):
    edited, removed = review.editable()[10], review.editable()[12]
    new_id, entry = added_session(review.editable()[5]["day"])
    review.patch(
        [
            replace_op(edited, "title", "Mine", reason="coach_judgement"),
            {"op": "remove", "path": f"/sessions/{removed['session_id']}"},
            {"op": "add", "path": f"/sessions/{new_id}", "value": entry},
        ]
    )
    review.as_coach.post(f"{review.url}/comments", {"anchor_id": edited["session_id"], "message": "stay"})
    answer = review.as_coach.post(f"{review.url}/regenerate", {"expected_etag": review.head()["etag"]})
    assert answer.status_code == 200, answer.content
    by_id = {s["session_id"]: s for s in review.sessions()}
    assert by_id[edited["session_id"]]["title"] == "Mine"
    assert removed["session_id"] not in by_id
    assert by_id[new_id]["title"] == entry["title"]
    assert answer.json()["version"]["baseline_id"] != answer.json()["version"]["parent_version_id"]
    assert answer.json()["plan"]["status"] == "draft"
    assert len([s for s in by_id.values() if s["kind"] == "race"]) == 1


def test_regenerating_for_another_race_date_moves_the_race(review):
    race = next(s for s in review.sessions() if s["kind"] == "race")
    later = (plan_row(review).race_date + timedelta(days=7)).isoformat()
    body = {"expected_etag": review.head()["etag"], "race_date": later}
    assert review.as_coach.post(f"{review.url}/regenerate", body).status_code == 200
    races = [s for s in review.sessions() if s["kind"] == "race"]
    assert [(s["session_id"], s["day"]) for s in races] == [(race["session_id"], later)]
    assert review.head()["race_date"] == later
    past = {"expected_etag": review.head()["etag"], "race_date": "2020-01-01"}
    refused = review.as_coach.post(f"{review.url}/regenerate", past)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "#/race_date")


def test_withdrawing_a_regeneration_takes_its_race_date_and_goal_back(review):
    before = plan_row(review)
    review.submit()
    review.decide("accept")

    def again(weeks: int) -> None:
        race_date = (before.race_date + timedelta(weeks=weeks)).isoformat()
        body = {"expected_etag": review.head()["etag"], "race_date": race_date, "goal_time": f"0:5{weeks}:00"}
        assert review.as_coach.post(f"{review.url}/regenerate", body).status_code == 200
        assert review.head()["race_date"] == race_date

    def withdrawn() -> tuple[str, object]:
        taken_back = review.as_coach.post(f"{review.url}/withdraw", {"expected_etag": review.head()["etag"]})
        assert taken_back.json()["status"] == "published"
        races = [session["day"] for session in review.sessions() if session["kind"] == "race"]
        assert races == [taken_back.json()["race_date"]]
        return races[0], plan_row(review).goal_seconds

    for weeks in (1, 2):
        again(weeks)
    assert withdrawn() == (before.race_date.isoformat(), before.goal_seconds)
    again(1)
    review.submit(reason="coach_judgement")
    review.decide("accept")
    again(2)
    assert withdrawn() == ((before.race_date + timedelta(weeks=1)).isoformat(), 51 * 60.0)


def test_a_client_that_knows_what_it_sent_gets_no_copy_of_it(review):
    session = review.editable()[3]
    answer = review.patch([replace_op(session, "load", 51.5)], HTTP_PREFER="return=minimal")
    assert answer.status_code == 200
    assert answer["Preference-Applied"] == "return=minimal"
    body = answer.json()
    assert "weeks" not in body
    head = review.head()
    assert (body["id"], body["etag"], answer["ETag"]) == (head["head_version"]["id"], head["etag"], head["etag"])
    assert (body["version_number"], body["predicted"] is not None, bool(body["impact"])) == (2, True, True)
    whole = review.patch([replace_op(session, "load", 52.5)], HTTP_PREFER="return=representation")
    assert whole.json()["weeks"]


def test_replaying_the_changes_over_the_parent_gives_the_version(review):
    review.patch(
        [
            replace_op(review.editable()[3], "load", 55.5),
            {"op": "remove", "path": f"/sessions/{review.editable()[4]['session_id']}"},
        ]
    )
    review.as_coach.post(f"{review.url}/regenerate", {"expected_etag": review.head()["etag"]})
    with unit_of_work(COMMAND_LINE, read_only=True):
        versions = PlanVersion.objects.filter(plan=review.plan_id).exclude(parent_version=None)
        assert versions.count() == 3
        for version in versions.select_related("parent_version"):
            rows = PlanVersionChange.objects.filter(version=version)
            changes = [
                FieldChange(r.field_path, str(r.session_id), r.change_type, r.old_value, r.new_value) for r in rows
            ]
            replayed = apply_changes(content_of(version.parent_version), changes)
            assert canonical_json(replayed) == canonical_json(content_of(version))
            assert content_sha256(replayed) == version.content_sha256


@pytest.mark.parametrize("url", ["", "/versions", "/changelog", "/comments"])
def test_query_counts_do_not_grow(review, url):
    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert review.as_coach.get(f"{review.url}{url}").status_code == 200
        return len(queries)

    review.patch([replace_op(review.editable()[0], "title", "one", reason="travel", note="n")])
    review.as_coach.post(f"{review.url}/comments", {"message": "one"})
    few = count()
    for i in range(5):
        review.patch([replace_op(s, "title", f"t{i}", reason="travel", note="n") for s in review.editable()[:10]])
        review.as_coach.post(f"{review.url}/comments", {"message": f"{i}"})
    assert count() == few


def test_the_pending_list_asks_the_same_few_queries_for_any_number(review):
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = review.as_coach.get("/api/v1/plans", {"status": "pending"})
        assert answer.status_code == 200
        return len(queries)

    few = count()
    for _ in range(4):
        make_plan(review.coach, make_athlete(coach=review.coach))
    assert count() == few


def test_the_pending_page_tells_what_is_new_since_the_last_look(review, client):
    client.force_login(review.coach)
    page = client.get("/admin/plans/plan/pending/").content.decode()
    assert "not opened yet" in page
    assert ">1<" in page.replace(" ", ""), "the sidebar's badge"
    assert review.as_coach.post(f"{review.url}/look", {"version_number": 1}).status_code == 204
    assert "no edits" in client.get("/admin/plans/plan/pending/").content.decode()
    review.patch([replace_op(review.editable()[0], "title", "Hills", reason="weather")])
    page = client.get("/admin/plans/plan/pending/").content.decode()
    assert "~1" in page
    assert "weather" in page
    assert review.as_coach.post(f"{review.url}/look", {"version_number": 9}).status_code == 404
    review.submit()
    assert "Nothing awaits your review" in client.get("/admin/plans/plan/pending/").content.decode()
    client.force_login(make_user("support"))
    assert client.get("/admin/plans/plan/pending/").status_code == 403


def test_the_pending_page_needs_at_most_six_queries_of_its_own(review, client):
    client.force_login(review.coach)
    client.get("/admin/plans/plan/pending/")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/admin/plans/plan/pending/").status_code == 200
        # Not counted: savepoints, and what tells PostgreSQL who acts; they read no table.
        return len([q for q in queries if " FROM " in q["sql"]])

    few = count()
    for _ in range(3):
        make_plan(review.coach, make_athlete(coach=review.coach))
    assert count() == few <= 6


def test_a_diff_never_quotes_a_draft_to_the_athlete(review):
    session = review.editable()[0]
    review.patch([replace_op(session, "title", "Secret idea")])
    review.patch([replace_op(session, "title", "Hills")])
    review.submit()
    for url in (f"{review.url}/changelog", f"{review.url}/versions/{review.head()['head_version']['id']}"):
        assert "Secret idea" not in review.as_athlete.get(url).content.decode()
        assert "Secret idea" in review.as_coach.get(url).content.decode()
    (change,) = review.version(review.as_athlete)["changes"]
    assert (change["before"]["title"], change["after"]["title"]) == (session["title"], "Hills")
