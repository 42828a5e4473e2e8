"""What the scheduler does for rollouts."""

from __future__ import annotations

from celery import shared_task

from common import clock
from rollout.demo_feed import feed
from rollout.services import tick as ticking
from rollout.services.messages import deliver_due
from rollout.services.updates import tell_daily, tell_weekly


@shared_task(name="rollout.feed_synthetic", ignore_result=True)  # type: ignore[untyped-decorator]
def feed_synthetic() -> None:
    """Make up the last minute of the demo's rollouts; due each minute, nothing to do elsewhere."""
    feed(clock.now())


@shared_task(name="rollout.tick", ignore_result=True)  # type: ignore[untyped-decorator]
def tick() -> None:
    """Look at every live run; due each minute."""
    ticking.tick()


@shared_task(name="rollout.deliver_messages", ignore_result=True)  # type: ignore[untyped-decorator]
def deliver_messages() -> None:
    """Send what waits; due every minute."""
    deliver_due(clock.now())


@shared_task(name="rollout.daily_status", ignore_result=True)  # type: ignore[untyped-decorator]
def daily_status() -> None:
    """Tell where each live run stands; due every morning."""
    tell_daily(clock.now())


@shared_task(name="rollout.weekly_report", ignore_result=True)  # type: ignore[untyped-decorator]
def weekly_report() -> None:
    """Tell of the week that ended; due on Monday mornings."""
    tell_weekly(clock.now())
