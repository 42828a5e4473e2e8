"""What the pages of models show: versions, runs, checks and figures as texts and places in per cent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from accounts.directory import user_names
from modeling.learned.algorithm import SHIPPED
from modeling.models import AlgorithmVersion, RunStatus, TrainingRun, VersionStatus

NOTHING: Final = "–"
NEWEST_RUNS: Final = 30
BY_MACHINE: Final = "by the machine"


class Pill(NamedTuple):
    """An icon, a word and a tone of the operators' stylesheet: never colour alone."""

    icon: str
    word: str
    tone: str


VERSIONS: Final = {
    VersionStatus.CHAMPION: Pill("trophy", "Champion", "good"),
    VersionStatus.CANDIDATE: Pill("science", "Candidate", "run"),
    VersionStatus.RETIRED: Pill("history", "Retired", "none"),
}
RUNS: Final = {
    RunStatus.RUNNING: Pill("progress_activity", "Running", "run"),
    RunStatus.PASSED: Pill("check_circle", "Passed", "good"),
    RunStatus.REFUSED: Pill("front_hand", "Refused", "wait"),
    RunStatus.NOTHING: Pill("hourglass_empty", "Too little", "none"),
    RunStatus.FAILED: Pill("error", "Failed", "bad"),
}
CLEARER: Final = Pill("check_circle", "Better", "good")
WORSE: Final = Pill("cancel", "Worse", "bad")
OPEN: Final = Pill("remove", "No difference seen", "none")
UNKNOWN: Final = Pill("help", "Not known", "none")


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the list; promoted: when and by whom it became the champion the last time."""

    name: str
    run_id: UUID
    pill: Pill
    learned: str
    compared: str
    gate: str
    experiment: str
    promoted: str
    by: str


@dataclass(frozen=True, slots=True)
class RunRow:
    pk: UUID
    begun: str
    pill: Pill
    step: str
    message: str
    asked: str
    version: str


@dataclass(frozen=True, slots=True)
class Forest:
    """An interval of candidate minus champion, no difference in the middle: per cent from the left."""

    left: float
    width: float
    dot: float
    text: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    group: str
    n: str
    candidate: str
    champion: str
    baseline: str
    difference: str
    forest: Forest | None
    pill: Pill


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """A metric of a part; better: which side of the picture is."""

    part: str
    metric: str
    unit: str
    better: str
    rows: tuple[FigureRow, ...]


def version_rows() -> list[VersionRow]:
    """Return all versions, the champion first, then the newest."""
    found = list(AlgorithmVersion.objects.select_related("run", "parent").defer("document").order_by("-id"))
    moves = AlgorithmVersion.history.filter(status=VersionStatus.CHAMPION).order_by("history_date")
    last = {row.id: row for row in moves.only("id", "history_date", "history_user_id", "status")}
    names = user_names({row.history_user_id for row in last.values() if row.history_user_id})
    rows = [(one, last.get(one.pk)) for one in found]
    rows.sort(key=lambda row: row[0].status != VersionStatus.CHAMPION)
    return [_version(one, move, names) for one, move in rows]


def run_rows() -> list[RunRow]:
    """Return the newest runs."""
    found = list(TrainingRun.objects.order_by("-id")[:NEWEST_RUNS])
    names = user_names({run.requested_by_id for run in found})
    versions = dict(AlgorithmVersion.objects.filter(run__in=found).values_list("run_id", "name"))
    return [
        RunRow(
            run.pk,
            moment(run.created_at),
            RUNS[RunStatus(run.status)],
            run.step if run.status in (RunStatus.RUNNING, RunStatus.FAILED) else "",
            run.message,
            asked(run, names),
            versions.get(run.pk, "dry run" if run.dry_run else NOTHING),
        )
        for run in found
    ]


def asked(run: TrainingRun, names: Mapping[UUID, str]) -> str:
    """Return who asked for a run."""
    return (
        "nightly" if run.trigger == "nightly" else f"asked for by {names.get(run.requested_by_id, 'the command line')}"
    )


def figure_groups(figures: Sequence[Mapping[str, Any]]) -> tuple[FigureGroup, ...]:
    """Return the figures by part and metric, each metric on a scale of its own."""
    keys = list(dict.fromkeys((one["part"], one["metric"], one["unit"], one["better"]) for one in figures))
    return tuple(_group(key, [one for one in figures if (one["part"], one["metric"]) == key[:2]]) for key in keys)


def moment(at: datetime | None) -> str:
    """Return a time, UTC, to the minute."""
    return f"{at.astimezone(UTC):%-d %b %Y %H:%M}" if at else NOTHING


def _version(one: AlgorithmVersion, move: Any, names: Mapping[UUID, str]) -> VersionRow:
    checks = one.run.gate_json.get("checks", [])
    return VersionRow(
        one.name,
        one.run_id,
        VERSIONS[VersionStatus(one.status)],
        f"{one.run.as_of.astimezone(UTC):%-d %b %Y}",
        one.parent.name if one.parent else f"{SHIPPED} (shipped)",
        f"{sum(check['passed'] for check in checks)} of {len(checks)} checks",
        one.experiment_key,
        moment(move.history_date) if move else NOTHING,
        names.get(move.history_user_id, "the command line") if move else "",
    )


def _group(key: tuple[str, str, str, str], figures: Sequence[Mapping[str, Any]]) -> FigureGroup:
    part, metric, unit, better = key
    ends = [abs(one[end]) for one in figures for end in ("low", "high") if one[end] is not None]
    scale = max([*ends, 1e-12])
    rows = tuple(_figure(one, scale) for one in figures)
    return FigureGroup(part.capitalize(), metric, unit, "left" if better == "lower" else "right", rows)


def _figure(one: Mapping[str, Any], scale: float) -> FigureRow:
    low, high = one["low"], one["high"]
    is_known = low is not None and high is not None
    middle = None if one["candidate"] is None or one["champion"] is None else one["candidate"] - one["champion"]
    return FigureRow(
        one["group"],
        f"{one['n']:,} ({one['units']:,} athletes)",
        number(one["candidate"]),
        number(one["champion"]),
        number(one["baseline"]),
        f"{number(middle, signed=True)} ({number(low, signed=True)} to {number(high, signed=True)})"
        if is_known
        else NOTHING,
        _forest(low, high, middle, scale) if is_known else None,
        _said(one, low, high) if is_known else UNKNOWN,
    )


def _forest(low: float, high: float, middle: float | None, scale: float) -> Forest:
    def place(value: float) -> float:
        return round(50 + 46 * min(max(value / scale, -1), 1), 2)

    dot = (low + high) / 2 if middle is None else middle
    text = f"candidate minus champion {number(low, signed=True)} to {number(high, signed=True)}, 95 %"
    return Forest(place(low), round(place(high) - place(low), 2), place(dot), text)


def _said(one: Mapping[str, Any], low: float, high: float) -> Pill:
    if low <= 0 <= high:
        return OPEN
    return CLEARER if (high < 0) == (one["better"] == "lower") else WORSE


def number(value: float | None, *, signed: bool = False) -> str:
    """Return a value with three digits that count."""
    if value is None:
        return NOTHING
    text = f"{value:+.3g}" if signed else f"{value:.3g}"
    return text.replace("-", "−")
