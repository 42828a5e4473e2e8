"""Tables without a domain, and the base of every other table."""

from common.models.base import BaseModel, CiphertextField
from common.models.idempotency import IdempotencyKey
from common.models.jobs import Job, JobState
from common.models.keys import SubjectKey
from common.models.lease import Lease
from common.models.rollup import RequestRollup
from common.models.sample import ProcessRole, ProcessSample
from common.models.throttle import ThrottleCounter

__all__ = [
    "BaseModel",
    "CiphertextField",
    "IdempotencyKey",
    "Job",
    "JobState",
    "Lease",
    "ProcessRole",
    "ProcessSample",
    "RequestRollup",
    "SubjectKey",
    "ThrottleCounter",
]
