"""An experiment's form as its template shows it: what was typed, and each mistake at the input that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from common.translating.showing import said
from experiments.fields import is_name
from experiments.metrics import METRICS, Metric, Unit
from experiments.models import Experiment
from experiments.pages.typed import MOST_ROWS, OWN, Typed, guarded
from experiments.parameters import PARAMETERS

ROWS: Final = 6
"""Rows for variants where there is no JavaScript to add more."""
PLACES: Final = {
    "variant_weights": "variants",
    "stratification_keys": "strata",
    "holdout_percentage": "holdout",
    "traffic_percentage": "traffic",
    "protocol": "primary",
    "protocol/primary_metric": "primary",
    "protocol/goal_metrics": "goals",
    "protocol/planned_subjects": "planned",
    "protocol/fewest_weeks": "weeks",
    "protocol/values": "parameter",
    **{f"protocol/{name}": name for name in ("control", "target", "similar", "alpha", "parameter", "guardrails")},
    **{name: name for name in ("key", "name", "description", "targeting", "layer", "roster", "block_size")},
    **{name: name for name in ("start_at", "end_at", "reason")},
}
"""Where on the form a mistake stands, by its pointer."""
LABELS: Final = {
    "name": "Name",
    "key": "Key",
    "description": "Hypothesis",
    "variants": "Variants",
    "control": "Control",
    "parameter": "What the variants set",
    "strata": "Strata",
    "targeting": "Whom it is for",
    "traffic": "Share that takes part",
    "holdout": "Held out",
    "roster": "Roster",
    "start_at": "Start",
    "end_at": "End",
    "layer": "Layer",
    "block_size": "Block size",
    "primary": "Primary metric",
    "goals": "Goals",
    "guardrails": "Guardrails",
    "planned": "Planned subjects",
    "target": "Difference that matters",
    "similar": "Difference that would not",
    "weeks": "Fewest weeks",
    "alpha": "Alpha",
    "reason": "Why",
}
UNITS: Final = {
    Unit.SHARE: "absolute: 0.02 is 2 points",
    Unit.MILLISECONDS: "absolute, milliseconds",
    Unit.OF_FIVE: "absolute, points of 5",
    Unit.NUMBER: "absolute",
    Unit.DAYS: "absolute, days",
}
Errors = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Mistake:
    """place: the input's id without its prefix."""

    place: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A variant as it was typed."""

    number: str
    variant: str
    weight: str
    value: str
    is_control: bool
    wrong_variant: str
    wrong_weight: str
    wrong_value: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    name: str
    title: str
    describes: str
    unit: str
    better: str
    is_primary: bool
    is_goal: bool
    is_guardrail: bool
    margin: str
    is_relative: bool
    wrong: str


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Form:
    """typed: single inputs by name. wrong: what is wrong by place; both for `form.typed.NAME` in a template."""

    typed: Mapping[str, str]
    wrong: Mapping[str, str]
    mistakes: tuple[Mistake, ...]
    rows: tuple[Row, ...]
    blank: Row
    parameters: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]
    strata: tuple[Choice, ...]
    targets: tuple[tuple[str, tuple[Choice, ...]], ...]
    metrics: tuple[MetricRow, ...]
    rosters: tuple[Choice, ...]

    @property
    def has_more(self) -> bool:
        """Whether something stands or is wrong in the part that is folded away."""
        names = ("layer_key", "layer_from", "layer_to", "block_size", "strata_other", "targeting_other")
        return any(self.typed.get(name) for name in names) or bool({"layer", "block_size"} & set(self.wrong))


def form_of(typed: Typed, errors: Errors = ()) -> Form:
    """Return the form with what was typed."""
    mistakes = mistakes_of(typed, errors)
    wrong: dict[str, str] = {}
    for one in mistakes:
        wrong[one.place] = f"{wrong[one.place]} {one.text}" if one.place in wrong else one.text
    filled = typed.rows()
    count = min(max(ROWS, (filled[-1] + 1) if filled else 0), MOST_ROWS)
    return Form(
        typed={name: typed.one(name) for name in typed.values},
        wrong=wrong,
        mistakes=mistakes,
        rows=tuple(_row(typed, i, wrong) for i in range(count)),
        blank=Row("__i__", "", "", "", False, "", "", ""),
        parameters=tuple((name, one.title, tuple(one.values.items())) for name, one in PARAMETERS.items()),
        strata=_choices([(name, name.capitalize()) for name in OWN], typed.many("strata")),
        targets=tuple((name, _choices(values, typed.many(f"target_{name}"))) for name, values in OWN.items()),
        metrics=tuple(_metric(name, metric, typed, wrong) for name, metric in METRICS.items()),
        rosters=_choices(Experiment._meta.get_field("roster").choices or (), [typed.one("roster") or "open"]),
    )


def mistakes_of(typed: Typed, errors: Errors) -> tuple[Mistake, ...]:
    """Return what the service refused, and variants that were typed twice, each with its place on the form."""
    again = {f"variant-{i}": "This variant stands above already." for i in typed.twice()} if errors else {}
    placed = [(_place(error["pointer"], typed), _words(error["detail"])) for error in errors]
    found = sorted(((place, again.get(place, text)) for place, text in placed), key=lambda one: _order(one[0]))
    return tuple(Mistake(place, _label(place, typed), text) for place, text in dict.fromkeys(found))


def in_sentence(label: str) -> str:
    """Return a label as it stands in the middle of a sentence, in the language at hand."""
    found = said(label)
    return found if found != label else label[:1].lower() + label[1:]


def _order(place: str) -> tuple[int, str]:
    """Return where a place stands on the form."""
    part, _, of = place.partition("-")
    part = {"variant": "variants", "weight": "variants", "value": "variants", "margin": "guardrails"}.get(part, part)
    return ([*LABELS].index(part) if part in LABELS else len(LABELS), of)


def _place(pointer: str, typed: Typed) -> str:
    """Return the input that a pointer is about; `form` where the form has none such."""
    path = pointer.removeprefix("#").removeprefix("/")
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]
    match steps:
        case ["variant_weights", variant] if (row := typed.row_of(variant)) is not None:
            return f"weight-{row}" if is_name(variant) else f"variant-{row}"
        case ["protocol", "values", variant] if (row := typed.row_of(variant)) is not None:
            return f"value-{row}"
        case ["protocol", "guardrails", number, *_] if number.isdigit() and int(number) < len(guarded(typed)):
            return f"margin-{guarded(typed)[int(number)]}"
    for length in (2, 1):
        if place := PLACES.get("/".join(steps[:length])):
            return place
    return "form"


def _words(detail: str) -> str:
    """Return a mistake without the name of the document's field, since it stands at the input."""
    name, colon, rest = detail.partition(": ")
    text = said((rest if colon and " " not in name else detail).replace("found ''", "found nothing"))
    return text[:1].upper() + text[1:]


def _label(place: str, typed: Typed) -> str:
    part, _, of = place.partition("-")
    match part:
        case "variant" if of:
            variant = typed.one(place) or int(of) + 1
            return f"Variant {variant}"
        case "weight":
            variant = typed.one(f"variant-{of}")
            return f"Weight of {variant}"
        case "value":
            variant = typed.one(f"variant-{of}")
            return f"What {variant} sets" if variant else "What a variant sets"
        case "margin":
            known = METRICS.find(of)
            metric = known.title if known else of
            return f"Guardrail {metric}"
    return LABELS.get(place, "Form")


def _row(typed: Typed, number: int, wrong: Mapping[str, str]) -> Row:
    texts: Callable[[str], str] = lambda part: typed.one(f"{part}-{number}")  # noqa: E731
    is_control = typed.one("control") == str(number)
    marks = [wrong.get(f"{part}-{number}", "") for part in ("variant", "weight", "value")]
    return Row(str(number), texts("variant"), texts("weight"), texts("value"), is_control, *marks)


def _metric(name: str, metric: Metric, typed: Typed, wrong: Mapping[str, str]) -> MetricRow:
    return MetricRow(
        name=name,
        title=metric.title,
        describes=metric.describes,
        unit=UNITS[metric.unit],
        better="higher is better" if metric.higher_is_better else "lower is better",
        is_primary=typed.one("primary") == name,
        is_goal=name in typed.many("goal"),
        is_guardrail=name in typed.many("guard"),
        margin=typed.one(f"margin-{name}"),
        is_relative=typed.one(f"relative-{name}") == "yes",
        wrong=wrong.get(f"margin-{name}", ""),
    )


def _choices(values: Any, chosen: Sequence[str]) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), str(label), value in chosen) for value, label in values)
