"""Random streams in which everything that goes wrong goes wrong often: few subjects, few moments, many collisions."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from experiments.streams import Agreed, Assigned, Exposed, Measure, Measured, Paused, Resumed, Shape

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 40
DELAYS = (0, 0, 0, 2, 7, 30, 24 * 3, 24 * 9, 24 * 20, -3)
"""Hours until something is known; a fast clock knows before."""

MEASURES = (
    Measure("load", Shape.MEAN, stop=timedelta(days=6), before=timedelta(days=10)),
    Measure("done", Shape.SHARE, start=timedelta(days=1), stop=timedelta(days=9), before=timedelta(days=8)),
    Measure("speed", Shape.RATIO, stop=timedelta(days=12), before=timedelta(days=12)),
    Measure("total", Shape.MEAN),
)


class Maker:
    """Makes one stream. `ids`: how many ids a kind of event shares: fewer than events, so that some are the same."""

    def __init__(self, seed: int, subjects: int, *, tidy: bool = False) -> None:
        self.rng = random.Random(seed)
        self.subjects = [f"s{n}" for n in range(subjects)]
        self.tidy = tidy
        self.count = 0

    def moment(self, low: float = 0, high: float = DAYS) -> datetime:
        """Return a moment on a grid of six hours: many fall together."""
        return START + timedelta(hours=6 * self.rng.randrange(int(low * 4), int(high * 4) + 1))

    def times(self, low: float = 0, high: float = DAYS) -> tuple[datetime, datetime]:
        at = self.moment(low, high)
        return at, at + timedelta(hours=self.rng.choice(DELAYS))

    def new_id(self) -> str:
        self.count += 1
        same = not self.tidy and self.rng.random() < 0.1
        return f"e{self.rng.randrange(self.count) if same else self.count}"

    def stream(self) -> list:
        """Return a stream, duplicates in it, shuffled."""
        events = [event for subject in self.subjects for event in self.of_subject(subject)] + self.pauses()
        for event in self.rng.sample(events, len(events) // 5):
            again = self.rng.random() < 0.5
            events.append(event._replace(known_at=event.known_at + timedelta(hours=self.rng.choice(DELAYS)))
                          if again else event)  # fmt: skip
        self.rng.shuffle(events)
        return events

    def of_subject(self, subject: str) -> list:
        rng, events = self.rng, []
        variant, joined = rng.choice(["a", "a", "a", "b", "b", "b", ""]), rng.randrange(4, 20)
        if rng.random() < 0.92:
            events.append(Agreed(self.new_id(), subject, True, *self.times(0, joined)))
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
            events.append(Agreed(self.new_id(), subject, rng.random() < 0.5, *self.times(joined, DAYS)))
        for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2])):
            given = variant if rng.random() < 0.9 else rng.choice(["a", "b", ""])
            place = rng.choice([1, 1, 2]), rng.choice(["run", "ride"])
            events.append(Assigned(self.new_id(), subject, given, *place, *self.times(joined - 2, joined + 2)))
        for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
            seen = (variant or "a") if rng.random() < 0.95 else rng.choice(["a", "b"])
            times = self.times(joined, joined + 12)
            events.append(Exposed(self.new_id(), subject, seen, rng.choice(["kim", "kim", "lee", ""]), *times))
        for _ in range(rng.randrange(0, 6)):
            events += self.fact(subject)
        return events

    def fact(self, subject: str) -> list:
        """Return a fact and its corrections: another value, another time, sometimes another subject."""
        rng, found = self.rng, []
        fact = Measured(
            self.new_id(), subject, rng.choice(["load", "done", "speed", "total", "other"]),
            rng.randrange(-4, 20) / 4, rng.randrange(0, 6) / 2, *self.times(),
        )  # fmt: skip
        found.append(fact)
        while rng.random() < 0.25:
            changes = {"y": rng.randrange(-4, 20) / 4, "known_at": fact.known_at + timedelta(hours=rng.choice(DELAYS))}
            if rng.random() < 0.3:
                changes["at"] = self.moment()
            if rng.random() < 0.1:
                changes["subject"] = rng.choice(self.subjects)
            found.append(fact._replace(**changes))
        return found

    def pauses(self) -> list:
        kinds = [Paused, Resumed] * self.rng.choice([0, 0, 1, 1, 2])
        return [kind(self.new_id(), *self.times(4, 26)) for kind in kinds]
