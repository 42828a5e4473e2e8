"""Proofs from the stored tree over REST: who gets them, and that they hold."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role
from audit import merkle
from audit.heads import TreeHead
from audit.keys import signing_keys
from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.services import record
from audit.tree import StoredTree
from common.context import service, unit_of_work
from common.ids import uuid7
from tests.audit.log import actions, sealed, write
from tests.factories import api_of, make_athlete, make_user

pytestmark = pytest.mark.usefixtures("committed_database", "_actions")

INCLUSION, CONSISTENCY, HEADS = (
    f"/api/v1/audit/{what}" for what in ("proofs/inclusion", "proofs/consistency", "heads")
)


@pytest.fixture
def _actions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with actions(monkeypatch):
        yield


def many(count: int) -> None:
    with unit_of_work(service("public")):
        for number in range(count):
            record("test.edit", target_id=uuid7(), metadata={"n": number})


def test_roots_and_proofs_from_stored_rows_are_those_of_the_leaves() -> None:
    many(1100)
    sealed(batch=400)
    hashes = [bytes(value) for value in AuditLeaf.objects.order_by("leaf_index").values_list("leaf_hash", flat=True)]
    tree, roots = StoredTree(), {}
    for size in (1, 2, 255, 256, 257, 512, 513, 1023, 1024, 1099, 1100):
        roots[size] = merkle.root_of(hashes[:size])
        assert tree.root(size) == roots[size]
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            proof = tree.inclusion_proof(index, size)
            merkle.verify_inclusion(index, size, hashes[index], proof, roots[size])
    for first in roots:
        for second in roots:
            if first <= second:
                proof = tree.consistency_proof(first, second)
                merkle.verify_consistency(first, second, roots[first], roots[second], proof)


def test_a_proof_takes_few_queries_and_rows() -> None:
    many(1100)
    sealed()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        StoredTree().inclusion_proof(700, 1100)
    assert len(queries) == 2


def test_compliance_and_administrators_get_any_proof_and_it_holds() -> None:
    ids = write(5)
    head = sealed().head
    for role in (Role.COMPLIANCE, Role.ADMIN):
        client = api_of(make_user(role))
        answer = client.get(INCLUSION, {"event": str(ids[2])})
        assert answer.status_code == 200, answer.content
        body = answer.json()
        check_inclusion(body)
        assert body["tree_size"] >= head.tree_size
        older = client.get(INCLUSION, {"event": str(ids[2]), "size": 3}).json()
        check_inclusion(older)
        assert older["tree_size"] == 3
        both = client.get(CONSISTENCY, {"first": 3, "second": 5}).json()
        assert both["first_root"] == older["root_hash"]
        merkle.verify_consistency(
            3, 5, *(bytes.fromhex(both[name]) for name in ("first_root", "second_root")),
            [bytes.fromhex(value) for value in both["consistency_proof"]],
        )  # fmt: skip
        sealed()


def check_inclusion(body: dict) -> None:
    leaf = merkle.leaf_hash(base64.b64decode(body["event"]))
    assert leaf.hex() == body["leaf_hash"]
    path = [bytes.fromhex(value) for value in body["inclusion_proof"]]
    merkle.verify_inclusion(body["leaf_index"], body["tree_size"], leaf, path, bytes.fromhex(body["root_hash"]))
    if body["head"]:
        signing_keys().verify(TreeHead.from_json(body["head"]))
        assert body["head"]["root_hash"] == body["root_hash"]


def test_heads_are_for_everybody_who_is_logged_in() -> None:
    for _ in range(3):
        write()
        sealed()
    for role in Role.values:
        client = api_of(make_user(role))
        body = client.get(HEADS, {"page_size": 2}).json()
        heads = [TreeHead.from_json(row) for row in body["results"]]
        for head in heads:
            signing_keys().verify(head)
        assert heads[0].number == heads[1].number + 1
        assert client.get(body["next"]).json()["results"][0]["number"] == heads[1].number - 1
    client.credentials()
    assert client.get(HEADS).status_code == 401
    assert client.get(INCLUSION, {"event": str(uuid7())}).status_code == 401
    assert client.get(CONSISTENCY, {"first": 1}).status_code == 401


def test_an_athlete_gets_proofs_of_what_concerns_them_and_of_nothing_else() -> None:
    user = make_user(Role.ATHLETE)
    own, other = make_athlete(user=user), make_athlete()
    with unit_of_work(service("command-line"), read_only=True):
        events = {
            pk: AuditEvent.objects.filter(subject_id=pk, action="athlete.add").get().pk for pk in (own.pk, other.pk)
        }
    client = api_of(user)
    sealed()
    check_inclusion(client.get(INCLUSION, {"event": str(events[own.pk])}).json())
    assert client.get(INCLUSION, {"event": str(events[other.pk])}).status_code == 404
    assert client.get(INCLUSION, {"event": str(uuid7())}).status_code == 404
    assert client.get(CONSISTENCY, {"first": 1}).status_code == 403
    for role in (Role.COACH, Role.SUPPORT, Role.DATA_SCIENTIST):
        client = api_of(make_user(role))
        assert client.get(INCLUSION, {"event": str(events[own.pk])}).status_code == 404
        assert client.get(CONSISTENCY, {"first": 1}).status_code == 403


@pytest.mark.parametrize(
    ("url", "query"),
    [
        (INCLUSION, {}),
        (INCLUSION, {"event": "x"}),
        (INCLUSION, {"size": 0}),
        (INCLUSION, {"size": 1}),
        (INCLUSION, {"size": 10**30}),
        (INCLUSION, {"size": 10**6}),
        (CONSISTENCY, {}),
        (CONSISTENCY, {"first": 0}),
        (CONSISTENCY, {"first": -1}),
        (CONSISTENCY, {"first": 3, "second": 2}),
        (CONSISTENCY, {"first": 1, "second": 10**6}),
        (CONSISTENCY, {"first": "x"}),
    ],
)
def test_what_cannot_be_proven_is_a_bad_request(url: str, query: dict) -> None:
    ids = write(3)
    client = api_of(make_user(Role.COMPLIANCE))
    sealed()
    answer = client.get(url, {"event": str(ids[2]), **query} if "size" in query else query)
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"]


def test_an_event_that_waits_to_be_sealed_says_so() -> None:
    client = api_of(make_user(Role.COMPLIANCE))
    (event_id,) = write()
    answer = client.get(INCLUSION, {"event": str(event_id)})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-sealed-yet/")
    assert answer["Retry-After"] == "2"
    sealed()
    assert isinstance(event_id, UUID) and AuditSeal.objects.exists()
    assert client.get(INCLUSION, {"event": str(event_id)}).status_code == 200
