"""The training set once more, row by row in plain Python, by the definitions of `modeling.learned`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from modeling.learned.context import KINDS, REASONS, SessionContext, age_group, season
from modeling.learned.measures import adherence, coach_share, load_ratio

Rows = Mapping[str, list[dict[str, Any]]]


def known_rows(tables: Mapping[str, Any], as_of: datetime) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for name, table in tables.items():
        rows = [row for row in table.to_pylist() if row["available_at"] <= as_of]
        found[name] = [row for row in rows if not (row.get("withdrawn_at") and row["withdrawn_at"] <= as_of)]
    return found


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def decided_at(rows: Rows, plan: str, number: int) -> datetime | None:
    plans = [row for row in rows["plans"] if (row["plan"], row["version_number"]) == (plan, number)]
    proposed = [
        s for s in rows["sessions"] if (s["plan"], s["version_number"], s["role"]) == (plan, number, "proposed")
    ]
    return max(row["available_at"] for row in plans + proposed) if plans and proposed else None


def eligible(rows: Rows, plan: str, number: int) -> list[dict[str, Any]]:
    decided = decided_at(rows, plan, number)
    if decided is None:
        return []
    return [
        s
        for s in rows["sessions"]
        if (s["plan"], s["version_number"], s["role"]) == (plan, number, "proposed")
        and s["kind"] in KINDS
        and s["day"] >= decided.date()
    ]


def due(rows: Rows, athlete: str, first: date, last: date) -> list[tuple[str, str]]:
    """Return (plan, session) due from first up to the day before last, by the version in force on each day."""
    versions: dict[str, dict[int, datetime]] = {}
    published = [s for s in rows["sessions"] if s["role"] == "published"]
    for s in published:
        numbers = versions.setdefault(s["plan"], {})
        numbers[s["version_number"]] = min(numbers.get(s["version_number"], s["available_at"]), s["available_at"])
    found = set()
    for s in published:
        if s["athlete"] != athlete or not first <= s["day"] < last or s["kind"] in ("rest", "race"):
            continue
        order = sorted((moment, number) for number, moment in versions[s["plan"]].items())
        in_force = [number for moment, number in order if moment.date() <= s["day"]]
        if in_force and in_force[-1] == s["version_number"]:
            found.add((s["plan"], s["session"]))
    return sorted(found)


def status(rows: Rows, plan: str, session: str, moment: datetime) -> str:
    said = [
        (row["available_at"], row["completion"], row["status"])
        for row in rows["completions"]
        if (row["plan"], row["session"]) == (plan, session) and row["available_at"] <= moment
    ]
    return max(said)[2] if said else ""


def contexts(tables: Mapping[str, Any], as_of: datetime) -> Iterator[tuple[tuple[str, int, str], SessionContext, dict]]:
    """Return key (plan, version, session), context and labels of every row."""
    rows = known_rows(tables, as_of)
    submissions = [row for row in rows["reviews"] if row["decision"] == "submit"]
    last: dict[tuple[str, int], dict[str, Any]] = {}
    for row in sorted(submissions, key=lambda one: (one["available_at"], one["review"])):
        last[row["plan"], row["baseline_number"]] = row
    for (plan, number), review in last.items():
        for session in eligible(rows, plan, number):
            context = _context(rows, plan, number, session)
            yield (plan, number, session["session"]), context, _labels(rows, as_of, review, session)


def _context(rows: Rows, plan: str, number: int, session: dict[str, Any]) -> SessionContext:
    decided = decided_at(rows, plan, number)
    assert decided is not None
    version = next(row for row in rows["plans"] if (row["plan"], row["version_number"]) == (plan, number))
    athlete, today = version["athlete"], decided.date()
    profiles = [row for row in rows["athletes"] if row["athlete"] == athlete and row["available_at"] <= decided]
    profile = max(profiles, key=lambda row: row["available_at"], default=None) or dict.fromkeys(
        ("sport", "level", "tier"), ""
    )
    activities = [a for a in rows["activities"] if a["athlete"] == athlete and a["available_at"] <= decided]
    before = due(rows, athlete, today - timedelta(28), today)
    monday = session["day"] - timedelta(days=session["day"].weekday())
    return SessionContext(
        sport=profile["sport"],
        level=profile["level"],
        tier=profile["tier"],
        age_group=age_group(profile.get("birth_year"), today),
        season=season(session["day"]),
        kind=session["kind"],
        phase=session["phase"] or "",
        weekday=session["day"].weekday(),
        minutes=session["minutes"],
        load=session["load"],
        key_session=session["key_session"],
        is_recovery=session["is_recovery"],
        week_number=session["week_number"],
        weeks_to_race=session["weeks_to_race"],
        load_ratio=load_ratio([(a["day"], a["load"]) for a in activities], today),
        adherence_28d=adherence(status(rows, *one, decided) for one in before),
        coach_share=_share(rows, version["coach"], decided),
        reasons_before=frozenset(
            row["reason"]
            for row in rows["overrides"]
            if row["athlete"] == athlete
            and row["available_at"] <= decided
            and row["reason"] in REASONS
            and monday - timedelta(7) <= row["day"] < monday
        ),
        variant=f"{version['experiment']}:{version['variant']}" if version["variant"] else "",
    )


def _share(rows: Rows, coach: str | None, decided: datetime) -> float | None:
    if coach is None:
        return None
    return coach_share(*_counted(rows, decided, coach), *_counted(rows, decided, None))


def _counted(rows: Rows, decided: datetime, coach: str | None) -> tuple[int, int]:
    changed = looked_at = 0
    for review in rows["reviews"]:
        if review["decision"] != "submit" or review["available_at"] > decided or coach not in (None, review["coach"]):
            continue
        sessions = {s["session"] for s in eligible(rows, review["plan"], review["baseline_number"])}
        touched = {
            o["session"] for o in rows["overrides"] if o["review"] == review["review"] and o["adjustment"] != "add"
        }
        looked_at += len(sessions)
        changed += len(sessions & touched)
    return changed, looked_at


def _labels(rows: Rows, as_of: datetime, review: dict[str, Any], session: dict[str, Any]) -> dict[str, Any]:
    made = [
        row
        for row in rows["overrides"]
        if (row["review"], row["session"]) == (review["review"], session["session"]) and row["adjustment"] != "add"
    ]
    plan, number = session["plan"], session["version_number"]
    decided = decided_at(rows, plan, number)
    assert decided is not None
    labels: dict[str, Any] = {
        name: any(row["adjustment"] == name for row in made) for name in ("volume", "swap", "move", "rest")
    }
    labels["kept"] = not made
    mature = midnight(session["day"] + timedelta(4))
    as_proposed = [
        s["kind"] == session["kind"]
        for s in rows["sessions"]
        if s["role"] == "published"
        and (s["plan"], s["session"], s["day"]) == (plan, session["session"], session["day"])
        and _in_force(rows, s)
    ]
    is_due = not made and any(as_proposed) and mature <= as_of
    worth = {"done": 1.0, "partly": 0.5}
    labels["completed"] = worth.get(status(rows, plan, session["session"], mature), 0.0) if is_due else None
    known = midnight(decided.date() + timedelta(31))
    following = due(rows, session["athlete"], decided.date(), decided.date() + timedelta(28))
    labels["adherence"] = adherence(status(rows, *one, known) for one in following) if known <= as_of else None
    labels["change_percent"] = _change(rows, session["athlete"], decided, as_of)
    return labels


def _in_force(rows: Rows, session: dict[str, Any]) -> bool:
    if session["kind"] in ("rest", "race"):
        return False
    versions: dict[int, datetime] = {}
    for s in rows["sessions"]:
        if s["role"] == "published" and s["plan"] == session["plan"]:
            number = s["version_number"]
            versions[number] = min(versions.get(number, s["available_at"]), s["available_at"])
    known = sorted((moment, number) for number, moment in versions.items() if moment.date() <= session["day"])
    return bool(known) and known[-1][1] == session["version_number"]


def _change(rows: Rows, athlete: str, decided: datetime, as_of: datetime) -> float | None:
    until = midnight(decided.date() + timedelta(59))
    if until > as_of:
        return None
    tests = [row for row in rows["tests"] if row["athlete"] == athlete]
    before = [t for t in tests if t["day"] < decided.date() and t["available_at"] <= decided]
    after = [
        t for t in tests if decided.date() <= t["day"] < decided.date() + timedelta(56) and t["available_at"] <= until
    ]
    if not before or not after:
        return None
    # The same order as SQL: the last day, then what became known last, then the first id.
    first = min(before, key=lambda t: (-t["day"].toordinal(), -t["available_at"].timestamp(), t["test"]))
    then = min(after, key=lambda t: (t["day"], t["available_at"], t["test"]))
    return 100.0 * (then["value"] / first["value"] - 1.0)
