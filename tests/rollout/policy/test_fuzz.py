"""Whatever happens to a policy's text, it is read or refused; nothing else comes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.evaluation import FULL
from rollout.gates.monitor import Monitor
from rollout.policy.load import SHIPPED, PolicyError, parse_policy
from rollout.simulation.run import START

pytestmark = pytest.mark.pure

TEXTS = [path.read_text(encoding="utf-8") for path in sorted(SHIPPED.glob("*.toml"))]
ODD = (
    st.sampled_from(["0", "-1", "1e999", "-1e-999", "nan", "inf", "-inf", "99999999999999999999", "true", "2026-01-01"])
    | st.sampled_from(['""', '"5 min"', '"-5 min"', '"0 d"', "[]", "[[]]", "{}", '[""]', '["x", "x"]', '["canary-5"]'])
    | st.sampled_from(
        [f'"{word}"' for word in ("elite", "slo", "guardrail", "check", "kill", "cost", "rating", "team")]
    )
    | st.text(max_size=12)
)


def survives(text: str) -> None:
    """A policy that is read can also be watched in each of its stages, and reaches nobody twice or less than before."""
    try:
        policy = parse_policy(text, source_name="fuzzed.toml")
    except PolicyError as refused:
        assert refused.errors
        assert all(error.startswith("fuzzed.toml") for error in refused.errors)
        return
    shares = [stage.thousandths for stage in policy.stages]
    assert shares == sorted(shares)
    assert all(0 <= share <= FULL for share in shares)
    for index in range(len(policy.stages)):
        Monitor(policy, index, fresh_from=START)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_odd_value_of_any_field_is_read_or_refused(text, data):
    lines = text.split("\n")
    with_value = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    for number in data.draw(st.lists(st.sampled_from(with_value), min_size=1, max_size=3)):
        lines[number] = lines[number].split(" = ")[0] + " = " + data.draw(ODD)
    survives("\n".join(lines))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXTS), st.data())
def test_lines_lost_doubled_and_moved_are_read_or_refused(text, data):
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["lose", "double", "move"])):
            case "lose":
                del lines[at]
            case "double":
                lines.insert(to, lines[at])
            case _:
                lines.insert(to, lines.pop(at))
    survives("\n".join(lines))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(TEXTS), st.data(), st.text(max_size=20))
def test_text_cut_anywhere_with_anything_in_between_is_read_or_refused(text, data, between):
    cut, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    survives(text[:cut] + between + text[end:])
