"""Point-in-time features: equal to plain Python, blind to what came later, the same on both sides."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.learned.context import KINDS, REASONS, encode
from modeling.training.features import holds_in, leak_check, training_set
from modeling.training.simulate.coaching import PLANTED, simulate_coaching
from modeling.training.simulate.tables import as_table, empty_tables
from modeling.training.split import folds, split
from tests.modeling.training.memory import MemoryStore
from tests.modeling.training.oracle import contexts

pytestmark = pytest.mark.pure

START = datetime(2026, 1, 5, tzinfo=UTC)
ADJUSTMENTS = ["volume", "swap", "move", "rest", "intensity", "add"]
AS_OF = START + timedelta(days=80)


def rows_as_table(name, rows):
    if not rows:
        return as_table(name, {})
    return as_table(name, {column: [row.get(column) for row in rows] for column in rows[0]})


def small_store(seed: int):
    """Return a store in which everything that can be out of order is."""
    draw = random.Random(seed)

    def moment(days=90):
        return START + timedelta(hours=draw.randrange(days * 24))

    def day(days=90):
        return (START + timedelta(days=draw.randrange(days))).date()

    def when():
        return {"event_at": START, "available_at": moment()}

    athletes, coaches = ["a1", "a2"], ["c1", "c2", None]
    plans = [(f"p{n}", draw.choice(athletes), version) for n in range(3) for version in (1, 3)]
    tables: dict[str, list] = {name: [] for name in empty_tables()}
    for athlete in athletes:
        for hour in draw.sample(range(80 * 24), 2):
            tables["athletes"].append(
                {
                    "athlete": athlete,
                    "sport": draw.choice(["running", "cycling"]),
                    "level": draw.choice(["beginner", "elite", "unheard of"]),
                    "tier": "guided",
                    "sex": "female",
                    "birth_year": draw.choice([None, 1960, 1985, 2003]),
                    "is_synthetic": True,
                    "event_at": START,
                    "available_at": START + timedelta(hours=hour),
                }
            )
    owner = {plan: athlete for plan, athlete, _ in plans}
    for plan, _, version in plans:
        ids = {"athlete": owner[plan], "plan": plan, "version_number": version}
        made = when()
        arm = draw.choice([("", ""), ("exp", "on")])
        extra = {"race": "10k", "race_date": date(2026, 6, 1), "pipeline": "model", "algorithm_version": "1"}
        named = {"experiment": arm[0], "variant": arm[1], "coach": draw.choice(coaches)}
        tables["plans"].append(ids | extra | named | made)
        for role, number in (("proposed", version), ("published", version + 1)):
            shown = made if role == "proposed" else when()
            for session in range(4):
                tables["sessions"].append(
                    ids
                    | {
                        "version_number": number,
                        "role": role,
                        "session": f"{plan}s{session}",
                        "day": date(2026, 1, 5) + timedelta(days=10 * session + draw.randrange(5)),
                        "kind": draw.choice([*KINDS, "rest", "race"] if session else ["long"]),
                        "modality": "running",
                        "minutes": float(draw.choice([3, 30, 60, 95])),
                        "load": float(draw.choice([20, 60.5])),
                        "key_session": draw.random() < 0.5,
                        "phase": draw.choice([None, "base", "build"]),
                        "is_recovery": draw.random() < 0.3,
                        "week_number": draw.randrange(1, 9),
                        "weeks_to_race": draw.randrange(-1, 9),
                    }
                    | shown
                )
        for number in range(draw.randrange(3)):
            review = f"{plan}-{version}-{number}"
            later = made["available_at"] + timedelta(hours=draw.randrange(1, 1000))
            submitted = {"event_at": START, "available_at": later}
            common = ids | {"review": review, "baseline_number": version, "coach": draw.choice(coaches)}
            common["version_number"] = version + 1
            decision = draw.choice(["submit", "submit", "accept"])
            tables["reviews"].append(common | {"decision": decision, "is_override": False} | submitted)
            for session in range(4) if decision == "submit" else ():
                for adjustment in draw.sample(ADJUSTMENTS, draw.randrange(3)):
                    tables["overrides"].append(
                        common
                        | {
                            "session": f"{plan}s{session}",
                            "adjustment": adjustment,
                            "day": day(40),
                            "volume_factor": 0.8 if adjustment == "volume" else None,
                            "day_shift": 1 if adjustment == "move" else None,
                            "to_kind": "easy" if adjustment == "swap" else None,
                            "reason": draw.choice([None, *REASONS]),
                        }
                        | submitted
                    )
    for number in range(12):
        plan = draw.choice(plans)[0]
        session = f"{plan}s{draw.randrange(4)}"
        said = {"status": draw.choice(["done", "partly", "skipped"]), "day": day(), "completion": f"d{number}"}
        tables["completions"].append({"athlete": owner[plan], "plan": plan, "session": session} | said | when())
    for number in range(30):
        done = {"athlete": draw.choice(athletes), "activity": f"x{number}", "day": day(), "load": draw.uniform(1, 99)}
        gone = {"withdrawn_at": draw.choice([None, None, moment()]), "minutes": 30.0, "load_unit": "TSS"}
        tables["activities"].append(done | gone | {"sport": "running"} | when())
    for number in range(8):
        result = {"test": f"t{number}", "day": day(), "value": draw.uniform(30, 60), "kind": "race"}
        tables["tests"].append({"athlete": draw.choice(athletes), "withdrawn_at": None} | result | when())
    return {name: rows_as_table(name, rows) for name, rows in tables.items()}


def same(found: float, expected: float | None) -> bool:
    return np.isnan(found) if expected is None else found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_row_is_what_plain_python_makes_of_it(seed):
    tables = small_store(seed)
    found = training_set(MemoryStore(tables), as_of=AS_OF)
    expected = {key: (context, labels) for key, context, labels in contexts(tables, AS_OF)}
    keys = [
        (found.plans[plan], int(number), session)
        for plan, number, session in zip(found.plan, found.version_number, found.session.to_pylist(), strict=True)
    ]
    assert sorted(keys) == sorted(expected)
    for row, (key, context) in enumerate(zip(keys, found.contexts(), strict=True)):
        truth, labels = expected[key]
        known = {"sport", "level", "tier", "phase"}
        for name in truth.__dataclass_fields__:
            ours, theirs = getattr(context, name), getattr(truth, name)
            if name in known and theirs == "unheard of":
                theirs = ""
            if name in ("load_ratio", "adherence_28d", "coach_share") and theirs is not None:
                assert ours == pytest.approx(theirs, rel=1e-9), (key, name)
            else:
                assert ours == theirs, (key, name)
        for name, value in labels.items():
            ours = getattr(found.labels, name)[row]
            assert ours == value if isinstance(value, bool) else same(ours, value), (key, name, ours, value)
    assert leak_check(found) == []
    assert found.encode() == pytest.approx(encode(found.contexts()), abs=1e-12)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32), shift=st.integers(1, 10**9))
def test_what_came_after_the_cut_off_changes_no_byte(seed, shift):
    tables = small_store(seed)
    other = small_store(seed + 1)
    later = AS_OF + timedelta(seconds=shift)
    moved = {}
    for name, table in tables.items():
        known = [row for row in table.to_pylist() if row["available_at"] <= AS_OF]
        rest = other[name].to_pylist()
        moved[name] = rows_as_table(name, known + [row | {"available_at": later} for row in rest])
    before = training_set(MemoryStore(tables), as_of=AS_OF)
    assert training_set(MemoryStore(moved), as_of=AS_OF).digest() == before.digest()


def test_a_feature_that_knew_the_future_is_found():
    found = training_set(MemoryStore(simulate_coaching(replace(PLANTED, athletes=10, coaches=2, weeks=6))), as_of=AS_OF)
    assert leak_check(found) == []
    late = found.sources | {"activities": found.sources["activities"].copy()}
    late["activities"][3] = found.decided_us[3] + 1
    assert leak_check(replace(found, sources=late)) == [
        "1 sessions have features from activities that became available after the decision"
    ]
    early = replace(found.labels, completed_us=found.labels.completed_us + 10**18)
    assert "were not mature" in leak_check(replace(found, labels=early))[0]


def test_conditions_hold_as_they_do_for_one_context():
    found = training_set(MemoryStore(simulate_coaching(replace(PLANTED, athletes=12, coaches=3))), as_of=AS_OF)
    condition = {
        "kind": ["long", "tempo"],
        "reasons_before": ["travel", "illness"],
        "minutes": {"at_least": 60, "below": 120},
    }
    by_hand = [
        one.kind in ("long", "tempo") and bool(one.reasons_before & {"travel", "illness"}) and 60 <= one.minutes < 120
        for one in found.contexts()
    ]
    assert any(by_hand)
    assert holds_in(found, condition).tolist() == by_hand
    unknown = holds_in(found, {"adherence_28d": {"below": 2.0}})
    assert (unknown == ~np.isnan(found.context["adherence_28d"])).all()

    class Named:
        name = "short-after-travel"

    Named.condition = condition
    store = MemoryStore(simulate_coaching(replace(PLANTED, athletes=12, coaches=3)))
    with_it = training_set(store, as_of=AS_OF, heuristics=[Named()])
    assert with_it.heuristic[:, 0].tolist() == by_hand
    assert with_it.features[-1] == "heuristic short-after-travel"
    assert with_it.encode() == pytest.approx(encode(with_it.contexts(), with_it.heuristics), abs=1e-12)
    assert with_it.digest() != found.digest()


def test_a_split_shares_no_athlete_and_no_time():
    found = training_set(MemoryStore(simulate_coaching(replace(PLANTED, athletes=60, coaches=6))), as_of=AS_OF)
    made = split(found)
    assert len(made.train) and len(made.test)
    assert not set(made.train.athlete.tolist()) & set(made.test.athlete.tolist())
    assert made.train.decided_us.max() < made.cut_us <= made.test.decided_us.min()
    assert made.train.labels.coach_us.max() <= made.cut_us
    assert made.train.labels.completed_us[~np.isnan(made.train.labels.completed)].max() <= made.cut_us
    by_athlete = {athlete: set(folds(found, 3)[found.athlete == athlete].tolist()) for athlete in range(60)}
    assert {len(one) for one in by_athlete.values()} == {1}
    assert set().union(*by_athlete.values()) == {0, 1, 2}


def test_a_store_without_rows_gives_a_set_without_rows():
    found = training_set(MemoryStore(empty_tables()), as_of=AS_OF)
    assert len(found) == 0
    assert found.encode().shape == (0, len(found.features))
    assert leak_check(found) == []
    assert len(split(found).train) == 0
