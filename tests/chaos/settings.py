"""Production's settings, but for two things.

Static files keep their names: nobody looks at the pages, and to collect and compress them takes longer than the
exercise. Cookies go without TLS: no proxy that ends it stands between the clients and the web processes.
"""

from __future__ import annotations

from config.settings.production import *  # noqa: F403

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
