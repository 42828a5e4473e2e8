"""Two experiments with made-up athletes and facts, for a demonstration: one that goes on, one whose arms leak.

Their looks are counted from the made-up events as those of real experiments are; they say that they are synthetic. The
audit log is told nothing: nobody did this. No athlete of the database is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid5

import numpy as np

from accounts.models import Level, Sport, User
from common import clock
from common.canonical import canonical_json, text_sha256
from common.context import service, unit_of_work
from common.ids import uuid7
from experiments.documents import draft_of, protocol_of, weights_of
from experiments.lifecycle import State
from experiments.looks import look_of
from experiments.metrics import METRICS
from experiments.models import Experiment, ExperimentLook, ExperimentPhase
from experiments.services.looking import midnight
from experiments.streams import Agreed, Assigned, Event, Exposed, Measured, reduce

SEED: Final = 17
DAY: Final = timedelta(days=1)
RUNNING_FOR: Final = 23
LASTS: Final = 42
PRE_PERIOD: Final = 28
WHY: Final = "Made up for the demonstration."
PROTOCOL: Final[dict[str, Any]] = {
    "primary_metric": "adherence",
    "goal_metrics": ["acceptance", "satisfaction"],
    "guardrails": [
        {"metric": "errors", "margin": 0.03, "relative": False},
        {"metric": "calculation_speed", "margin": 0.2, "relative": True},
    ],
    "planned_subjects": 262,
    "target": 0.04,
    "similar": 0.05,
}


@dataclass(frozen=True, slots=True)
class Story:
    """What happens.

    effect: on the share of sessions done. leaks_from: the day from which on nine in ten of the new arm's athletes who
    do not run are lost before they see it; None for none.
    """

    key: str
    name: str
    description: str
    control: str
    treatment: str
    athletes: int
    coaches: int
    effect: float
    sessions_a_day: float = 0.7
    runners: float = 0.6
    leaks_from: int | None = None
    status: State = State.RUNNING


STORIES: Final = (
    Story(
        "model-plans",
        "Model-driven plans, session completion",
        "Do athletes do more of what is due where the model plans? (Demonstration)",
        "template",
        "model",
        athletes=262,
        coaches=54,
        effect=0.022,
    ),
    Story(
        "taper-length",
        "Shorter taper, race readiness",
        "Is a week less of taper as good? (Demonstration: from day 6 on the new arm loses athletes)",
        "two-weeks",
        "one-week",
        athletes=720,
        coaches=60,
        effect=0.0,
        sessions_a_day=0.15,
        runners=0.35,
        leaks_from=6,
        status=State.PAUSED,
    ),
)


def make_experiment_demo(*, asked_by: User) -> None:
    """Add what is missing of the demonstration's experiments."""
    with unit_of_work(service("demo")):
        for story in STORIES:
            if not Experiment.objects.filter(key=story.key).exists():
                _make(story, asked_by)


def _make(story: Story, asked_by: User) -> None:
    last = midnight(clock.now())
    begins = last - RUNNING_FOR * DAY + timedelta(hours=8)
    experiment = Experiment(
        key=story.key,
        name=story.name,
        description=story.description,
        owner_id=asked_by.pk,
        status=story.status.value,
        version=1,
        created_at=begins - 2 * DAY,
        start_at=begins,
        end_at=begins + LASTS * DAY,
        variant_weights={story.control: 50, story.treatment: 50},
        stratification_keys=["level", "sport"],
        protocol={**PROTOCOL, "control": story.control},
        synthetic=True,
    )
    configuration = draft_of(experiment, start_at=begins, phase=1)
    protocol = protocol_of(experiment)
    experiment.protocol, experiment.protocol_sha256 = protocol.as_json(), protocol.sha256
    experiment.save(force_insert=True)
    ExperimentPhase.objects.create(
        experiment=experiment,
        number=1,
        document_json=configuration.as_json(),
        version=configuration.version,
        started_at=begins,
        reason=WHY,
    )
    _look(experiment, list(_Maker(story, begins).events()), begins)


def _look(experiment: Experiment, events: list[Event], begins: datetime) -> None:
    """Keep one look a day, counted as a real one is."""
    protocol, weights = protocol_of(experiment), weights_of(experiment)
    measures = [METRICS.get(name).measure for name in protocol.metrics]
    since = None
    for number in range(1, RUNNING_FOR + 1):
        as_of = midnight(begins) + number * DAY
        tally = reduce(events, as_of=as_of, since=since, until=experiment.end_at, measures=measures)
        look = look_of(tally, protocol, measures, weights, number=number, as_of=as_of, since=since)
        document = look.as_json()
        ExperimentLook.objects.create(
            experiment=experiment,
            number=number,
            as_of=as_of,
            document_json=document,
            sha256=text_sha256(canonical_json(document)),
        )
        since = as_of


class _Maker:
    """Makes up the athletes of a story, and what became of them."""

    def __init__(self, story: Story, begins: datetime) -> None:
        self.story, self.begins = story, begins
        self.random = np.random.default_rng(SEED)
        self.of_coach = self.random.normal(0, 0.04, story.coaches)
        self.next: dict[str, bool] = {}  # by stratum: who comes next gets the other arm
        self.space = uuid7()

    def events(self) -> Iterator[Event]:
        """Yield everything that happens to everybody."""
        for number in range(self.story.athletes):
            yield from self._athlete(number)

    def _athlete(self, number: int) -> Iterator[Event]:
        story, random = self.story, self.random
        subject, coach = self._id("athlete", number), number % story.coaches
        others = [sport for sport in Sport.values if sport != Sport.RUNNING]
        sport = str(Sport.RUNNING if random.random() < story.runners else random.choice(others))
        level = str(random.choice(Level.values, p=self._shares(len(Level.values))))
        stratum = urlencode([("level", level), ("sport", sport)])
        is_new = self.next.get(stratum, bool(random.integers(2)))
        self.next[stratum] = not is_new
        variant = story.treatment if is_new else story.control
        steady = float(random.uniform(0, RUNNING_FOR - 1))
        day = steady if story.leaks_from else min(float(random.exponential(5.0)), steady + 5.0)
        at = self.begins + day * DAY
        yield Agreed(f"{subject}-agreed", subject, True, self.begins - 30 * DAY, self.begins - 30 * DAY)
        yield Assigned(f"{subject}-assigned", subject, variant, 1, stratum, at, at)
        leaks = story.leaks_from is not None and day >= story.leaks_from and is_new and sport != Sport.RUNNING
        if random.random() < (0.9 if leaks else 0.02):
            return
        yield Exposed(f"{subject}-exposed", subject, variant, self._id("coach", coach), at, at)
        if random.random() < 0.03:
            left = at + float(random.uniform(3, 15)) * DAY
            yield Agreed(f"{subject}-left", subject, False, left, left)
        does = 0.71 + self.of_coach[coach] + float(random.normal(0, 0.13))
        yield from self._sessions(subject, at, does, story.effect * is_new)
        yield from self._requests(subject, at, is_new)

    def _sessions(self, subject: str, at: datetime, does: float, effect: float) -> Iterator[Event]:
        for day in range(-PRE_PERIOD, RUNNING_FOR + 1):
            if self.random.random() < self.story.sessions_a_day:
                over = midnight(at) + (day + 1) * DAY
                share = float(np.clip(does + effect * (over > at), 0.02, 0.98))
                late = DAY * float(self.random.exponential(0.3)) * (self.random.random() < 0.2)
                done = float(self.random.random() < share)
                yield Measured(f"{subject}-{day}", subject, "adherence", done, 1.0, over, over + late)

    def _requests(self, subject: str, at: datetime, is_new: bool) -> Iterator[Event]:
        random = self.random
        for count in range(1 + int(random.poisson(1.2))):
            asked = at + count * 6 * DAY
            told = (asked, asked + timedelta(seconds=3))
            failed, speed = float(random.random() < 0.012), float(random.lognormal(np.log(900), 0.4))
            yield Measured(f"{subject}-error-{count}", subject, "errors", failed, 1.0, *told)
            yield Measured(f"{subject}-speed-{count}", subject, "calculation_speed", speed, 1.0, *told)
            decided = asked + DAY * float(random.exponential(1.5))
            kept = float(random.random() < (0.72 if is_new else 0.62))
            yield Measured(f"{subject}-accepted-{count}", subject, "acceptance", kept, 1.0, decided, decided)
            if random.random() < 0.4:
                score = float(np.clip(round(random.normal(4.1, 0.8)), 1, 5))
                yield Measured(f"{subject}-rated-{count}", subject, "satisfaction", score, 1.0, decided, decided)

    def _id(self, kind: str, number: int) -> str:
        return str(uuid5(self.space, f"{kind} {number}"))

    @staticmethod
    def _shares(count: int) -> list[float]:
        """Return shares that fall by a third from one to the next."""
        weights = np.power(0.67, np.arange(count))
        return [float(one) for one in weights / weights.sum()]
