"""The tables of a synthetic cohort of coaches (`coaching.py`), from its arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from modeling.learned.context import LEVELS, REASONS
from modeling.training.simulate.tables import as_table

if TYPE_CHECKING:
    import pyarrow as pa

    from modeling.training.simulate.coaching import Coaching

Array = NDArray[Any]

HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
SLOTS: Final = (("easy", 50, 0.8), ("interval", 60, 1.3), ("tempo", 60, 1.1), ("easy", 45, 0.8), ("long", 100, 0.9))
_HISTORY_WEEKS: Final = 5


def plan_tables(
    of: Coaching, who: dict[str, Array], sessions: dict[str, Array], habits: dict[str, Array]
) -> dict[str, pa.Table]:
    athlete, week = np.divmod(np.arange(of.athletes * of.weeks), of.weeks)
    decided, submitted, accepted = (who[name].ravel() for name in ("decided", "submitted", "accepted"))
    race_day = who["monday"][:, -1][athlete] + 13
    looked = who["looked"].ravel()
    ids = {"athlete": _token("athlete", athlete), "plan": _token("plan", np.arange(len(week)))}
    coach = _token("coach", who["coach"][athlete])
    plans = as_table(
        "plans",
        ids
        | {
            "version_number": np.ones(len(week), dtype=np.int64),
            "coach": coach,
            "race": ["10k"] * len(week),
            "race_date": race_day,
            "pipeline": ["model"] * len(week),
            "algorithm_version": ["1"] * len(week),
            "event_at": decided,
            "available_at": decided,
        },
    )
    rows = np.flatnonzero(looked)
    taken = np.concatenate([rows, np.arange(len(week))])
    is_submit = np.arange(len(taken)) < len(rows)
    when = np.where(is_submit, submitted[taken], accepted[taken])
    reviews = as_table(
        "reviews",
        {
            "athlete": ids["athlete"].take(_indices(taken)),
            "review": _joined(np.where(is_submit, "submit-", "accept-"), taken),
            "plan": ids["plan"].take(_indices(taken)),
            "version_number": np.where(looked[taken], 2, 1),
            "baseline_number": np.ones(len(taken), dtype=np.int64),
            "coach": coach.take(_indices(taken)),
            "decision": np.where(is_submit, "submit", "accept").tolist(),
            "is_override": np.zeros(len(taken), dtype=np.bool_),
            "event_at": when,
            "available_at": when,
        },
    )
    return {"plans": plans, "reviews": reviews} | _session_tables(of, who, sessions, habits, ids, coach)


def _session_tables(
    of: Coaching,
    who: dict[str, Array],
    sessions: dict[str, Array],
    habits: dict[str, Array],
    ids: dict[str, Any],
    coach: Any,
) -> dict[str, pa.Table]:
    import pyarrow as pa

    athlete, week, slot = sessions["athlete"], sessions["week"], sessions["slot"]
    n, at = len(week), np.arange(len(week)) // len(SLOTS)
    kinds = np.array([name for name, *_ in SLOTS])
    left = of.weeks - week
    phase = np.select(
        [left <= 1, left <= 3, left <= 6, left <= of.weeks // 2], ["race", "taper", "peak", "build"], "base"
    )
    common = {
        "athlete": ids["athlete"].take(_indices(at)),
        "plan": ids["plan"].take(_indices(at)),
        "session": _token("session", np.arange(n)),
        "modality": pa.array(["running", "cycling"]).take(_indices(who["sport"][athlete])),
        "key_session": (slot == 1) | (slot == 4),
        "phase": pa.array(phase.astype(object)),
        "is_recovery": week % 4 == 3,
        "week_number": week + 1,
        "weeks_to_race": left,
    }
    decided = who["decided"][athlete, week]
    proposed = as_table(
        "sessions",
        common
        | {
            "version_number": np.ones(n, dtype=np.int64),
            "role": pa.array(["proposed"]).take(_indices(np.zeros(n))),
            "day": sessions["day"],
            "kind": pa.array(kinds.astype(object)).take(_indices(slot)),
            "minutes": sessions["minutes"],
            "load": sessions["load"],
            "event_at": decided,
            "available_at": decided,
        },
    )
    published = as_table("sessions", common | _published(who, sessions, habits, kinds))
    overrides = _overrides(who, sessions, habits, ids, coach, common["session"])
    return {"sessions": pa.concat_tables([proposed, published]), "overrides": overrides}


def _published(
    who: dict[str, Array], sessions: dict[str, Array], habits: dict[str, Array], kinds: Array
) -> dict[str, Any]:
    import pyarrow as pa

    athlete, week = sessions["athlete"], sessions["week"]
    names = [*kinds, "rest"]
    code = np.where(habits["rest"], len(kinds), np.where(habits["swap"], 0, sessions["slot"]))
    factor = np.where(habits["rest"], 0.0, np.where(habits["volume"], habits["factor"], 1.0))
    accepted = who["accepted"][athlete, week]
    return {
        "version_number": np.where(who["looked"][athlete, week], 2, 1),
        "role": pa.array(["published"]).take(_indices(np.zeros(len(week)))),
        "day": sessions["day"] + np.where(habits["move"], habits["shift"], 0),
        "kind": pa.array([str(name) for name in names]).take(_indices(code)),
        "minutes": sessions["minutes"] * factor,
        "load": sessions["load"] * factor,
        "event_at": accepted,
        "available_at": accepted,
    }


def _overrides(
    who: dict[str, Array],
    sessions: dict[str, Array],
    habits: dict[str, Array],
    ids: dict[str, Any],
    coach: Any,
    session: Any,
) -> pa.Table:
    import pyarrow as pa

    per = {name: np.flatnonzero(habits[name]) for name in ("volume", "swap", "move", "rest")}
    rows = np.concatenate(list(per.values()))
    what = np.repeat(np.arange(len(per)), [len(one) for one in per.values()])
    athlete, week, at = sessions["athlete"][rows], sessions["week"][rows], rows // len(SLOTS)
    kinds = pa.array([name for name, *_ in SLOTS])
    when = who["submitted"][athlete, week]
    is_volume, is_move, reason = what == 0, what == 2, habits["reason"][rows]
    return as_table(
        "overrides",
        {
            "athlete": ids["athlete"].take(_indices(at)),
            "review": _joined(np.full(len(rows), "submit-"), at),
            "plan": ids["plan"].take(_indices(at)),
            "version_number": np.full(len(rows), 2),
            "baseline_number": np.ones(len(rows), dtype=np.int64),
            "coach": coach.take(_indices(at)),
            "session": session.take(_indices(rows)),
            "adjustment": pa.array(list(per)).take(_indices(what)),
            "day": sessions["day"][rows],
            "volume_factor": pa.array(habits["factor"][rows], mask=~is_volume),
            "load_factor": pa.array(habits["factor"][rows], mask=~is_volume),
            "day_shift": pa.array(habits["shift"][rows], mask=~is_move),
            "from_kind": kinds.take(_indices(sessions["slot"][rows])),
            "to_kind": pa.array(np.array(["easy", "rest"], dtype=object)[(what == 3) * 1], mask=(what == 0) | is_move),
            "reason": pa.array([*REASONS]).take(pa.array(reason, mask=reason < 0)),
            "event_at": when,
            "available_at": when,
        },
    )


def athlete_tables(
    of: Coaching,
    who: dict[str, Array],
    sessions: dict[str, Array],
    habits: dict[str, Array],
    draw: np.random.Generator,
) -> dict[str, pa.Table]:
    import pyarrow as pa

    n = of.athletes
    joined = (who["monday"][:, 0] - 60) * DAY
    tiers = np.where(draw.random(n) < 0.5, "guided", "premium")
    athletes = as_table(
        "athletes",
        {
            "athlete": _token("athlete", np.arange(n)),
            "sport": pa.array(["running", "cycling"]).take(_indices(who["sport"])),
            "level": pa.array(LEVELS).take(_indices(who["level"])),
            "tier": pa.array(tiers.astype(object)),
            "sex": pa.array(["female", "male"]).take(_indices(np.arange(n) % 2)),
            "birth_year": who["birth_year"],
            "is_synthetic": np.ones(n, dtype=np.bool_),
            "event_at": joined,
            "available_at": joined,
        },
    )
    completions, activities = _completions(of, who, sessions, habits, draw)
    return {"athletes": athletes, "completions": completions, "activities": activities, "tests": _tests(of, who, draw)}


def _completions(
    of: Coaching,
    who: dict[str, Array],
    sessions: dict[str, Array],
    habits: dict[str, Array],
    draw: np.random.Generator,
) -> tuple[pa.Table, pa.Table]:
    import pyarrow as pa

    rows = np.flatnonzero(~habits["rest"])
    athlete = sessions["athlete"][rows]
    day = sessions["day"][rows] + np.where(habits["move"][rows], habits["shift"][rows], 0)
    by_weekday = np.array([of.by_weekday.get(number, 0.0) for number in range(7)])
    # 1970-01-01 was a Thursday.
    odds = of.completion + by_weekday[(day + 3) % 7] + who["effect"][athlete]
    done = draw.random(len(rows)) < 1 / (1 + np.exp(-odds))
    partly = ~done & (draw.random(len(rows)) < 0.2)
    minutes = np.round(sessions["minutes"][rows] * np.where(habits["volume"][rows], habits["factor"][rows], 1.0), 1)
    minutes *= np.select([done, partly], [1.0, 0.5], 0.0)
    when = day * DAY + 20 * HOUR + (draw.exponential(6.0, len(rows)) * HOUR).astype(np.int64)
    status = np.select([done, partly], [0, 1], 2)
    completions = as_table(
        "completions",
        {
            "athlete": _token("athlete", athlete),
            "completion": _token("completion", rows),
            "plan": _token("plan", rows // len(SLOTS)),
            "session": _token("session", rows),
            "day": day,
            "status": pa.array(["done", "partly", "skipped"]).take(_indices(status)),
            "minutes": minutes,
            "event_at": day * DAY + 18 * HOUR,
            "available_at": when,
        },
    )
    kept = minutes > 0
    return completions, _activities(of, who, draw, athlete[kept], day[kept], minutes[kept], when[kept])


def _activities(
    of: Coaching,
    who: dict[str, Array],
    draw: np.random.Generator,
    athlete: Array,
    day: Array,
    minutes: Array,
    when: Array,
) -> pa.Table:
    """Return what was trained, with some weeks before the first plan."""
    import pyarrow as pa

    past = 3 * _HISTORY_WEEKS
    earlier = np.repeat(np.arange(of.athletes), past)
    ago = np.tile(1 + np.arange(past) * 7 // 3, of.athletes)
    earlier_day = who["monday"][earlier, 0] - 3 - ago
    athlete = np.concatenate([earlier, athlete])
    day = np.concatenate([earlier_day, day])
    minutes = np.concatenate([draw.integers(30, 90, len(earlier)), minutes])
    when = np.concatenate([earlier_day * DAY + 21 * HOUR, when])
    return as_table(
        "activities",
        {
            "athlete": _token("athlete", athlete),
            "activity": _token("activity", np.arange(len(day))),
            "day": day,
            "sport": pa.array(["running", "cycling"]).take(_indices(who["sport"][athlete])),
            "load": np.round(minutes * 0.95, 1),
            "load_unit": pa.array(["TSS"]).take(_indices(np.zeros(len(day)))),
            "minutes": minutes.astype(np.float64),
            "event_at": day * DAY + 18 * HOUR,
            "available_at": when,
        },
    )


def _tests(of: Coaching, who: dict[str, Array], draw: np.random.Generator) -> pa.Table:
    each = max(of.weeks // 6, 1) + 1
    athlete = np.repeat(np.arange(of.athletes), each)
    number = np.tile(np.arange(each), of.athletes)
    day = who["monday"][athlete, 0] - 10 + 42 * number
    base = draw.normal(45.0, 6.0, of.athletes)[athlete]
    return as_table(
        "tests",
        {
            "athlete": _token("athlete", athlete),
            "test": _token("test", np.arange(len(day))),
            "day": day,
            "value": np.round(base * (1 + 0.01 * number) * np.exp(draw.normal(0.0, 0.015, len(day))), 2),
            "kind": ["race"] * len(day),
            "event_at": day * DAY + 10 * HOUR,
            "available_at": day * DAY + 12 * HOUR,
        },
    )


def _indices(values: Array) -> Any:
    import pyarrow as pa

    return pa.array(np.asarray(values).astype(np.int64))


def _token(what: str, numbers: Array) -> Any:
    """Return names like "synthetic-coach-7"."""
    return _joined(np.full(1, f"synthetic-{what}-"), numbers)


def _joined(prefixes: Array, numbers: Array) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct, codes = np.unique(prefixes, return_inverse=True)
    heads = pa.array(distinct.tolist(), pa.string()).take(pa.array(np.broadcast_to(codes, np.shape(numbers)).copy()))
    return pc.binary_join_element_wise(heads, pa.array(np.asarray(numbers).astype(np.int64)).cast(pa.string()), "")
