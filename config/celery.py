"""The Celery application; Celery is transport, the truth of a job is its row (`common.jobs`)."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("mesocycle")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
