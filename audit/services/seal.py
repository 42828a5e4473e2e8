"""Sealing: events become leaves of the Merkle tree, in batches, and each batch ends with a signed head.

Events are sealed in the order (xact_id, id), and only those whose transaction is older than every transaction that
still runs: whoever commits late has the higher place in that order, so nothing is ever missed behind it. One batch is
one transaction of one sealer at a time; killed anywhere, it leaves the log as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import BigIntegerField, Func, Q, QuerySet

from audit import merkle
from audit.canonical import COLUMNS, pack
from audit.errors import LogFromAnotherServer
from audit.heads import NO_HEAD, SigningKeys, TreeHead, key_id, leaf_mac
from audit.keys import signing_keys
from audit.merkle import CompactRange
from audit.models import AuditEvent, AuditLeaf, AuditNode, AuditSeal
from audit.services.publish_heads import publish_heads
from audit.tree import tree_of
from common import clock
from common.context import register_service, unit_of_work

SEALER = register_service("sealer")
BATCH: Final = 10_000
_ID: Final = COLUMNS.index("id")
_XACT_ID: Final = COLUMNS.index("xact_id")
# Any number will do, as long as every sealer asks for the same one and nobody else does.
_LOCK: Final = 0x6D65736F_7365616C


@dataclass(frozen=True)
class Sealed:
    """How many events were sealed, under how many heads, and the newest of all heads (None in an empty log)."""

    events: int
    heads: int
    newest: TreeHead | None


def seal(*, batch: int = BATCH) -> Sealed:
    """Seal every event that can be sealed now, `batch` at a time, and publish the heads.

    Where another sealer is at work this one leaves it to it.

    Raises:
        LogFromAnotherServer: transaction ids are behind the log's (a restore); `manage.py audit rebase` mends it.
        ImproperlyConfigured: no signing key.
    """
    keys, events, heads = signing_keys(), 0, 0
    newest = None
    while _something_to_seal():
        with unit_of_work(SEALER):
            made = _seal_batch(keys, batch)
        if made is None:
            break
        newest, count = made
        events, heads = events + count, heads + 1
    publish_heads()
    if newest is None:
        with unit_of_work(SEALER, read_only=True):
            last = last_seal()
            newest = last.head if last else None
    return Sealed(events, heads, newest)


def last_seal() -> AuditSeal | None:
    """Return the newest seal."""
    return AuditSeal.objects.order_by("-number").first()


def _something_to_seal() -> bool:
    """Look without a lock: most turns find nothing, and on SQLite a lock would keep writers waiting."""
    with unit_of_work(SEALER, read_only=True):
        last = last_seal()
        _check_order(last)
        return _next_events(last).exists()


def _seal_batch(keys: SigningKeys, batch: int) -> tuple[TreeHead, int] | None:
    """Seal one batch inside the caller's transaction; None where there is nothing, or another sealer is at work."""
    if not _lead():
        return None
    last = last_seal()
    rows = list(_next_events(last).values_list(*COLUMNS)[:batch])
    if not rows:
        return None
    tree = tree_of(last)
    _store(tree, rows, keys)
    head = _signed_head(tree, last, keys)
    AuditSeal.objects.create(
        number=head.number,
        tree_size=head.tree_size,
        root_hash=head.root_hash,
        sealed_at=head.sealed_at,
        previous_hash=head.previous_hash,
        key_version=head.key_version,
        key_id=head.key_id,
        signature=head.signature,
        peaks=b"".join(tree.peaks),
        last_xact_id=rows[-1][_XACT_ID],
        last_event_id=rows[-1][_ID],
    )
    return head, len(rows)


def _store(tree: CompactRange, rows: Sequence[tuple[Any, ...]], keys: SigningKeys) -> None:
    """Append the events to the tree and insert their leaves and the large subtrees that they complete."""
    mac_key = keys.mac_key(keys.newest)
    assert mac_key is not None
    leaves, nodes = [], []
    for row in rows:
        index, leaf, event_id = tree.size, merkle.leaf_hash(pack(*row)), UUID(str(row[_ID]))
        mac = leaf_mac(mac_key, index, event_id, leaf)
        leaves.append(AuditLeaf(leaf_index=index, event_id=event_id, leaf_hash=leaf, mac=mac))
        nodes += [
            AuditNode(level=level, position=position, node_hash=value)
            for level, position, value in tree.append(leaf)
            if level >= AuditNode.LOWEST_LEVEL
        ]
    AuditLeaf.objects.bulk_create(leaves, batch_size=2_000)
    AuditNode.objects.bulk_create(nodes, batch_size=2_000)


def _signed_head(tree: CompactRange, last: AuditSeal | None, keys: SigningKeys) -> TreeHead:
    now = clock.now()
    head = TreeHead(
        number=last.number + 1 if last else 1,
        tree_size=tree.size,
        root_hash=tree.root(),
        # The heads' times never run backwards, also where the clock does.
        sealed_at=max(now, last.sealed_at + timedelta(microseconds=1)) if last else now,
        previous_hash=last.head.digest if last else NO_HEAD,
        key_version=keys.newest,
        key_id=key_id(keys.public_key(keys.newest)),
    )
    return TreeHead(**{**head.__dict__, "signature": keys.sign(head)})


def _next_events(last: AuditSeal | None) -> QuerySet[AuditEvent]:
    """Return the events to seal next, in their order. One statement, so that rows and horizon are of one snapshot."""
    events = AuditEvent.objects.order_by("xact_id", "id")
    if last is not None:
        after = Q(xact_id__gt=last.last_xact_id) | Q(id__gt=last.last_event_id)
        events = events.filter(after, xact_id__gte=last.last_xact_id)
    if connection.vendor == "postgresql":
        events = events.filter(xact_id__lt=Func(function="audit_commit_horizon", output_field=BigIntegerField()))
    return events


def _lead() -> bool:
    """Become the one sealer until the transaction ends; on SQLite the transaction itself is the only writer."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _check_order(last: AuditSeal | None) -> None:
    """Refuse to seal where new events would stand before those that are sealed, and be missed."""
    if last is None or connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_commit_horizon()")
        if cursor.fetchone()[0] <= last.last_xact_id:
            raise LogFromAnotherServer(
                "Transaction ids of this server are behind the log's: run `manage.py audit rebase` as the owner."
            )
