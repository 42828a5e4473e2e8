"""What the log adds to a backup: its newest head, heads and segments up to it, and its own proof after a restore."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from audit.archive.segments import range_of
from audit.archive.stores import store
from audit.errors import ArchiveConflict
from audit.heads import BadHead, TreeHead, key_id
from audit.keys import signing_keys
from audit.models import AuditEvent, AuditSeal
from audit.services.archive import archived_size, restore
from audit.services.publish_heads import heads_in
from audit.services.rebase import rebase
from audit.services.verify import Scope, verify_log
from common.backup.contributions import CONTRIBUTIONS, FILES, Contribution, Facts, Files
from common.backup.files import link_or_copy
from common.context import COMMAND_LINE, unit_of_work
from common.errors import DomainError, KeyDestroyed
from common.keys import key_ring

_MOST_FINDINGS = 20
_SAMPLE = 200


def register() -> None:
    """Register it."""
    CONTRIBUTIONS.register("audit", Contribution(keys=_keys, facts=_facts, verify=_verify))
    FILES.register("audit-heads", Files(_heads_folder, _stage_heads))
    FILES.register("audit-archive", Files(_archive_folder, _stage_archive))


def _keys() -> dict[str, str]:
    """Return the names of the public keys: a seed that was put away since is still ours."""
    keys = signing_keys()
    return {f"AUDIT_SIGNING_KEYS {v}": key_id(keys.public_key(v)) for v in (*keys.seeds, *keys.retired)}


def _facts(cursor: Any) -> Facts:
    """Return the newest head of the snapshot, and where segments are kept if not in a folder."""
    cursor.execute(
        "SELECT number, tree_size, root_hash, sealed_at, previous_hash, key_version, key_id, signature "
        "FROM audit_seals ORDER BY number DESC LIMIT 1"
    )
    row = cursor.fetchone()
    head = None
    if row is not None:
        number, size, root, sealed_at, previous, version, name, signature = row
        head = TreeHead(number, size, bytes(root), sealed_at, bytes(previous), version, name, bytes(signature))
    bucket = "" if _archive_folder() else str(settings.AUDIT_ARCHIVE)
    return {"head": head.as_json() if head else None, "bucket": bucket}


def _heads_folder() -> Path:
    return Path(settings.AUDIT_HEADS_DIR)


def _archive_folder() -> Path | None:
    """Return the archive's folder; None for a bucket, which is locked and is no copy on this machine."""
    return None if urlsplit(settings.AUDIT_ARCHIVE).scheme == "s3" else Path(settings.AUDIT_ARCHIVE)


def _stage_heads(target: Path, facts: Mapping[str, Facts]) -> None:
    """Write the heads that the snapshot has; one that came later would say that its events were cut off."""
    head = facts["audit"]["head"]
    newest = head["number"] if head else 0
    for path in sorted(_heads_folder().glob("*.ndjson")):
        kept = [one for one in heads_in(path) if one.number <= newest]
        if kept:
            lines = [json.dumps(one.as_json(), sort_keys=True).encode("ascii") + b"\n" for one in kept]
            (target / path.name).write_bytes(b"".join(lines))


def _stage_archive(target: Path, facts: Mapping[str, Facts]) -> None:
    """Take the segments up to the snapshot's newest head: among them is all that retention had dropped by then."""
    head, folder = facts["audit"]["head"], _archive_folder()
    size = head["tree_size"] if head else 0
    if folder is None:
        return
    for path in sorted(folder.glob("segments/*")):
        name = path.relative_to(folder).as_posix()
        found = range_of(name.replace(".retention.json", ".ndjson"))
        if found and found[1] <= size:
            link_or_copy(path, target / name)


def _verify(facts: Facts) -> list[str]:
    """Bring back what a surviving archive holds beyond the backup, go on with this server's transactions, verify."""
    faults: list[str] = []
    try:
        with unit_of_work(COMMAND_LINE, read_only=True):
            newest = AuditSeal.objects.order_by("-number").values_list("tree_size", flat=True).first() or 0
        if archived_size(store()) > newest:
            restore()
    except (ArchiveConflict, OSError) as error:
        faults.append(f"the archive: {error}")
    rebase()
    return faults + _findings(facts["head"]) + _unreadable()


def _findings(head: Mapping[str, Any] | None) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head"
        path.write_text(json.dumps(head), encoding="ascii")
        try:
            report = verify_log(Scope(against=[path] if head else [], archive=True))
        except (OSError, BadHead, DomainError) as error:
            return [f"the audit log cannot be verified: {error}"]
    said = [f"the audit log: {finding.kind}: {finding.detail}" for finding in report.findings[:_MOST_FINDINGS]]
    return said if report.intact else said or ["the audit log does not verify"]


def _unreadable() -> list[str]:
    """Return whether addresses in the newest events open under their people's keys."""
    with unit_of_work(COMMAND_LINE, read_only=True):
        events = list(AuditEvent.objects.exclude(origin_ip=None).order_by("-id")[:_SAMPLE])
        ring = key_ring({event.origin_key_of for event in events})
        for event in events:
            try:
                ring.decrypt(event.origin_key_of, bytes(event.origin_ip or b""))
            except KeyDestroyed:
                continue
            except ValueError as error:
                return [f"event {event.pk} cannot be read: {error}"]
    return []
