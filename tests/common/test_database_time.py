"""What the database's clock decides, however wrong the clock of one process is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from common import clock, jobs
from common.database_time import database_now
from common.jobs import JOB_HANDLERS

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def test_a_process_a_day_ahead_keeps_no_job_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(days=1))
    kind = next(name for name, _ in JOB_HANDLERS.items())
    job = jobs.enqueue(kind, {})
    assert job.lease_until is not None
    assert job.lease_until - database_now() < timedelta(seconds=jobs.DISPATCH_AGAIN_SECONDS + 1)
    assert jobs.claim(job.pk, "ahead")
    assert not jobs.claim(job.pk, "another")
    assert jobs.sweep_stale().sent_again == 0
    job.refresh_from_db()
    assert job.lease_until is not None
    assert job.lease_until - database_now() < timedelta(seconds=jobs.LEASE_SECONDS + 1)
