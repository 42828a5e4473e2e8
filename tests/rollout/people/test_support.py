"""Where a report goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.support import HIGHEST, LEVEL_OF, QUEUES, TOPICS, Severity, Topic, route

pytestmark = pytest.mark.pure

ORDER = list(Severity)


def test_every_topic_has_a_level_and_a_title_and_every_level_a_queue():
    assert set(LEVEL_OF) == set(TOPICS) == set(Topic)
    assert sorted(QUEUES) == list(range(1, HIGHEST + 1))


@given(st.sampled_from(Topic), st.sampled_from(Severity), st.sampled_from(Severity))
def test_worse_never_goes_to_a_lower_level(topic, one, other):
    mild, bad = sorted((one, other), key=ORDER.index)
    assert route(topic, mild).level <= route(topic, bad).level <= HIGHEST


@given(st.sampled_from(Topic))
def test_what_is_critical_goes_to_engineering(topic):
    assert route(topic, Severity.CRITICAL).level == HIGHEST
    assert route(topic, Severity.CRITICAL).queue == "engineering"


@pytest.mark.parametrize(
    ("topic", "severity", "level"),
    [
        ("guidance", "low", 1),
        ("guidance", "high", 2),
        ("calculation", "medium", 2),
        ("calculation", "high", 3),
        ("unsafe_plan", "low", 3),
    ],
)
def test_the_customers_levels(topic, severity, level):
    assert route(Topic(topic), Severity(severity)).level == level


def test_only_trouble_with_the_account_counts_for_no_feature():
    assert [topic for topic in Topic if not route(topic, Severity.CRITICAL).counts] == [Topic.ACCOUNT]
