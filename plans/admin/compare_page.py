"""What the page that compares two versions of a plan shows: sums, mix, and one row for each changed session."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.urls import reverse

from accounts.models import User
from common.errors import NotVisible
from common.translating.showing import shown
from plans.admin.plan_history import HEAVY, events_of_version
from plans.admin.review_page import MACHINE, may_review
from plans.document import Content, Entry, Summary, canonical_json, field_changes, summarise
from plans.document.content import KINDS, minutes
from plans.document.patch import REASONS
from plans.models import Plan, PlanVersion
from plans.policies import plan_for, shown_head, version_for, versions_for
from plans.presentation import clock_text, minutes_text, race_label
from plans.reading import wording
from plans.selectors import content_of, marked_changes, names_of

LETTERS: Final = {
    "easy": "E",
    "long": "L",
    "tempo": "T",
    "interval": "I",
    "repetition": "R",
    "race": "⚑",
    "strength": "S",
    "rest": "–",
}
_FIELD_WORDS: Final = {
    "kind": "type",
    "prescribed_work": "content",
    "duration_min": "minutes",
    "hard_min": "hard minutes",
    "distance_km": "km",
    "summary": "description",
    "key_session": "key session",
}
_LONGEST_VALUE: Final = 300
_LABEL_FROM: Final = 6.0
"""Share of a bar, per cent, from which its letter and number fit into it."""


def compare_context(user: User, plan_id: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's data; `from` and `to` name versions, by default the machine's proposal and the head.

    Raises:
        NotVisible: there is no such plan or version, or the user may not see it.
    """
    plan = plan_for(user, plan_id)
    versions = list(versions_for(user, plan).defer(*HEAVY))
    head = shown_head(user, plan)
    after = _version(user, plan, query.get("to") or (head.pk if head else None))
    chosen = query.get("from") or after.baseline_version_id
    before = after if str(chosen) == str(after.pk) else _version(user, plan, chosen)
    marks = marked_changes(after, before)
    summary = summarise(content_of(before), content_of(after))
    here = reverse("admin:plans_compare", args=[plan.pk])
    return {
        "plan": plan,
        "race_label": race_label(plan.race),
        "versions": _options(versions),
        "before": before,
        "after": after,
        "summary": summary,
        "edits": _edits(summary),
        "totals": _totals(summary),
        "mix": [_mix(version, summary.intensity[side]) for version, side in ((before, "before"), (after, "after"))],
        "race": _race(before, after),
        "groups": _groups(before, after, marks),
        "events": events_of_version(user, plan, after),
        "swap_url": f"{here}?from={after.pk}&to={before.pk}",
        "csv_url": reverse("admin:plans_changelog_csv", args=[plan.pk]),
        "back_url": reverse("admin:plans_plan_change", args=[plan.pk]),
        "back": shown("Back to review" if may_review(user) else "Back to the plan"),
    }


def _version(user: User, plan: Plan, chosen: UUID | str | None) -> PlanVersion:
    try:
        return version_for(user, plan.pk, UUID(str(chosen)))
    except ValueError as error:
        raise NotVisible("There is no such version.") from error


def _options(versions: list[PlanVersion]) -> list[dict[str, Any]]:
    names = names_of(version.author_id for version in versions)
    return [
        {
            "version": version,
            "author": MACHINE if version.baseline_id is None else names.get(version.author_id) or MACHINE,
        }
        for version in versions
    ]


def _edits(summary: Summary) -> dict[str, int]:
    """Return how many sessions were edited, each counted once: a move is a move, whatever else changed with it."""
    counts = summary.sessions
    changed = counts["replaced"] - counts["moved"]
    return {
        "added": counts["added"],
        "removed": counts["removed"],
        "changed": changed,
        "moved": counts["moved"],
        "all": counts["added"] + counts["removed"] + counts["replaced"],
    }


def _totals(summary: Summary) -> dict[str, Any]:
    volume, load = summary.volume, summary.load
    return {
        "hours": _change(volume["before_min"] or 0, volume["after_min"] or 0, minutes_text),
        "load": _change(load["before"] or 0, load["after"] or 0, str),
    }


def _change(before: float, after: float, show: Any) -> dict[str, str]:
    """Return both sides and their difference as text; the difference is that of the numbers shown."""
    low, high = round(before), round(after)
    sign = "+" if high > low else "−" if high < low else "±"
    return {"before": show(low), "after": show(high), "delta": f"{sign}{show(abs(high - low))}"}


def _mix(version: PlanVersion, by_kind: dict[str, float]) -> dict[str, Any]:
    whole = sum(by_kind.values()) or 1.0
    parts = []
    for kind in KINDS:
        share = 100 * by_kind.get(kind, 0.0) / whole
        if share:
            parts.append(
                {
                    "kind": kind,
                    "width": f"{share:.2f}",
                    "label": f"{LETTERS[kind]} {share:.0f}" if share >= _LABEL_FROM else "",
                    "words": f"{shown(kind)} {share:.0f} %",
                }
            )
    return {"version": version, "parts": parts, "words": ", ".join(part["words"] for part in parts)}


def _race(before: PlanVersion, after: PlanVersion) -> dict[str, str]:
    """Return the predictions of both versions as text, and their difference (− is faster) where both are times."""
    old, new = before.predicted_json, after.predicted_json
    delta = ""
    if old and new and (old["unit"], new["unit"]) == ("s", "s"):
        delta = _change(old["value"], new["value"], clock_text)["delta"]
    return {"before": _predicted(old), "after": _predicted(new), "delta": delta, "spread": _spread(new)}


def _predicted(predicted: dict[str, Any] | None) -> str:
    if not predicted:
        return "–"
    value = predicted["value"]
    return clock_text(value) if predicted["unit"] == "s" else f"{value:.0f} {predicted['unit']}"


def _spread(predicted: dict[str, Any] | None) -> str:
    if not predicted or predicted["unit"] != "s":
        return ""
    level = round(100 * predicted.get("level", 0.8))
    return shown(f"{clock_text(predicted['low'])} to {clock_text(predicted['high'])} with {level} %")


def _groups(before: PlanVersion, after: PlanVersion, marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return changed weeks with their rows, and each run of unchanged weeks folded into one."""
    rows: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for mark in marks:
        for monday, row in _rows(mark):
            rows[monday].append(row)
    old, new = _by_week(content_of(before)), _by_week(content_of(after))
    numbers = {**_numbers(before), **_numbers(after)}
    found: list[dict[str, Any]] = []
    for is_changed, run in groupby(sorted({*numbers, *old, *new}), key=lambda monday: monday in rows):
        weeks = [_week(monday, numbers, old[monday], new[monday]) for monday in run]
        if not is_changed:
            found.append(_fold(weeks))
            continue
        for week in weeks:
            listed = sorted(rows[week["monday"]], key=lambda row: (row["day"], row["order"]))
            touched = len({row["session_id"] for row in listed if row["after"]})
            found.append({**week, "rows": listed, "unchanged": len(week["sessions"]) - touched})
    return found


def _by_week(content: Content) -> defaultdict[date, list[Entry]]:
    found: defaultdict[date, list[Entry]] = defaultdict(list)
    for entry in sorted(content["sessions"].values(), key=lambda entry: entry["day"]):
        found[_monday(entry)].append(entry)
    return found


def _numbers(version: PlanVersion) -> dict[date, int]:
    return {date.fromisoformat(frame["monday"]): frame["number"] for frame in version.weeks_json}


def _week(monday: date, numbers: dict[date, int], old: list[Entry], new: list[Entry]) -> dict[str, Any]:
    return {
        "monday": monday,
        "label": f"W{numbers[monday]}" if monday in numbers else "–",
        "hours": _change(sum(map(minutes, old)), sum(map(minutes, new)), minutes_text),
        "load": _change(sum(e["load"] for e in old), sum(e["load"] for e in new), str),
        "sessions": [_side(entry) for entry in new],
    }


def _fold(weeks: list[dict[str, Any]]) -> dict[str, Any]:
    first, last = weeks[0]["label"], weeks[-1]["label"]
    return {
        "label": first if len(weeks) == 1 else f"{first}–{last}",
        "folded": weeks,
        "count": sum(len(week["sessions"]) for week in weeks),
    }


def _rows(mark: dict[str, Any]) -> list[tuple[date, dict[str, Any]]]:
    """Return the rows of a changed session with the Monday of their week: two for a move, where from and where to."""
    before, after = mark["before"], mark["after"]
    why = {"reason": shown(REASONS.get(mark["reason"], mark["reason"])), "note": mark["note"]}
    if before is None:
        return [_row(mark, "+", "added", None, after, **why)]
    if after is None:
        return [_row(mark, "−", "removed", before, None, **why)]
    fields = _fields(before, after)
    if before["day"] == after["day"]:
        return [_row(mark, "~", "changed", before, after, fields=fields, **why)]
    leaves = _row(mark, "⇄", "moved away", before, None, to_day=_day(after))
    arrives = _row(mark, "⇄", "moved here", None, after, from_day=_day(before), order=1, fields=fields, **why)
    return [leaves, arrives]


def _row(
    mark: dict[str, Any], sign: str, word: str, before: Entry | None, after: Entry | None, **more: Any
) -> tuple[date, dict[str, Any]]:
    entry: Any = after or before
    row = {
        "session_id": mark["session_id"],
        "sign": sign,
        "word": shown(word),
        "day": _day(entry),
        "order": 0,
        "before": _side(before) if before else None,
        "after": _side(after) if after else None,
    }
    return _monday(entry), {**row, **more}


def _side(entry: Entry) -> dict[str, Any]:
    return {
        "day": _day(entry),
        "kind": entry["kind"],
        "kind_word": shown(entry["kind"]),
        "letter": LETTERS.get(entry["kind"], "·"),
        "title": wording().title(entry["title"]),
        "time": minutes_text(round(minutes(entry))),
        "load": round(entry["load"]),
        "is_key": entry["key_session"],
    }


def _fields(before: Entry, after: Entry) -> list[dict[str, str]]:
    """Return what changed within a session, by name; its day is said by the row itself, its steps by their text."""
    found = []
    for change in field_changes({"sessions": {"s": before}}, {"sessions": {"s": after}}):
        name = change.path.rsplit("/", 1)[-1]
        if name != "day":
            word = _FIELD_WORDS.get(name, name.replace("_", " "))
            found.append({"word": shown(word), "old": _text(change.old), "new": _text(change.new)})
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return shown("yes" if value else "no")
    if isinstance(value, list | dict):
        return ""
    text = value if isinstance(value, str) else "" if value is None else canonical_json(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _day(entry: Entry) -> date:
    return date.fromisoformat(entry["day"])


def _monday(entry: Entry) -> date:
    day = _day(entry)
    return day - timedelta(days=day.weekday())
