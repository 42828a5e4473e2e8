"""Which column of a table means what: guessed from the header, overridden by a mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modeling.history.dates import fold
from modeling.history.limits import Refused

FIELDS: tuple[str, ...] = (
    "date", "time", "day", "load", "duration", "moving", "elapsed", "distance", "hr", "max_hr", "power", "np", "rpe",
    "sport", "test", "id",
)  # fmt: skip
SETTINGS: tuple[str, ...] = ("load_unit", "test_kind", "distance_unit", "duration_unit", "day_order", "decimal")

_NAMES: Mapping[str, str] = {
    "date": "date|datum|fecha|data|activity date|start date|datetime|date time|timestamp|workout day|start|"
    "start time local|"
    "startzeit|local date|start date local|aktivitatsdatum",
    "time": "start time|clock|time of day|uhrzeit|heure|hora",
    "day": "day|day number|day no|tag|jour|dia|dag",
    "load": "load|training load|tss|training stress score|bike score|bikescore|trimp|stress|session load|belastung|"
    "charge|carga|"
    "rtss|hrtss|hr tss|r tss|icu training load|relative effort|suffer score|daily load|trainingsbelastung|srpe load",
    "duration": "duration|dur|time|dauer|zeit|duree|tiempo|total time|time total|workout time|timer time|duracion|"
    "tijd|total timer time",
    "moving": "moving time|mov|moving|mov time|moving duration|bewegungszeit|icu moving time",
    "elapsed": "elapsed time|elapsed|elapsed duration|verstrichene zeit",
    "distance": "distance|dist|distanz|strecke|distancia|distanza|afstand|total distance",
    "hr": "hr|avg hr|average hr|mean hr|hr avg|hr mean|heart rate|heartrate|avg heart rate|average heart rate|"
    "mean heart rate|"
    "heart rate average|heart rate avg|avg heartrate|average heartrate|puls|herzfrequenz|hf|hravg|avghr|"
    "durchschnittliche herzfrequenz|o hf|fc|fc moyenne|icu average hr",
    "max_hr": "max hr|hr max|max heart rate|maximum heart rate|heart rate max|max heartrate|maxhr|hrmax|"
    "maximale herzfrequenz",
    "power": "power|avg power|average power|mean power|power average|power avg|average|avg|leistung|puissance",
    "np": "np|normalized power|normalised power|norm power|power np|normalized power np|weighted average power|"
    "weighted avg power|"
    "icu weighted avg",
    "rpe": "rpe|perceived exertion|session rpe|s rpe|srpe|exertion|anstrengung|icu rpe",
    "sport": "sport|type|activity type|workout type|sportart|activity|discipline",
    "test": "performance|vdot|test result",
    "id": "id|activity id",
}  # fmt: skip
_FIELD_OF = {name: field for field, names in _NAMES.items() for name in names.split("|")}

_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "sek", "sekunden"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes", "minuten"), "min"),
    **dict.fromkeys(("h", "hour", "hours", "std", "stunden", "hrs"), "h"),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), "m"),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometres", "kms"), "km"),
    **dict.fromkeys(("mi", "mile", "miles"), "mi"),
    **dict.fromkeys(("w", "watt", "watts"), "W"),
    **dict.fromkeys(("bpm",), "bpm"),
}
_FIELD_OF_UNIT = {
    "s": "duration",
    "min": "duration",
    "h": "duration",
    "m": "distance",
    "km": "distance",
    "mi": "distance",
}
_FIELD_OF_UNIT |= {"W": "power", "bpm": "hr"}
_CLOCK_FORM = re.compile(r"[\W_](h{1,2}:mm(?::ss)?|mm:ss)\W*$", re.I)
_LOAD_UNITS = {
    "trimp": "TRIMP",
    "relative effort": "relative effort",
    "suffer score": "relative effort",
    "srpe load": "sRPE",
}


_STRAVA: Mapping[str, str] = {
    "id": "activity id",
    "date": "activity date",
    "sport": "activity type",
    "elapsed": "elapsed time",
    "moving": "moving time",
    "distance": "distance",
    "hr": "average heart rate",
    "max_hr": "max heart rate",
    "power": "average watts",
    "np": "weighted average power",
    "rpe": "perceived exertion",
    "load": "relative effort",
}


@dataclass(frozen=True, slots=True)
class Column:
    """Where a field is read: column indices in order of preference (first that is not blank), each with its unit."""

    sources: tuple[tuple[int, str | None], ...]
    header: str


def _split(header: str) -> tuple[str, str | None]:
    """Return (name without unit, unit) of a header: "Distance (km)" → ("distance", "km"), "mov_s" → ("mov", "s")."""
    clock = _CLOCK_FORM.search(header)
    if clock:
        letters = clock[1].replace(":", "").lower()
        return _split(header[: clock.start()])[0], "h:mm" if letters in ("hmm", "hhmm") else "h:mm:ss"
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", header.strip())
    tokens = [t for t in re.split(r"[^a-z0-9]+", fold(spaced)) if t]
    unit: str | None = None
    if tokens and tokens[-1] in _UNITS:
        unit = _UNITS[tokens.pop()]
    if tokens and tokens[-1] in ("in", "per"):
        tokens.pop()
    return " ".join(tokens), unit


def _is_test(name: str) -> bool:
    return any(token in ("test", "tests") for token in name.split())


def guess(headers: Sequence[str]) -> dict[str, Column]:
    """Return the columns that the header names; the first of several that mean the same."""
    found: dict[str, Column] = {}
    for index, header in enumerate(headers):
        name, unit = _split(header)
        if _is_test(name):
            field: str | None = "test"
        elif name:
            field = _FIELD_OF.get(name) or (_FIELD_OF.get(fold(header)) if unit else None)
        else:
            field = _FIELD_OF_UNIT.get(unit or "")
        if field and field not in found:
            found[field] = Column(((index, unit),), header)
    if "date" not in found and "day" in found and not found["day"].header:
        del found["day"]
    return found


def resolve(headers: Sequence[str], mapping: Mapping[str, str]) -> dict[str, Column]:
    """Return guessed columns with the mapping's on top.

    Raises:
        Refused: the mapping names an unknown field or a column that is not there.
    """
    found = guess(headers)
    by_name = {fold(header): index for index, header in reversed(list(enumerate(headers)))}
    for field, header in mapping.items():
        if field in SETTINGS:
            continue
        if field not in FIELDS:
            raise Refused(f"the mapping names an unknown field {field!r}; known are {', '.join(FIELDS + SETTINGS)}")
        if not header:
            found.pop(field, None)
            continue
        index = by_name.get(fold(header))
        if index is None:
            raise Refused(f"there is no column {header!r}; the columns are {', '.join(h for h in headers if h)[:300]}")
        taken = [f for f, column in found.items() if column.sources[0][0] == index]
        for other in taken:
            del found[other]
        found[field] = Column(((index, _split(headers[index])[1]),), headers[index])
    return found


def load_unit(column: Column) -> str:
    """Return the unit of a load column: TRIMP and the like by name, else TSS (BikeScore is on the same scale)."""
    name = _split(column.header)[0]
    return _LOAD_UNITS.get(name, "TSS")


def strava(headers: Sequence[str]) -> dict[str, Column] | None:
    """Return the columns of Strava's activities.csv, None if the header is not Strava's.

    Several names occur twice: the first is the figure shown to people (distance in km), the second the exact one
    (metres).
    """
    names = [fold(header) for header in headers]
    if "activity id" not in names or "activity date" not in names:
        return None
    units = {"elapsed": "s", "moving": "s"}
    found = {}
    for field, name in _STRAVA.items():
        places = [i for i, other in enumerate(names) if other == name]
        if not places:
            continue
        unit = units.get(field)
        sources: list[tuple[int, str | None]] = [(i, unit) for i in reversed(places)]
        if field == "distance" and len(places) > 1:
            sources = [(i, "km" if i == places[0] else "m") for i in reversed(places)]
        found[field] = Column(tuple(sources), headers[places[0]])
    return found
