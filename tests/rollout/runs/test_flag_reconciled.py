"""What a run does to its flag is explained by events: reconciliation finds nothing to tell."""

from __future__ import annotations

import pytest

from audit.services.reconcile import reconcile
from rollout.services.flags import kill_flag

pytestmark = pytest.mark.django_db


def test_a_run_that_widened_rolled_back_and_was_killed_is_explained(live, admin):
    live.windows(6)
    live.minutes(1)
    assert live.stage == "small"
    assert reconcile() == []
    live.minutes(2, failing=True)
    assert live.run.state in ("rolling_back", "rolled_back")
    kill_flag(key=live.run.flag.name, reason="fire", acting_user=admin)
    assert reconcile() == []
