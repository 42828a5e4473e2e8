"""The application with its pages loaded, for a master that forks (`--preload`): no worker loads them again."""

from __future__ import annotations

from django.urls import get_resolver

from config.wsgi import application

__all__ = ["application"]
_ = get_resolver().url_patterns
