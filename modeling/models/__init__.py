from modeling.models.activity import Activity
from modeling.models.algorithm import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus
from modeling.models.fit import Fit, Grade, Recomputation
from modeling.models.heuristic import HeuristicRow, HeuristicStatus, OverridePattern, PatternStatus
from modeling.models.report import ReportPreference
from modeling.models.tag_model import TagModelRecord
from modeling.models.test import Test, TestKind, TestProposal
from modeling.models.threshold import Threshold

__all__ = [
    "Activity",
    "AlgorithmVersion",
    "Fit",
    "Grade",
    "HeuristicRow",
    "HeuristicStatus",
    "OverridePattern",
    "PatternStatus",
    "Recomputation",
    "ReportPreference",
    "RunStatus",
    "TagModelRecord",
    "Test",
    "TestKind",
    "TestProposal",
    "Threshold",
    "TrainingRun",
    "VersionStatus",
]
