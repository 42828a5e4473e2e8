"""Documents of the parts: read as written, refused when broken; words as coaches read them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from modeling.learned.algorithm import DamagedDocument, read_algorithm
from modeling.learned.context import SessionContext, feature_names
from modeling.learned.overrides import read_overrides
from modeling.learned.words import rule_in_words

pytestmark = pytest.mark.pure

CONTEXT = SessionContext(
    sport="running",
    level="intermediate",
    tier="premium",
    age_group="23–34",
    season="spring",
    kind="long",
    phase="build",
    weekday=6,
    minutes=100,
    load=90,
    key_session=True,
    is_recovery=False,
    week_number=5,
    weeks_to_race=9,
    reasons_before=frozenset({"travel"}),
)


def linear(intercept: float, **weights: float) -> dict[str, Any]:
    named = {name.replace("_", " "): weight for name, weight in weights.items()}
    return {
        "weights": [named.get(name, 0.0) for name in feature_names()],
        "intercept": intercept,
        "slope": 1.0,
        "offset": 0.0,
    }


def a_rule(**changes: Any) -> dict[str, Any]:
    return {
        "adjustment": "volume",
        "kind": "long",
        "field": "reason",
        "value": "travel",
        "cases": 34,
        "looked_at": 41,
        "coaches": 9,
        "athletes": 21,
        "share": 0.83,
        "usual_share": 0.1,
        "more": 0.7,
        "more_low": 0.6,
        "more_high": 0.8,
        "factor": 0.88,
        "factor_low": 0.86,
        "factor_high": 0.9,
    } | changes


def document() -> dict[str, Any]:
    common = {"features": list(feature_names()), "heuristics": []}
    overrides = {"threshold": 0.5, "models": {"volume": linear(-2.0, long_after_travel=3.0)}, "rules": [a_rule()]}
    adherence = {"model": linear(1.0, weekday_6=-1.0), "overall": 0.8}
    parts = {"priors": None, "overrides": common | overrides, "adherence": common | adherence}
    return {"format": 1, "features": "1"} | parts


def test_a_session_that_coaches_would_shorten_is_shortened_and_told_why():
    algorithm = read_algorithm("2", document())
    found = algorithm.overrides.suggest(CONTEXT)
    assert found.probability == pytest.approx(0.7310586)
    assert (found.adjustment, found.volume_factor, found.cases, found.coaches, found.athletes) == (
        "volume",
        0.88,
        34,
        9,
        21,
    )
    assert found.reason == (
        "coaches shorten long runs by 12 % after travel weeks (80 % interval 10–14 %; 34 cases, 9 coaches)"
    )
    assert algorithm.adherence.probability(CONTEXT) == pytest.approx(0.5)


@pytest.mark.parametrize("change", [{"kind": "easy"}, {"reasons_before": frozenset({"illness"})}])
def test_without_a_rule_or_below_the_threshold_nothing_is_suggested(change):
    other = SessionContext(**{name: getattr(CONTEXT, name) for name in CONTEXT.__dataclass_fields__} | change)
    assert read_algorithm("2", document()).overrides.suggest(other) is None


def test_a_rule_alone_is_not_enough():
    unlikely = document()
    unlikely["overrides"]["models"]["volume"]["intercept"] = -3.1
    assert read_algorithm("2", unlikely).overrides.suggest(CONTEXT) is None


def test_a_coach_who_is_not_known_is_the_usual_one():
    told = document()
    told["overrides"] |= {"coach_share": 0.2}
    told["overrides"]["models"]["volume"] = linear(-2.0, long_after_travel=2.5)
    told["overrides"]["models"]["volume"]["weights"][feature_names().index("coach's share")] = 4.0
    model = read_algorithm("2", told).overrides
    assert model.suggest(CONTEXT).probability == model.suggest(replace(CONTEXT, coach_share=0.2)).probability
    assert model.suggest(replace(CONTEXT, coach_share=0.3)).probability > model.suggest(CONTEXT).probability
    assert model.suggest(replace(CONTEXT, coach_share=0.0)).probability == pytest.approx(0.6224593)


def test_heuristics_of_a_document_are_read_or_it_is_refused():
    heuristic = {
        "name": "short-after-travel",
        "condition": {"kind": ["long"], "reasons_before": ["travel"]},
        "adjustment": {"adjustment": "volume", "volume_factor": 0.88},
        "reason": "Coaches shorten long runs after travel.",
        "support": {},
    }
    [found] = read_algorithm("2", document() | {"heuristics": [heuristic]}).heuristics
    assert found.holds(CONTEXT) and not found.holds(replace(CONTEXT, kind="easy"))
    with pytest.raises(DamagedDocument):
        read_algorithm("2", document() | {"heuristics": [heuristic, heuristic]})


BREAKS = {
    "weights short": ("overrides", ["models", "volume", "weights"], [0.0]),
    "weight none": ("adherence", ["model", "weights", 3], None),
    "weight text": ("adherence", ["model", "weights", 3], "1"),
    "not a number": ("adherence", ["model", "slope"], float("nan")),
    "truth": ("adherence", ["model", "offset"], True),
    "other features": ("overrides", ["features"], ["minutes"]),
    "heuristics": ("overrides", ["heuristics"], [1]),
    "unknown model": ("overrides", ["models"], {"length": linear(0.0)}),
    "no models": ("overrides", ["models"], None),
    "threshold": ("overrides", ["threshold"], 0),
    "rules": ("overrides", ["rules"], None),
    "rule kind": ("overrides", ["rules", 0], a_rule(kind="race")),
    "rule reason": ("overrides", ["rules", 0], a_rule(value="moonlight")),
    "rule factor": ("overrides", ["rules", 0], a_rule(factor=0.1, factor_low=0.05)),
    "rule interval": ("overrides", ["rules", 0], a_rule(factor_low=0.95)),
    "rule without model": ("overrides", ["rules", 0], a_rule(adjustment="rest")),
    "rule number": ("overrides", ["rules", 0], a_rule(cases="many")),
    "rule member": ("overrides", ["rules", 0], a_rule(colour="red")),
    "rule lacks": ("overrides", ["rules", 0], {key: value for key, value in a_rule().items() if key != "factor"}),
    "swap": ("overrides", ["rules", 0], a_rule(adjustment="swap", to_kind="race")),
    "move": ("overrides", ["rules", 0], a_rule(adjustment="move", day_shift=0)),
    "rule text": ("overrides", ["rules", 0], "shorten"),
    "part text": ("overrides", [], "part"),
    "part list": ("adherence", [], []),
    "overall": ("adherence", ["overall"], 1.5),
    "share": ("overrides", ["coach_share"], 1.5),
    "share text": ("adherence", ["coach_share"], "few"),
}


@pytest.mark.parametrize("what", sorted(BREAKS))
def test_a_broken_part_is_refused_whole(what):
    part, path, value = BREAKS[what]
    broken = copy.deepcopy(document())
    place: Any = broken
    for step in [part, *path][:-1]:
        place = place[step]
    place[[part, *path][-1]] = value
    with pytest.raises(DamagedDocument, match=part):
        read_algorithm("2", broken)


@pytest.mark.parametrize(
    ("changes", "sport", "words"),
    [
        (
            {"factor": 1.1, "factor_low": 1.05, "factor_high": 1.15},
            "cycling",
            "coaches lengthen long rides by 10 %",
        ),
        (
            {"adjustment": "rest", "kind": "tempo"},
            "running",
            "coaches drop tempo runs after travel weeks (in 83 %",
        ),
        (
            {"adjustment": "swap", "to_kind": "easy"},
            "running",
            "coaches replace long runs by easy runs after",
        ),
        (
            {"adjustment": "move", "day_shift": -2},
            "running",
            "coaches move long runs 2 days earlier after",
        ),
        ({"adjustment": "move", "day_shift": 1}, "running", "coaches move long runs 1 day later after"),
        ({"field": "phase", "value": "peak"}, "running", "coaches shorten long runs by 12 % in the peak phase"),
        ({"field": "level", "value": "beginner"}, "running", "coaches shorten long runs by 12 % for beginners"),
    ],
)
def test_rules_are_told_in_words(changes, sport, words):
    part = document()["overrides"]
    part["models"] = {name: linear(0.0) for name in ("volume", "swap", "move", "rest")}
    part["rules"] = [a_rule(**changes)]
    assert rule_in_words(read_overrides(part).rules[0], sport).startswith(words)
