"""Gates: what was seen of two arms, and what follows from it. Pure."""

from rollout.gates.evidence import Arm, Outcome, Seen, Tally, Verdict, Window

__all__ = ["Arm", "Outcome", "Seen", "Tally", "Verdict", "Window"]
