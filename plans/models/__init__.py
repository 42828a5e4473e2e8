from plans.models.generation import Outcome, PlanGeneration
from plans.models.grant import PlanGrant
from plans.models.plan import Plan
from plans.models.review import (
    Decision,
    PlanComment,
    PlanCommentResolution,
    PlanLook,
    PlanReview,
    PlanVersionChange,
    Visibility,
)
from plans.models.session import PlanContent, PlanSession
from plans.models.tag import PlanCommentTag, TagSource
from plans.models.training import CalendarFeed, CompletionStatus, CycleFeedback, SessionCompletion
from plans.models.version import PlanVersion
from plans.workflow import State

__all__ = [
    "CalendarFeed",
    "CompletionStatus",
    "CycleFeedback",
    "Decision",
    "Outcome",
    "Plan",
    "PlanComment",
    "PlanCommentResolution",
    "PlanCommentTag",
    "PlanContent",
    "PlanGeneration",
    "PlanGrant",
    "PlanLook",
    "PlanReview",
    "PlanSession",
    "PlanVersion",
    "PlanVersionChange",
    "SessionCompletion",
    "State",
    "TagSource",
    "Visibility",
]
