"""The composition root: settings, URLs, task queue, server entry points."""

import django_stubs_ext

from config.celery import app as celery_app

# Lets generic classes of Django and DRF be subscripted at run time as their stubs are.
django_stubs_ext.monkeypatch()

__all__ = ["celery_app"]
