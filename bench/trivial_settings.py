"""The settings of a test server, with the addresses of `bench.trivial_urls`."""

from config.settings.test import *  # noqa: F403

ROOT_URLCONF = "bench.trivial_urls"
