from modeling.models.activity import Activity
from modeling.models.algorithm import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus
from modeling.models.fit import Fit, Grade
from modeling.models.tag_model import TagModelRecord
from modeling.models.test import Test, TestKind, TestProposal
from modeling.models.threshold import Threshold

__all__ = [
    "Activity",
    "AlgorithmVersion",
    "Fit",
    "Grade",
    "RunStatus",
    "TagModelRecord",
    "Test",
    "TestKind",
    "TestProposal",
    "Threshold",
    "TrainingRun",
    "VersionStatus",
]
