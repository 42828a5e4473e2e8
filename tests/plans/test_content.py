"""A version's document: stored as it was hashed, read back the same, and from the rows where there is no text."""

from __future__ import annotations

import hashlib
import random

import pytest

from common.context import unit_of_work
from common.copying import copy_rows
from common.management.base import COMMAND_LINE
from plans.document import canonical_json, content_sha256, document_text, parsed, session_texts
from plans.models import PlanContent, PlanSession, PlanVersion
from plans.selectors import _contents, content_of
from tests.plans.document.strategies import content
from tests.plans.review import make_review, plan_row, replace_op


@pytest.mark.pure
@pytest.mark.parametrize("seed", range(20))
def test_the_text_is_the_canonical_json_and_reads_back(seed):
    made = content(random.Random(seed))
    text = document_text(session_texts(made))
    assert text == canonical_json(made)
    assert content_sha256(made) == hashlib.sha256(text.encode()).hexdigest()
    read, texts = parsed(text)
    assert canonical_json(read) == text
    assert texts == session_texts(made)


@pytest.mark.pure
@pytest.mark.parametrize("seed", range(5))
def test_a_session_that_reads_the_same_is_the_same_object(seed):
    made = content(random.Random(seed), 6)
    changed, gone, *_ = made["sessions"]
    after = {key: entry for key, entry in made["sessions"].items() if key != gone}
    other = {"sessions": after | {changed: after[changed] | {"load": after[changed]["load"] + 1}}}
    known = parsed(document_text(session_texts(made)))
    text = document_text(session_texts(other))
    found = parsed(text, known)
    assert found == parsed(text)
    same = {key for key, entry in found[0]["sessions"].items() if entry is known[0]["sessions"][key]}
    assert same == made["sessions"].keys() - {changed, gone}


@pytest.mark.pure
@pytest.mark.parametrize("text", ["", "{}", '{"sessions":[]}', '{"sessions":{"a":}}'])
def test_what_is_no_document_is_refused(text):
    with pytest.raises(ValueError, match=r"no plan document|Expecting value"):
        parsed(text)


@pytest.mark.pure
def test_an_untouched_session_is_not_written_again():
    made = content(random.Random(3), 4)
    texts = dict.fromkeys(made["sessions"], "kept")
    one = next(iter(made["sessions"]))
    other = {"sessions": {**made["sessions"], one: dict(made["sessions"][one])}}
    found = session_texts(other, known=(made, texts))
    assert found.pop(one) == canonical_json(made["sessions"][one])
    assert set(found.values()) == {"kept"}


@pytest.mark.django_db
def test_a_version_stored_before_documents_were_is_read_from_its_rows():
    review = make_review()
    before = plan_row(review).head_version
    with unit_of_work(COMMAND_LINE):
        bare = PlanVersion.objects.create(
            plan_id=review.plan_id,
            athlete_id=before.athlete_id,
            version_number=99,
            status=before.status,
            author_id=before.author_id,
            content_sha256=before.content_sha256,
            weeks_json=before.weeks_json,
        )
        copied = copy_rows(
            PlanSession, where=("version_id", before.pk), but=("session_id", []), changed={"version_id": bare.pk}
        )
        assert copied == len(content_of(before)["sessions"])
        assert not PlanContent.objects.filter(version=bare).exists()
        assert content_sha256(content_of(bare)) == before.content_sha256


@pytest.mark.django_db
def test_another_process_reads_the_same_document():
    review = make_review()
    session = review.editable()[2]
    review.patch([replace_op(session, "load", 41.0)])
    head = plan_row(review).head_version
    _contents.clear()
    with unit_of_work(COMMAND_LINE, read_only=True):
        assert content_of(head)["sessions"][session["session_id"]]["load"] == 41.0
        assert content_sha256(content_of(head)) == head.content_sha256
