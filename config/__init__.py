"""The composition root: settings, URLs, task queue, server entry points."""

import gc

import django_stubs_ext

from config.celery import app as celery_app

# Lets generic classes of Django and DRF be subscripted at run time as their stubs are.
django_stubs_ext.monkeypatch()

# Loading the product makes a quarter of a million objects that stay; with Python's threshold of 700 the collector walks
# through them again and again, while they are made and afterwards.
gc.set_threshold(50_000, 20, 20)

__all__ = ["celery_app"]
