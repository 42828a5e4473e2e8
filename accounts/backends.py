"""Log-in by e-mail, whatever its case."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend


class EmailBackend(ModelBackend):
    """Django's own backend: `UserManager.get_by_natural_key` lowers the address; inactive users are refused."""
