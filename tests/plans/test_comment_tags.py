"""Tags on comments: who sees and corrects them, what is learnt from corrections, and what is not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from accounts.services.consent import record_consent
from accounts.services.erasure import confirm_erasure, request_erasure
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, KeyDestroyed, NotPermitted
from common.management.base import COMMAND_LINE
from common.models import Job
from modeling import taggers
from modeling.models import TagModelRecord
from modeling.services.tag_models import TrainedTags, store_tag_model
from modeling.taggers import seed_version, tagger_in_use
from modeling.tagging.fitting import seed_model
from modeling.tagging.model import document_of, sha256_of
from modeling.tagging.seed import seed_reach, seed_sha256
from plans.models import PlanCommentTag
from plans.services import tag_comment as tagging
from plans.services.correct_tags import correct_tags
from plans.services.retrain_tags import retrain_tags, retrain_tags_where_due
from plans.services.share_plan import share_plan
from plans.services.tag_comment import JOB_KIND, TAGGER, tag_comment
from plans.tags import tags_of
from tests.factories import api_of, make_user
from tests.plans.review import Review, make_review
from tests.support.databases import ON_POSTGRES

pytestmark = [pytest.mark.django_db, pytest.mark.long]

UNKNOWN = "the wobbly thing happened again on the way home"
"""Words that the model reads and of which it makes no illness."""


@pytest.fixture
def review() -> Review:
    made = make_review(race="5k", weeks=6)
    assert made.submit().status_code == 200
    return made


def said(review: Review, message: str, **more: Any) -> str:
    answer = review.as_coach.post(f"{review.url}/comments", {"message": message, **more})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def tagged(review: Review, message: str) -> str:
    comment = said(review, message)
    tag_comment(comment_id=comment, acting_user=TAGGER)
    return comment


def put(review: Review, comment: str, tags: Any, client: Any = None, **headers: str) -> Any:
    return (client or review.as_coach).put(
        f"{review.url}/comments/{comment}/tags", {"tags": tags}, format="json", **headers
    )


def shown(review: Review, comment: str, client: Any = None) -> Any:
    rows = (client or review.as_coach).get(f"{review.url}/comments").json()
    (row,) = (row for row in rows if row["id"] == comment)
    return row["tags"]


def rows(**where: Any) -> list[PlanCommentTag]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(PlanCommentTag.objects.filter(**where).order_by("id"))


def consent(review: Review, granted: bool = True) -> None:
    record_consent(
        athlete_id=review.athlete.pk,
        purpose="training",
        granted=granted,
        text_version="1",
        acting_user=COMMAND_LINE,
    )


def answers(text: str) -> set[str]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        tagger = tagger_in_use()
    assert tagger is not None
    return {one.tag for one in tagger.tags_of(text)}


def test_a_comment_is_tagged_after_the_commit(review, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        comment = said(review, "My knee hurts and I have no time on Friday")
        assert rows(comment=comment) == [], "not in the request"
    found = shown(review, comment)
    assert {(one["tag"], one["source"]) for one in found} == {("injury", "model"), ("time", "model")}
    assert found[0]["probability"] >= found[1]["probability"] > 0.3
    assert {row.model_version for row in rows(comment=comment)} == {seed_version()}
    (event,) = events("plan.comment_tag")
    assert "injury" not in json.dumps(event.metadata_json), "what it is about is ciphertext in the log"
    with unit_of_work(COMMAND_LINE, read_only=True):
        (job,) = Job.objects.filter(kind=JOB_KIND)
    assert "knee" not in json.dumps([job.payload, job.result])


def events(action: str) -> list[AuditEvent]:
    with unit_of_work(COMMAND_LINE, read_only=True):
        return list(AuditEvent.objects.filter(action=action))


def test_tagging_twice_changes_nothing(review):
    comment = tagged(review, "I have the flu")
    before = [row.pk for row in rows(comment=comment)]
    again = tag_comment(comment_id=comment, acting_user=TAGGER)
    assert [row.pk for row in again] == before == [row.pk for row in rows(comment=comment)]
    assert len(events("plan.comment_tag")) == 1


def test_another_language_is_other_without_a_probability(review):
    comment = tagged(review, "Mein Knie tut seit Dienstag weh")
    assert shown(review, comment) == [{"tag": "other", "probability": None, "source": "model"}]


def test_a_correction_wins_over_the_model_also_over_a_later_one(review, monkeypatch):
    comment = tagged(review, "My knee hurts")
    answer = put(review, comment, ["time", "motivation"])
    assert answer.status_code == 200, answer.content
    wanted = [
        {"tag": "time", "probability": None, "source": "coach"},
        {"tag": "motivation", "probability": None, "source": "coach"},
    ]
    assert answer.json()["tags"] == wanted == shown(review, comment)
    monkeypatch.setattr(taggers, "seed_version", lambda: "seed-of-tomorrow")
    tag_comment(comment_id=comment, acting_user=TAGGER)
    assert {row.model_version for row in rows(comment=comment, source="model")} == {seed_version(), "seed-of-tomorrow"}
    assert shown(review, comment) == wanted
    put(review, comment, ["other"])
    assert [one["tag"] for one in shown(review, comment)] == ["other"], "the newest correction counts"
    assert len(events("plan.comment_tags_correct")) == 2
    assert "motivation" not in json.dumps([event.metadata_json for event in events("plan.comment_tags_correct")])


def test_the_same_correction_again_is_not_stored_again(review):
    comment = tagged(review, "My knee hurts")
    for _ in range(2):
        assert put(review, comment, ["injury"]).status_code == 200
    assert len(rows(comment=comment, source="coach")) == 1
    for _ in range(2):
        answer = put(review, comment, ["time"], HTTP_IDEMPOTENCY_KEY="once")
        assert answer.status_code == 200
    assert len(rows(comment=comment, source="coach")) == 2


@pytest.mark.parametrize("tags", [[], ["laziness"], ["other", "time"], "injury", None, [["injury"]]])
def test_faulty_sets_are_refused_and_nothing_is_stored(review, tags):
    comment = tagged(review, "My knee hurts")
    before = shown(review, comment)
    answer = put(review, comment, tags)
    assert answer.status_code == 400 and answer["Content-Type"].startswith("application/problem+json")
    assert shown(review, comment) == before and rows(source="coach") == []


def test_who_sees_and_corrects(review):
    comment = tagged(review, "My knee hurts")
    assert shown(review, comment, review.as_athlete) is None
    assert put(review, comment, ["time"], review.as_athlete).status_code == 403
    stranger, admin, shared = make_user("coach"), make_user("admin"), make_user("coach")
    assert put(review, comment, ["time"], api_of(stranger)).status_code == 404
    share_plan(
        plan_id=review.plan_id,
        user_id=shared.pk,
        expires_at=clock.now() + timedelta(days=2),
        reason="look",
        acting_user=review.coach,
    )
    assert shown(review, comment, api_of(shared)) is None
    assert put(review, comment, ["time"], api_of(shared)).status_code == 403
    assert put(review, comment, ["time"], api_of(admin)).status_code == 200
    assert [one["tag"] for one in shown(review, comment)] == ["time"]
    other = make_review(race="5k", weeks=6, seed=2)
    assert put(other, comment, ["time"]).status_code == 404, "not a comment of that plan"


def test_the_table_itself_shows_tags_to_coaches_of_the_athlete_alone(review):
    comment = tagged(review, "My knee hurts")
    seen = {}
    for who in (review.coach, review.user, make_user("coach"), make_user("support"), make_user("admin")):
        with unit_of_work(who, read_only=True):
            seen[who.pk] = PlanCommentTag.objects.filter(comment=comment).count()
    counts = list(seen.values())
    assert counts == ([1, 0, 0, 0, 1] if ON_POSTGRES else [1] * 5)
    # SQLite has the first wall alone: the policy's.
    assert shown(review, comment, review.as_athlete) is None


def test_the_database_refuses_what_cannot_be(review):
    comment = tagged(review, "My knee hurts")
    (row,) = rows(comment=comment)
    for change in (
        {"tag": "laziness"},
        {"probability": 1.5},
        {"source": "coach"},
        {"model_version": ""},
        {"set_id": row.set_id},
    ):
        fields = {field.attname: getattr(row, field.attname) for field in PlanCommentTag._meta.concrete_fields}
        fields.update({"id": None, "tag": "time", **change})
        if "set_id" in change:
            fields.update(tag=row.tag, model_version="another")
        fields.pop("id")
        with pytest.raises(IntegrityError), unit_of_work(COMMAND_LINE), transaction.atomic():
            PlanCommentTag.objects.create(**fields)


def test_erasing_takes_the_tags_and_nothing_is_tagged_afterwards(review):
    other = make_review(race="5k", weeks=6, seed=2)
    comment, kept = tagged(review, "My knee hurts"), tagged(other, "I am ill")
    put(review, comment, ["injury", "time"])
    asked = request_erasure(athlete_id=review.athlete.pk, reason="a letter", acting_user=make_user("admin"))
    confirm_erasure(request_id=asked.pk, acting_user=make_user("admin"))
    assert [str(row.comment_id) for row in rows()] == [kept]
    with pytest.raises(KeyDestroyed):
        tag_comment(comment_id=comment, acting_user=TAGGER)
    assert len(rows()) == 1


def test_without_scikit_learn_comments_are_just_not_tagged(review, monkeypatch):
    monkeypatch.setattr(tagging, "is_available", lambda: False)
    monkeypatch.setattr(taggers, "is_available", lambda: False)
    comment = said(review, "My knee hurts")
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert not Job.objects.filter(kind=JOB_KIND).exists()
    assert tag_comment(comment_id=comment, acting_user=TAGGER) == ()
    assert shown(review, comment) == []


def test_a_damaged_model_lets_the_seed_set_serve(review):
    document = document_of(seed_model(), seed_sha256=seed_sha256(), corrections=0)
    trained = TrainedTags(
        "of-a-test",
        document,
        sha256_of(document),
        [],
        {"mean_f1": 0.8, "difference": 0.0, "low": 0.0, "accepted": True},
    )
    store_tag_model(trained=trained, acting_user=COMMAND_LINE)
    with unit_of_work(COMMAND_LINE, read_only=True):
        tagger = tagger_in_use()
        assert tagger is not None and tagger.version == "of-a-test"
    taggers._loaded.clear()
    with unit_of_work(COMMAND_LINE):
        row = TagModelRecord.objects.get(version="of-a-test")
        row.document["tags"]["injury"]["intercept"] = 9.0
        row.save()
    with unit_of_work(COMMAND_LINE, read_only=True):
        tagger = tagger_in_use()
    assert tagger is not None and tagger.version == seed_version()
    assert [one.tag for one in tagger.model.tags_of("My knee hurts", seed_reach())] == ["injury"]
    damaged = TrainedTags("damaged", {**document, "format": 7}, trained.sha256, [], trained.metrics)
    with pytest.raises(InvalidInput):
        store_tag_model(trained=damaged, acting_user=COMMAND_LINE)


def corrected(review: Review, text: str, tags: list[str], times: int = 1) -> list[str]:
    comments = [said(review, text) for _ in range(times)]
    for comment in comments:
        correct_tags(plan_id=review.plan_id, comment_id=comment, tags=tags, acting_user=review.coach)
    return comments


def test_retraining_learns_from_corrections_and_stops_when_consent_ends(review):
    consent(review)
    corrected(review, UNKNOWN, ["illness"], times=2)
    assert "illness" not in answers(UNKNOWN)
    done = retrain_tags(acting_user=COMMAND_LINE)
    assert done.in_use and done.finding.startswith("not worse")
    assert "illness" in answers(UNKNOWN)
    with unit_of_work(COMMAND_LINE, read_only=True):
        (row,) = TagModelRecord.objects.all()
    assert "wobbly" not in json.dumps([row.document, row.metrics, row.learnt_from])
    assert len(row.learnt_from) == 2 and row.metrics["model"]["mean"]["f1"] > 0.7
    assert retrain_tags(acting_user=COMMAND_LINE).in_use
    assert len(events("tags.train")) == 1, "the same model again is the row that is there"

    consent(review, granted=False)
    again = retrain_tags(acting_user=COMMAND_LINE)
    assert again.trained.learnt_from == [] and again.trained.version == seed_version() and again.in_use
    assert "illness" not in answers(UNKNOWN)
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert TagModelRecord.objects.count() == 2, "earlier models stay"


@pytest.mark.once
def test_each_night_learns_what_came_since_and_forgets_what_was_withdrawn(review):
    def night():
        return retrain_tags_where_due(acting_user=COMMAND_LINE)

    consent(review)
    assert night() is None, "nothing was corrected"
    corrected(review, UNKNOWN, ["illness"], times=2)
    assert night().in_use and night() is None
    for text in ("My knee hurts", "I am so tired", "I have the flu", "No time this week", "too hard for me"):
        corrected(review, text, ["equipment"], times=6)
    assert not night().in_use and night() is None, "what was refused is not tried again"
    consent(review, granted=False)
    assert night().trained.learnt_from == [] and night() is None
    assert "illness" not in answers(UNKNOWN)


def test_only_corrections_made_under_consent_count(review):
    corrected(review, UNKNOWN, ["illness"])
    consent(review)
    done = retrain_tags(acting_user=COMMAND_LINE, dry_run=True)
    assert done.trained.learnt_from == [], "agreed now, but not then"


@pytest.mark.once
def test_a_worse_model_is_stored_and_not_used(review):
    consent(review)
    for text in ("My knee hurts", "I am so tired", "I have the flu", "No time this week", "too hard for me"):
        corrected(review, text, ["equipment"], times=6)
    done = retrain_tags(acting_user=COMMAND_LINE)
    assert done.stored and not done.in_use and done.finding.startswith("worse")
    assert answers("My knee hurts") == {"injury"}
    (event,) = events("tags.train")
    assert event.metadata_json["accepted"] is False


@pytest.mark.once
def test_a_refused_model_still_ends_one_that_learnt_from_what_may_not_be_used(review):
    other = make_review(race="5k", weeks=6, seed=2)
    assert other.submit().status_code == 200
    for one in (review, other):
        consent(one)
    corrected(review, UNKNOWN, ["illness"], times=2)
    assert retrain_tags(acting_user=COMMAND_LINE).in_use
    for text in ("My knee hurts", "I am so tired", "I have the flu", "No time this week", "too hard for me"):
        corrected(other, text, ["equipment"], times=6)
    consent(review, granted=False)
    done = retrain_tags(acting_user=COMMAND_LINE)
    assert not done.in_use and "used no longer" in done.finding
    assert "illness" not in answers(UNKNOWN) and len(events("tags.stop")) == 1


def test_who_may_train():
    for role in ("coach", "athlete", "data_scientist", "support", "compliance"):
        with pytest.raises(NotPermitted):
            retrain_tags(acting_user=make_user(role), dry_run=True)


def test_the_command_trains_and_shows_and_prints_no_text(review, capsys):
    consent(review)
    corrected(review, UNKNOWN, ["illness"])
    printed = []
    for arguments in (["train"], ["show"]):
        call_command("tags", *arguments, "--json")
        printed.append(json.loads(capsys.readouterr().out))
    for arguments in (["train", "--dry-run"], ["show"]):
        call_command("tags", *arguments)
        assert "wobbly" not in capsys.readouterr().out
    done, found = printed
    assert (done["stored"], done["in_use"], done["corrections"]) == (True, True, 1)
    assert found["serving"] == done["version"] == found["models"][0]["version"]
    assert "wobbly" not in json.dumps(printed)
    with pytest.raises(CommandError):
        call_command("tags", "show", "--as", make_user("coach").email)


def test_tags_are_read_with_one_query_for_any_number(review, django_assert_num_queries):
    comments = [tagged(review, "My knee hurts") for _ in range(3)]
    with unit_of_work(review.coach, read_only=True), django_assert_num_queries(1):
        assert len(tags_of(comments)) == 3
