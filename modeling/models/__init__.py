from modeling.models.activity import Activity
from modeling.models.fit import Fit, Grade
from modeling.models.test import Test, TestKind, TestProposal
from modeling.models.threshold import Threshold

__all__ = ["Activity", "Fit", "Grade", "Test", "TestKind", "TestProposal", "Threshold"]
