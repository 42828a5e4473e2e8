"""`python -m bench.flags_peers ours|waffle|growthbook|unleash BATCHES`: microseconds of one decision, as JSON.

Each is asked as its documents say, from memory, about 25 % of people; `null` where the package is not installed. Peers
get no allowlist, which only helps them: waffle would copy 10,000 ids out of its cache at each question.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from statistics import median

IDS = [str(uuid.UUID(int=i * 2654435761 + (0x7 << 76))) for i in range(50)]
BATCH = 10
"""Decisions timed at once: many enough for the clock, few enough that another process seldom cuts in."""
Decide = Callable[[str], object]


def ours() -> Decide:
    """Our `evaluate`: the whole order (nobody killed, overridden or on the allowlist), down to the percentage."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
    os.environ["FLAGS_REFRESH"] = "thread"
    import django

    django.setup()
    from rollout import selectors
    from rollout.evaluation import FlagState, Override, Snapshot, Subject
    from rollout.live import Live

    allowed = frozenset(str(uuid.uuid4()) for _ in range(10_000))
    overrides = {str(uuid.uuid4()): Override(True) for _ in range(100)}
    flag = FlagState("plan.x", True, "elite", 25_000, "a1b2c3d4e5f60718", allowlist=allowed, overrides=overrides)
    snapshot = Snapshot("1", time.time(), "database", {"plan.x": flag})
    selectors.LIVE = Live(version=lambda: "1", load=lambda: snapshot, copy=None)
    subjects = {one: Subject(one, "elite") for one in IDS}
    assert {selectors.evaluate("plan.x", one).reason for one in subjects.values()} == {"percentage"}
    return lambda one: selectors.evaluate("plan.x", subjects[one])


def waffle() -> Decide:
    """Stock django-waffle with its own flag model and a warm cache in local memory; a request a question."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "waffle"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECRET_KEY="bench",
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.http import HttpRequest

    call_command("migrate", verbosity=0)
    from waffle import flag_is_active, get_waffle_flag_model

    get_waffle_flag_model().objects.create(name="plan.x", percent=25)
    users = {one: User.objects.create(username=one) for one in IDS}

    def decide(one: str) -> object:
        request = HttpRequest()
        request.user = users[one]
        return flag_is_active(request, "plan.x")

    return decide


def growthbook() -> Decide:
    """GrowthBook's client with the features in memory; one object a person, as its documents say, made beforehand."""
    from growthbook import GrowthBook

    rule = {"coverage": 0.25, "force": True, "hashAttribute": "id", "seed": "plan.x"}
    features = {"plan.x": {"defaultValue": False, "rules": [rule]}}
    people = {one: GrowthBook(attributes={"id": one}, features=features) for one in IDS}
    return lambda one: people[one].is_on("plan.x")


def unleash() -> Decide:
    """Unleash's client on a bootstrapped cache, never asking a server."""
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    parameters = {"rollout": "25", "stickiness": "userId", "groupId": "plan.x"}
    strategy = {"name": "flexibleRollout", "parameters": parameters, "constraints": []}
    feature = {"name": "plan.x", "enabled": True, "type": "release", "strategies": [strategy], "variants": []}
    cache = FileCache("bench", directory=tempfile.mkdtemp())
    cache.bootstrap_from_dict({"version": 2, "features": [feature]})
    client = UnleashClient(
        "http://127.0.0.1:9/api", "bench", disable_metrics=True, disable_registration=True, cache=cache
    )
    client.initialize_client(fetch_toggles=False)
    return lambda one: client.is_enabled("plan.x", {"userId": one})


def main() -> None:
    logging.disable(logging.CRITICAL)
    try:
        decide = {"ours": ours, "waffle": waffle, "growthbook": growthbook, "unleash": unleash}[sys.argv[1]]()
    except ModuleNotFoundError:
        print("null")
        os._exit(0)
    answers = {bool(getattr(found, "value", found)) for found in map(decide, IDS)}
    assert answers == {True, False}, "25 % of 50 people are neither nobody nor everybody"
    times = []
    for number in range(int(sys.argv[2])):
        batch = IDS[number * BATCH % len(IDS) :][:BATCH]
        started = time.perf_counter()
        for one in batch:
            decide(one)
        times.append((time.perf_counter() - started) / BATCH * 1e6)
    print(json.dumps(median(times)), flush=True)
    os._exit(0)  # clients leave threads of theirs behind


if __name__ == "__main__":
    main()
