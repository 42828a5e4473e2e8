from rollout.models.flag import Flag, FlagGroup, FlagGroupMember, FlagVersion, UserOverride, new_salt
from rollout.models.incident import Incident, IncidentEntry, IncidentStatus
from rollout.models.outcome import OutcomeFact, OutcomeKind, OutcomeMinute
from rollout.models.people import (
    Announcement,
    AnnouncementKind,
    Audience,
    MessageGroup,
    MessageKind,
    MessageState,
    Report,
    ReportStatus,
    RolloutMessage,
)
from rollout.models.process import FlagProcess
from rollout.models.run import Approval, ApprovalKind, Rollout, RolloutCheck, RolloutStep

__all__ = [
    "Announcement",
    "AnnouncementKind",
    "Approval",
    "ApprovalKind",
    "Audience",
    "Flag",
    "FlagGroup",
    "FlagGroupMember",
    "FlagProcess",
    "FlagVersion",
    "Incident",
    "IncidentEntry",
    "IncidentStatus",
    "MessageGroup",
    "MessageKind",
    "MessageState",
    "OutcomeFact",
    "OutcomeKind",
    "OutcomeMinute",
    "Report",
    "ReportStatus",
    "Rollout",
    "RolloutCheck",
    "RolloutMessage",
    "RolloutStep",
    "UserOverride",
    "new_salt",
]
