"""The proof that the plan which somebody accepted is in the audit log, as one document that needs no trust in us."""

from __future__ import annotations

import base64
from typing import Any, Final
from uuid import UUID

from audit.errors import EventDropped
from audit.keys import signing_keys
from audit.models import AuditEvent
from audit.proofs import inclusion_proof
from common.errors import WrongState
from plans.events import AUDIT_ACTION
from plans.models import Decision
from plans.policies import Actor, plan_for, versions_for
from plans.selectors import content_of
from plans.workflow import Action

FORMAT: Final = "mesocycle-plan-proof/1"
HOW_TO_CHECK: Final = (
    "python3 verify_proof.py THIS_FILE --key PUBLIC_KEY, with the public key as you know it from elsewhere; the script "
    "is in the folder docs/ of the product and needs Python alone."
)


def acceptance_proof(*, plan_id: UUID, user: Actor) -> dict[str, Any]:
    """Return the newest acceptance of a plan with its proof of inclusion in the newest signed head.

    `content` is what was accepted, `content_sha256` its hash as the acceptance names it, `event` the acceptance's
    canonical bytes in base64; hashes, key and signature are hex. `docs/verify_proof.py` checks all of it.

    Raises:
        NotVisible: there is no such plan, or the user may not see it.
        WrongState: nobody has accepted it.
        EventDropped: the acceptance's time in the log is over; `manage.py audit restore` brings it back.
        NotSealedYet: it was accepted seconds ago.
    """
    plan = plan_for(user, plan_id)
    accepted = AuditEvent.objects.filter(target_id=plan.pk, action=AUDIT_ACTION[Action.ACCEPT]).order_by("-id").first()
    version_id = accepted.metadata_json["version_id"] if accepted else None
    version = versions_for(user, plan).filter(pk=version_id).first() if version_id else None
    if accepted is None and plan.reviews.filter(decision=Decision.ACCEPT).exists():
        raise EventDropped("The acceptance was dropped from the log when its time was over; the archive may hold it.")
    if accepted is None or version is None:
        raise WrongState("Nobody has accepted this plan.")
    proof = inclusion_proof(accepted.pk)
    assert proof.head is not None  # the newest head's own size
    return {
        "format": FORMAT,
        "plan_id": str(plan.pk),
        "version_id": str(version.pk),
        "version_number": version.version_number,
        "content_sha256": version.content_sha256,
        "content": content_of(version),
        "event": base64.b64encode(proof.canonical).decode(),
        "leaf_index": proof.leaf_index,
        "tree_size": proof.tree_size,
        "inclusion_proof": [value.hex() for value in proof.path],
        "head": proof.head.as_json(),
        "public_key": signing_keys().public_key(proof.head.key_version).hex(),
        "how_to_check": HOW_TO_CHECK,
    }
