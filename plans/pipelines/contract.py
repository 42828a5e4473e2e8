"""What a pipeline sees and what it answers: plain, frozen data. Loads in TSS, durations in minutes, race times in
seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from modeling.core.priors import Priors
from modeling.core.series import LoadSeries, PerformanceTest
from modeling.learned.algorithm import SHIPPED_ALGORITHM, LearnedAlgorithm
from modeling.learned.context import age_group

if TYPE_CHECKING:
    from modeling.core.posterior import PosteriorFit

Sport = Literal["running", "cycling"]
Level = Literal["beginner", "intermediate", "advanced", "elite"]
Sex = Literal["female", "male", "unspecified"]
Kind = Literal["easy", "long", "tempo", "interval", "repetition", "race", "strength", "rest"]
Phase = Literal["base", "build", "peak", "taper", "race", "recovery"]


@dataclass(frozen=True, slots=True)
class AthleteBasics:
    """What a goal is judged against."""

    sport: str
    level: str
    sex: str = "unspecified"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Thresholds that hold today; None where unknown. Watts, seconds a km, beats a minute."""

    ftp_w: float | None = None
    threshold_pace_s_per_km: float | None = None
    threshold_hr: float | None = None
    max_hr: float | None = None


@dataclass(frozen=True)
class AthleteSnapshot:
    """An athlete as numbers on one day; nothing later than `today` is in it.

    longest_session_*_30d: largest load and longest duration of one session in the last 30 days (0: none).
    best_ctl_year, median_week_load_year: of the last year (0: no history).
    fit: posterior over the series, None where there are no tests; grade: "calibrated", "provisional" or "population".
    load_per_hour_easy: what an easy hour costs this athlete, None for the zone's own value.
    algorithm: the model version that plans; `fit` was made with its priors.
    tier, adherence_28d, load_ratio, coach_share: as `modeling.learned.context.SessionContext` has them, known today.
    reasons_of_week: why coaches changed sessions, by the Monday of the session's week as proposed, known today.
    weeks_behind: weeks of the plan that are over, where it is generated again: its weeks are numbered through.
    trouble: why the model version that was asked for does not plan; blank where it does.
    """

    athlete_id: str
    sport: Sport
    level: Level
    age: int | None
    sex: Sex
    today: date
    series: LoadSeries | None
    tests: tuple[PerformanceTest, ...]
    longest_session_load_30d: float
    longest_session_minutes_30d: float
    best_ctl_year: float
    median_week_load_year: float
    thresholds: Thresholds
    fit: PosteriorFit | None
    grade: str
    data_hash: str
    load_per_hour_easy: float | None = None
    algorithm: LearnedAlgorithm = SHIPPED_ALGORITHM
    tier: str = ""
    adherence_28d: float | None = None
    load_ratio: float = 1.0
    coach_share: float | None = None
    reasons_of_week: Mapping[date, frozenset[str]] = field(default_factory=dict)
    weeks_behind: int = 0
    trouble: str = ""

    @property
    def group(self) -> dict[str, str]:
        """Return the group that priors are learned for."""
        year = None if self.age is None else self.today.year - self.age
        return {"sport": self.sport, "level": self.level, "age_group": age_group(year, self.today)}

    @property
    def priors(self) -> Priors:
        """Return the priors of the athlete's group in this model version."""
        return self.algorithm.priors_for(**self.group)


@dataclass(frozen=True, slots=True)
class RaceGoal:
    """The race: a key of `modeling.core.performance.RACES`; days are 0 (Monday) to 6 (Sunday)."""

    race_date: date
    race: str
    goal_seconds: float | None = None
    available_days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class PredictedOutcome:
    """The predicted race result with its interval; `unit` "s" for a race time."""

    value: float
    low: float
    high: float
    unit: str
    level: float = 0.8


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A guard that had to give, and by how much; `week_or_day` is an ISO day, or "week 7"."""

    guard: str
    amount: float
    unit: str
    week_or_day: str
    message: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A guard that a finished plan breaks without having reported it."""

    guard: str
    amount: float
    unit: str
    week_or_day: str

    def __str__(self) -> str:
        return f"{self.guard} by {self.amount:.2f} {self.unit} ({self.week_or_day})"


@dataclass(frozen=True)
class PlannedSession:
    """One session. `prescribed_work` holds steps with dosage and target, `duration_min`, `distance_km`, `purpose`,
    `summary`."""

    session_id: str
    day: date
    modality: str
    kind: Kind
    title: str
    prescribed_work: dict[str, Any]
    load: float
    key_session: bool = False


@dataclass(frozen=True)
class PlannedWeek:
    """One week, Monday to Sunday; the first may start later. `target_load` is what its sessions were made for."""

    number: int
    monday: date
    phase: Phase
    is_recovery: bool
    target_load: float
    sessions: tuple[PlannedSession, ...]


@dataclass(frozen=True)
class ProposedPlan:
    """A pipeline's answer."""

    pipeline: str
    start: date
    weeks: tuple[PlannedWeek, ...]
    predicted: PredictedOutcome | None
    relaxed: tuple[Relaxation, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
