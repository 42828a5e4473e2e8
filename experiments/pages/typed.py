"""What somebody typed into an experiment's form, as the fields that the services take, and back.

Values that are no number or no moment go to the service as they were typed: it says what is wrong with them. A name of
a field is that of its input; those of a variant end in their row's number, those of a guardrail in their metric's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from accounts.models import Level, Sport, Tier
from experiments.analysis.comparison import ALPHA
from experiments.analysis.conclusion import FEWEST_WEEKS
from experiments.pages.words import percent
from experiments.reading import VARIANTS

OWN: Final[dict[str, list[tuple[str, str]]]] = {
    "sport": [(str(value), str(label)) for value, label in Sport.choices],
    "level": [(str(value), str(label)) for value, label in Level.choices],
    "tier": [(str(value), str(label)) for value, label in Tier.choices],
}
"""The attributes that our own records answer, with their values."""
MOST_ROWS: Final = VARIANTS[1]
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)


class Typed:
    """A form's inputs by name; what is not there is empty."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.values = {name: [text.replace("\r\n", "\n") for text in texts] for name, texts in values.items()}

    def one(self, name: str) -> str:
        """Return an input's text without the blanks around it."""
        return (self.values.get(name) or [""])[-1].strip()

    def many(self, name: str) -> list[str]:
        """Return the ticked values of several boxes with one name."""
        return [text for text in self.values.get(name, []) if text]

    def rows(self) -> list[int]:
        """Return the numbers of the variants' rows in which something stands."""
        return [i for i in range(MOST_ROWS) if any(self.one(f"{part}-{i}") for part in ("variant", "weight", "value"))]

    def name_of(self, row: int) -> str:
        """Return a row's variant; of one that stands in an earlier row too a name that the service refuses."""
        name = self.one(f"variant-{row}")
        return f"{name} (again)" if row in self.twice() else name

    def row_of(self, variant: str) -> int | None:
        """Return the row of a variant; None where there is none."""
        return next((i for i in self.rows() if self.name_of(i) == variant), None)

    def twice(self) -> list[int]:
        """Return the rows whose variant stands in an earlier one: an object would hold one of them."""
        names = [self.one(f"variant-{i}") for i in range(MOST_ROWS)]
        return [i for i, name in enumerate(names) if name and name in names[:i]]


def fields_of(typed: Typed) -> dict[str, Any]:
    """Return the fields as `create_experiment` takes them."""
    return {
        "name": typed.one("name"),
        "description": typed.one("description"),
        **phase_fields(typed),
        "stratification_keys": [*typed.many("strata"), *_words(typed.one("strata_other"))],
        "holdout_percentage": _number(typed.one("holdout")),
        "targeting": _targeting(typed),
        "layer": _layer(typed),
        "roster": typed.one("roster") or "open",
        "block_size": _number(typed.one("block_size")),
        "start_at": _moment(typed.one("start_at")),
        "protocol": _protocol(typed),
    }


def phase_fields(typed: Typed) -> dict[str, Any]:
    """Return what a phase may change."""
    return {
        "variant_weights": {typed.name_of(i): _number(typed.one(f"weight-{i}")) for i in typed.rows()},
        "traffic_percentage": _number(typed.one("traffic")),
        "end_at": _moment(typed.one("end_at")),
    }


def guarded(typed: Typed) -> list[str]:
    """Return the metrics that are guardrails, in the order in which the protocol gets them."""
    return sorted(typed.many("guard"))


def typed_of(key: str, fields: Mapping[str, Any]) -> Typed:
    """Return the form that would make these fields; the control comes first, objects have no order."""
    protocol = fields.get("protocol") or {}
    control, values = protocol.get("control"), protocol.get("values") or {}
    weights = sorted((fields.get("variant_weights") or {}).items(), key=lambda one: (one[0] != control, one[0]))
    found: dict[str, list[str]] = {"key": [key]}
    for i, (variant, weight) in enumerate(weights):
        found |= {f"variant-{i}": [variant], f"weight-{i}": [_text(weight)], f"value-{i}": [values.get(variant, "")]}
    layer = fields.get("layer") or {}
    strata = fields.get("stratification_keys") or []
    found |= {
        **{name: [fields.get(name) or ""] for name in ("name", "description")},
        **{name: [_minute(fields.get(name))] for name in ("start_at", "end_at")},
        "control": ["0"],
        "strata": [name for name in strata if name in OWN],
        "strata_other": [", ".join(name for name in strata if name not in OWN)],
        "holdout": [_text(fields.get("holdout_percentage", 0))],
        "traffic": [_text(fields.get("traffic_percentage", 100))],
        "layer_key": [layer.get("key", "")],
        "layer_from": [_text(layer.get("from"))],
        "layer_to": [_text(layer.get("to"))],
        "roster": [fields.get("roster") or "open"],
        "block_size": [_text(fields.get("block_size"))],
        **_targets(fields.get("targeting") or {}),
        **_judged(protocol),
    }
    return Typed(found)


def _judged(protocol: Mapping[str, Any]) -> dict[str, list[str]]:
    rules = protocol.get("guardrails") or []
    return {
        "parameter": [protocol.get("parameter") or ""],
        "primary": [protocol.get("primary_metric") or ""],
        "goal": list(protocol.get("goal_metrics") or []),
        "guard": [rule["metric"] for rule in rules],
        **{f"margin-{rule['metric']}": [_text(rule["margin"])] for rule in rules},
        **{f"relative-{rule['metric']}": ["yes" if rule["relative"] else ""] for rule in rules},
        "planned": [_text(protocol.get("planned_subjects"))],
        "target": [_text(protocol.get("target"))],
        "similar": [_text(protocol.get("similar"))],
        "weeks": [_text(protocol.get("fewest_weeks", FEWEST_WEEKS))],
        "alpha": [_text(protocol.get("alpha", ALPHA))],
    }


def _protocol(typed: Typed) -> dict[str, Any]:
    """Return what is asked; nothing where nothing was said of it, which a draft may do until its start."""
    asked = ("primary", "goal", "guard", "planned", "target", "similar", "parameter")
    values = {typed.name_of(i): typed.one(f"value-{i}") for i in typed.rows() if typed.one(f"value-{i}")}
    if not values and not any(typed.many(name) for name in asked):
        return {}
    control = typed.one("control")
    return {
        "control": typed.name_of(int(control)) or None if re.fullmatch("[0-9]{1,2}", control) else None,
        "primary_metric": typed.one("primary") or None,
        "goal_metrics": typed.many("goal"),
        "guardrails": [
            {
                "metric": name,
                "margin": _number(typed.one(f"margin-{name}"), empty=""),
                "relative": typed.one(f"relative-{name}") == "yes",
            }
            for name in guarded(typed)
        ],
        "planned_subjects": _number(typed.one("planned")),
        "target": _number(typed.one("target")),
        "similar": _number(typed.one("similar")),
        "fewest_weeks": _number(typed.one("weeks")),
        "alpha": _number(typed.one("alpha")),
        "parameter": typed.one("parameter") or None,
        "values": values or None,
    }


def _targeting(typed: Typed) -> dict[str, list[str]]:
    """Return the ticked values of our own attributes, and the others by line: platform = ios, android."""
    found = {name: typed.many(f"target_{name}") for name in OWN if typed.many(f"target_{name}")}
    for line in typed.one("targeting_other").splitlines():
        name, _, values = line.partition("=")
        if line.strip():
            found[name.strip()] = _words(values)
    return found


def _targets(targeting: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines = []
    for name, values in sorted(targeting.items()):
        if name in OWN and set(values) <= {value for value, _ in OWN[name]}:
            found[f"target_{name}"] = list(values)
        else:
            lines.append(f"{name} = {', '.join(values)}")
    return {**found, "targeting_other": ["\n".join(lines)]}


def _layer(typed: Typed) -> dict[str, Any] | None:
    parts = {name: typed.one(f"layer_{name}") for name in ("key", "from", "to")}
    if not any(parts.values()):
        return None
    return {"key": parts["key"], "from": _number(parts["from"]), "to": _number(parts["to"])}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _number(text: str, *, empty: Any = None) -> Any:
    if not text:
        return empty
    if not _NUMBER.fullmatch(text):
        return text
    value = float(text)
    if math.isinf(value):
        return text
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _moment(text: str) -> str | None:
    """Return a moment in UTC, which is what the input says it takes."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text or None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _minute(at: datetime | str | None) -> str:
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M}" if at else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return percent(value) if isinstance(value, int | float) else str(value)


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields in which two documents differ."""
    names: Iterable[str] = dict.fromkeys([*one, *other])
    return [name for name in names if one.get(name) != other.get(name)]
