"""The feature store's tables: what each column means. `plans` writes them, `modeling.training` reads them. Pure.

    <FEATURE_STORE_URL>/schema=1/<table>/month=2026-11/part-<hash>.parquet    by the month of `available_at`, UTC
    <FEATURE_STORE_URL>/schema=1/manifest.json               written last: what is complete and may be read

People are tokens, objects (plans, sessions, tests) their ids; nothing that somebody wrote is here. `event_at` is when a
thing happened, `available_at` when we knew it: joins go by the second, since 193,216 of 500,000 labels leaked when
they went by the first. `withdrawn_at` is when a row ceased to be true (deleted, invalidated), which nobody knew before.
Only athletes whose consent to the purpose `training` stands are here at all; whoever withdraws it, or is erased, is
gone from every file with the next export.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

SCHEMA_VERSION: Final = 1
MANIFEST: Final = "manifest.json"


class Kind(enum.Enum):
    """What a column holds; a moment is a time stamp in UTC to the microsecond, a day a calendar day."""

    TEXT = "text"
    NUMBER = "number"
    WHOLE = "whole"
    TRUTH = "truth"
    DAY = "day"
    MOMENT = "moment"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `required` ones are never null."""

    name: str
    kind: Kind
    means: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """One table. key: the columns that name a row; rows are sorted by `available_at` and them."""

    name: str
    describes: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(one for one in self.columns if one.name == name)


def _text(name: str, means: str, *, required: bool = True) -> Column:
    return Column(name, Kind.TEXT, means, required)


def _number(name: str, means: str, *, required: bool = False) -> Column:
    return Column(name, Kind.NUMBER, means, required)


def _whole(name: str, means: str, *, required: bool = True) -> Column:
    return Column(name, Kind.WHOLE, means, required)


def _truth(name: str, means: str) -> Column:
    return Column(name, Kind.TRUTH, means)


def _day(name: str, means: str, *, required: bool = True) -> Column:
    return Column(name, Kind.DAY, means, required)


def _moment(name: str, means: str, *, required: bool = True) -> Column:
    return Column(name, Kind.MOMENT, means, required)


_ATHLETE: Final = _text("athlete", "the athlete's token")
_COACH: Final = _text("coach", "the coach's token; empty where there was none", required=False)
_PLAN: Final = _text("plan", "the plan's id")
_SESSION: Final = _text("session", "the session's id, the same in every version of its plan")
_VERSION: Final = _whole("version_number", "of the plan, from 1")
_BASELINE: Final = _whole("baseline_number", "version number of the machine's proposal that the coach started from")
_WHEN: Final = (_moment("event_at", "when it happened"), _moment("available_at", "when we knew"))
_WITHDRAWN: Final = _moment("withdrawn_at", "when it was deleted or invalidated", required=False)


def _table(name: str, describes: str, key: tuple[str, ...], *columns: Column) -> Table:
    return Table(name, describes, key, (*columns, *_WHEN))


TABLES: Final[dict[str, Table]] = {
    table.name: table
    for table in (
        _table(
            "athletes",
            "an athlete's profile from a moment on, until the next row",
            ("athlete",),
            _ATHLETE,
            _text("sport", "running or cycling"),
            _text("level", "beginner, intermediate, advanced or elite"),
            _text("tier", "free, basic, guided, premium or elite"),
            _text("sex", "female, male or unspecified"),
            _whole("birth_year", "year of birth", required=False),
            _truth("is_synthetic", "made by a simulator"),
        ),
        _table(
            "activities",
            "a training session as done, with the load that the model counts",
            ("activity",),
            _ATHLETE,
            _text("activity", "the activity's id"),
            _day("day", "the athlete's calendar day"),
            _text("sport", "running, cycling or other"),
            _number("load", "what the model counts", required=True),
            _text("load_unit", "TSS, or what the source gave"),
            _number("minutes", "duration", required=True),
            _WITHDRAWN,
        ),
        _table(
            "tests",
            "a performance on the sport's scale (VDOT, watts)",
            ("test",),
            _ATHLETE,
            _text("test", "the test's id"),
            _day("day", "when it was done"),
            _number("value", "VDOT or watts", required=True),
            _text("kind", "lab, race or field"),
            _WITHDRAWN,
        ),
        _table(
            "fits",
            "an individual fit as it was stored: posterior mean and 95 % interval",
            ("fit",),
            _ATHLETE,
            _text("fit", "the fit's id"),
            _text("grade", "calibrated, provisional or population"),
            _text("model_version", "of the fitting code"),
            _whole("n_tests", "tests in the window"),
            _day("window_until", "last day of the window"),
            *(
                _number(f"{name}{end}", f"{name}{end.replace('_', ', ')}")
                for name in ("tau1", "tau2", "k1", "k2", "p0")
                for end in ("", "_low", "_high")
            ),
            _WITHDRAWN,
        ),
        _table(
            "plans",
            "a generated plan; one more row each time that the machine proposed it anew",
            ("plan", "version_number"),
            _ATHLETE,
            _PLAN,
            _VERSION,
            _COACH,
            _text("race", "a key of `modeling.core.performance.RACES`"),
            _day("race_date", "the race"),
            _text("pipeline", "which answered"),
            _text(
                "algorithm_version",
                "which model version answered, + the heuristics of an experiment's arm",
                required=False,
            ),
            _text("experiment", "key of the experiment whose arm chose; empty for none", required=False),
            _text("variant", "its arm; empty for none", required=False),
        ),
        _table(
            "sessions",
            "a session of a version: as the machine proposed it, or as the athlete got it",
            ("plan", "version_number", "role", "session"),
            _ATHLETE,
            _PLAN,
            _VERSION,
            _text("role", "proposed (the machine's) or published (what the athlete trains by from then on)"),
            _SESSION,
            _day("day", "when it is due"),
            _text("kind", "easy, long, tempo, interval, repetition, race, strength or rest"),
            _text("modality", "running, cycling, strength, …"),
            _number("minutes", "planned", required=True),
            _number("distance_km", "planned"),
            _number("load", "planned, TSS", required=True),
            _truth("key_session", "one of the week's most important"),
            _text(
                "phase", "base, build, peak, taper, race or recovery; empty outside the plan's weeks", required=False
            ),
            _truth("is_recovery", "in a recovery week"),
            _whole("week_number", "of the plan, from 1"),
            _whole("weeks_to_race", "whole weeks, 0 in the race week, negative after it"),
        ),
        _table(
            "reviews",
            "a decision about a version; a submission means that a coach looked at every session of it",
            ("review",),
            _ATHLETE,
            _text("review", "the decision's id"),
            _PLAN,
            _VERSION,
            _BASELINE,
            _COACH,
            _text("decision", "submit, accept, request_changes or withdraw"),
            _truth("is_override", "an administrator decided in the athlete's place"),
            _whole("rating", "how the accepted plan pleased, 1 to 5", required=False),
        ),
        _table(
            "overrides",
            "what a submitted version changes in a session of the proposal, one row an adjustment",
            ("review", "session", "adjustment"),
            _ATHLETE,
            _text("review", "the submission's id"),
            _PLAN,
            _VERSION,
            _BASELINE,
            _COACH,
            _SESSION,
            _text("adjustment", "volume, swap (another kind), move, rest (removed or made a rest), intensity or add"),
            _day("day", "the session's day as proposed (added ones: as added)"),
            _number(
                "volume_factor",
                "planned minutes after over before (kilometres where those stayed); null unless the volume changed",
            ),
            _number("load_factor", "planned load after over before"),
            _whole("day_shift", "days later (negative: earlier); null unless it moved", required=False),
            _text("from_kind", "kind as proposed; empty for an added session", required=False),
            _text("to_kind", "kind as submitted; rest where it was removed", required=False),
            _text("reason", "the coach's reason code; empty where none was given", required=False),
        ),
        _table(
            "completions",
            "what an athlete or an import said became of a session; the newest one counts",
            ("completion",),
            _ATHLETE,
            _text("completion", "the row's id"),
            _PLAN,
            _SESSION,
            _day("day", "when it was done, or due"),
            _text("status", "done, partly or skipped"),
            _number("minutes", "done"),
            _whole("rpe", "Borg CR10", required=False),
        ),
        _table(
            "satisfaction",
            "a rating, 1 to 5",
            ("rating",),
            _ATHLETE,
            _text("rating", "the row's id"),
            _PLAN,
            _text("what", "plan (at acceptance) or cycle (after it)"),
            _whole("score", "1 to 5"),
        ),
        _table(
            "outcomes",
            "what a published version led to (E3): from its publication to the next one, or the plan's end",
            ("plan", "version_number"),
            _ATHLETE,
            _PLAN,
            _VERSION,
            _COACH,
            _day("from_day", "first day by this version"),
            _day("until_day", "last day by it"),
            _whole("due", "sessions due in that span, rest and race aside"),
            _number("done", "of those, a partly done one a half", required=True),
            _number("improvement_percent", "last test of the span (or 14 days after) over the last one before it"),
            _number("satisfaction", "mean rating that falls into the span, 1 to 5"),
        ),
        _table(
            "assignments",
            "an athlete's arm in an experiment",
            ("athlete", "experiment"),
            _ATHLETE,
            _text("experiment", "its key"),
            _text("variant", "the arm; empty for a holdout", required=False),
            _truth("is_holdout", "kept out of every arm"),
            _number("propensity", "probability with which the arm was drawn"),
            _moment("first_exposed_at", "when the arm was first used, if it was", required=False),
        ),
    )
}
