"""The permission matrix (B2): verbs × roles × relation to the athlete. What it does not grant is refused.

Pure data: `accounts/scope.py` turns a relation into rows, each app's `policies.py` turns a verb into querysets and
checks.
"""

from __future__ import annotations

import enum
from typing import Final


class Relation(enum.Enum):
    """How a user must stand to an athlete for a verb to be theirs."""

    ALL = "every athlete"
    COACHED = "athletes with a link that holds today"
    TEAM = "athletes of the user's teams"
    OWN = "the athlete who the user is"


_STAFF_VIEW: Final = {
    "admin": Relation.ALL,
    "coach": Relation.COACHED,
    "athlete": Relation.OWN,
    "support": Relation.TEAM,
}

MATRIX: Final[dict[str, dict[str, Relation]]] = {
    "athlete:view": _STAFF_VIEW,
    "athlete:add": {"admin": Relation.ALL, "coach": Relation.ALL},
    "athlete:edit": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "history:view": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "history:import": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "history:correct": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "model:view": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "model:fit": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "model:manage": {"admin": Relation.ALL, "data_scientist": Relation.ALL},
    "plan:view": _STAFF_VIEW,
    "plan:generate": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "plan:edit": {"admin": Relation.ALL, "coach": Relation.COACHED},
    "plan:comment": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "plan:tag": {"admin": Relation.ALL, "coach": Relation.COACHED},
    "plan:approve": {"admin": Relation.ALL, "athlete": Relation.OWN},
    "plan:share": {"admin": Relation.ALL, "coach": Relation.COACHED},
    "athlete:grant": {"admin": Relation.ALL},
    "consent:record": {"admin": Relation.ALL, "athlete": Relation.OWN},
    "user:manage": {"admin": Relation.ALL},
    "link:manage": {"admin": Relation.ALL},
    "audit:read": {"admin": Relation.ALL, "compliance": Relation.ALL},
    "audit:decrypt": {"compliance": Relation.ALL},
    "audit:break_glass": {"admin": Relation.ALL},
    "audit:review": {"compliance": Relation.ALL},
    "erasure:request": {"admin": Relation.ALL, "athlete": Relation.OWN},
    "erasure:confirm": {"admin": Relation.ALL},
    "hold:manage": {"admin": Relation.ALL, "compliance": Relation.ALL},
    "experiment:manage": {"admin": Relation.ALL, "data_scientist": Relation.ALL},
    "experiment:assign": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "rollout:manage": {"admin": Relation.ALL, "data_scientist": Relation.ALL},
    "rollout:approve": {"admin": Relation.ALL},
    "report:add": {"admin": Relation.ALL, "coach": Relation.COACHED, "athlete": Relation.OWN},
    "report:work": {"admin": Relation.ALL, "support": Relation.TEAM},
    "report:count": {"admin": Relation.ALL, "data_scientist": Relation.ALL},
    "announcement:write": {"admin": Relation.ALL},
    "telemetry:operate": {"admin": Relation.ALL},
    "metrics:view": {"admin": Relation.ALL, "data_scientist": Relation.ALL, "coach": Relation.COACHED},
    "tags:train": {"admin": Relation.ALL},
    "service:view": {"admin": Relation.ALL, "data_scientist": Relation.ALL},
    "coach_report:view": {"admin": Relation.ALL, "coach": Relation.COACHED},
}

GRANTED: Final = frozenset({"athlete:view", "history:view", "model:view", "plan:view"})
"""What a grant on an athlete reaches, as far as the role has the verb: a grant widens reach, never rights."""


def relation_for(role: str, verb: str) -> Relation | None:
    """Return how far a role's verb reaches, None where the matrix does not grant it.

    Raises:
        KeyError: the verb is not in the matrix; a misspelt verb must not read as a refusal.
    """
    return MATRIX[verb].get(role)
