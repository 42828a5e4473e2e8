"""Which flags are stale, and where the code mentions one. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.references import constants, references
from rollout.stale import NOT_MEASURED, STALE_AFTER, FlagAge, finding, findings

pytestmark = pytest.mark.pure

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = "ui.new_calendar"


def test_a_flag_at_a_hundred_per_cent_for_thirty_days_is_stale():
    assert finding(FlagAge(KEY, full_since=NOW - 30 * DAY), NOW).reasons == ("at 100 % for 30 days",)
    assert not finding(FlagAge(KEY, full_since=NOW - 30 * DAY + timedelta(seconds=1)), NOW).is_stale


def test_nobody_concludes_from_silence_where_nobody_measured():
    found = finding(FlagAge(KEY, last_answer=NOW - 400 * DAY), NOW)
    assert not found.is_stale
    assert NOT_MEASURED in found.use
    assert finding(FlagAge(KEY), NOW).use == NOT_MEASURED


def test_a_measured_flag_without_answers_is_stale():
    found = finding(FlagAge(KEY, measured_since=NOW - 40 * DAY), NOW)
    assert found.reasons == ("no answer counted for 40 days",)


def test_an_answer_or_a_young_measurement_keeps_it_fresh():
    assert not finding(FlagAge(KEY, measured_since=NOW - 40 * DAY, last_answer=NOW - DAY), NOW).is_stale
    assert not finding(FlagAge(KEY, measured_since=NOW - 5 * DAY, last_answer=NOW - 90 * DAY), NOW).is_stale


def test_a_retired_flag_is_stale_at_once():
    assert finding(FlagAge(KEY, retired_at=NOW), NOW).is_stale


moments = st.none() | st.integers(0, 100).map(lambda days: NOW - days * DAY)


@given(st.builds(FlagAge, st.just(KEY), moments, moments, moments, moments), st.integers(0, 50))
def test_time_alone_never_makes_a_stale_flag_fresh(flag, days):
    if finding(flag, NOW).is_stale:
        assert finding(flag, NOW + days * DAY).is_stale


@given(st.lists(st.builds(FlagAge, st.text("abc", min_size=1), moments), max_size=6))
def test_the_stale_come_first_and_none_is_lost(flags):
    found = findings(flags, NOW)
    assert sorted(one.key for one in found) == sorted(flag.key for flag in flags)
    assert [one.is_stale for one in found] == sorted((one.is_stale for one in found), reverse=True)
    assert timedelta(days=30) == STALE_AFTER


@pytest.fixture
def repository(tmp_path):
    files = {
        "app/keys.py": f'NEW_CALENDAR = "{KEY}"\nOTHER: str = "ui.other"\n',
        "app/views.py": "from app.keys import NEW_CALENDAR\n\nif is_on(NEW_CALENDAR):\n    pass\n",
        "app/templates/page.html": f'{{% flag "{KEY}" %}}new{{% endflag %}}\n',
        "app/static/page.js": f"const longer = '{KEY}_v2';\n",
        "app/migrations/0001.py": f'KEY = "{KEY}"\n',
        "var/copy.py": f'KEY = "{KEY}"\n',
        ".hidden/x.py": f'KEY = "{KEY}"\n',
        "tests/test_views.py": f'turn_on("{KEY}")\n',
        "broken.py": f'"{KEY}" (\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_code_that_mentions_a_flag_is_found_by_key_and_by_constant(repository):
    assert [str(one) for one in references(repository, KEY)] == [
        "app/keys.py:1",
        "app/templates/page.html:1",
        "app/views.py:1",
        "app/views.py:3",
        "broken.py:1",
        "tests/test_views.py:1",
    ]


def test_a_flag_that_nothing_mentions_has_no_references(repository):
    assert references(repository, "ui.gone") == []
    assert references(repository, "ui.new") == []


def test_only_a_module_s_constant_of_exactly_the_key_counts():
    source = 'A = B = "k"\nC: str = "k"\nD = "k.more"\ndef f():\n    E = "k"\n'
    assert constants(source, "k") == {"A", "B", "C"}
    assert constants("a = (", "k") == set()
