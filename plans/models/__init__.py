from plans.models.generation import Outcome, PlanGeneration
from plans.models.plan import Plan, State
from plans.models.session import PlanSession
from plans.models.version import PlanVersion

__all__ = ["Outcome", "Plan", "PlanGeneration", "PlanSession", "PlanVersion", "State"]
