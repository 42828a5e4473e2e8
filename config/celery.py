"""The Celery application; Celery is transport, the truth of a job is its row (`common.jobs`)."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("mesocycle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**more: Any) -> None:
    """Let workers and beat log as the web process does (`settings.LOGGING`): an answer keeps Celery from its own."""
