"""Whom `bench.assign_api_bench` asks for: a coach, their athletes who agreed, and experiments that run."""

from __future__ import annotations

import json

from accounts.services.consent import record_consent
from common.context import COMMAND_LINE
from experiments.lifecycle import Command
from experiments.services.running import create_experiment, step
from tests.experiments.protocols import protocol
from tests.factories import PASSWORD, make_athlete, make_user

CONFIGURATION = {
    "variant_weights": {"a": 50, "b": 50},
    "stratification_keys": ["sport", "level"],
    "holdout_percentage": 5,
    "protocol": protocol(),
}


def prepare(athletes: int, experiments: int) -> None:
    """Print the coach's credentials, the athletes' ids and the experiments' keys as JSON; runs in `manage.py shell`."""
    coach = make_user("coach")
    coached = [make_athlete(coach=coach, sport=("running", "cycling")[n % 2]) for n in range(athletes)]
    for athlete in coached:
        about = {"purpose": "experiments", "text_version": "1", "acting_user": COMMAND_LINE}
        record_consent(athlete_id=athlete.pk, granted=True, **about)
    keys = [f"bench-{n}" for n in range(experiments)]
    for key in keys:
        told = {"key": key, "reason": "bench", "acting_user": COMMAND_LINE}
        create_experiment(fields=CONFIGURATION, **told)
        step(command=Command.START, expected=None, **told)
    log_in = {"email": coach.email, "password": PASSWORD}
    print(json.dumps({"log_in": log_in, "athletes": [str(one.pk) for one in coached], "experiments": keys}))
