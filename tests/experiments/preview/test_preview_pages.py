"""The preview's page by a client: who may, what it says, that a blocker shuts the start."""

from __future__ import annotations

import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts.models import CoachLink
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.metrics import Unit
from experiments.models import Experiment
from experiments.pages.preview import difference_text, gap_text, value_text
from tests.experiments.preview.rosters import fill_roster
from tests.experiments.preview.test_previewing import KEY, draft, start
from tests.experiments.protocols import protocol
from tests.factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.once]
QUERIES = 18


@pytest.fixture
def scientist(db):
    return make_user("data_scientist")


def address(experiment: Experiment, page: str = "preview") -> str:
    return f"/admin/experiments/experiment/{experiment.pk}/{page}/"


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.split("xp-preview", 1)[1]))


def shown(user, experiment: Experiment) -> str:
    answer = client_of(user).get(address(experiment))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_says_what_the_preview_found(scientist):
    fill_roster(120, coaches=20, refused=10, never_asked=5)
    experiment = draft(scientist)
    html = shown(scientist, experiment)
    text = words(html)
    assert "120 athletes" in text and "5 never asked, 10 said no" in text
    assert "105 in all" in text
    assert "An example: who gets which variant follows from the moment of the start" in text
    assert "20, numbers of athletes vary by" in text
    assert "Not known" not in text
    assert text.index("Beginner") < text.index("Intermediate") < text.index("Advanced")
    assert 'name="command" value="start"' in html
    assert f'name="expected" value="{experiment.version}"' in html


def test_a_blocker_shuts_the_start_and_stands_beside_it(scientist):
    fill_roster(12, never_asked=12)
    html = shown(scientist, draft(scientist))
    assert 'value="start"' not in html
    assert re.search(r"<button[^>]*disabled[^>]*aria-describedby=\"xp-blocked\"", html)
    assert "nobody on the roster has agreed to experiments" in words(html)


def test_what_is_not_known_is_hatched_with_its_reason(scientist):
    fill_roster(30, requests=0)
    text = words(shown(scientist, draft(scientist)))
    assert "Not known: 0 of 30 athletes have a value in the last 28 days" in text
    assert "ro-plot" not in text


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"protocol": {}}, "Say what is asked"),
        ({"variant_weights": {"a": 51, "b": 49}}, "Off share"),
        ({"stratification_keys": []}, "Everybody"),
        ({"stratification_keys": ["device"]}, "Unknown"),
        ({"targeting": {"sport": ["cycling"]}}, "not targeted 20"),
        ({"roster": "closed"}, "ranked as the start ranks"),
        ({"start_at": "2099-01-01T00:00:00+00:00"}, "The start is fixed"),
        ({"protocol": protocol(primary_metric="calculation_speed")}, "no target given"),
    ],
)
def test_every_kind_of_draft_has_a_page(scientist, changes, text):
    fill_roster(40)
    assert text in words(shown(scientist, draft(scientist, **changes)))


def test_a_draft_whose_weights_hold_no_longer_shows_its_mistakes_alone(scientist):
    fill_roster(8)
    experiment = draft(scientist)
    with unit_of_work(COMMAND_LINE):
        Experiment.objects.update(variant_weights={"a": 50, "b": 60})
    text = words(shown(scientist, experiment))
    assert "No allocation: the draft has mistakes" in text
    assert "found a sum of 110" in text


def test_names_are_escaped_and_nobody_is_named(scientist):
    people = fill_roster(30)
    html = shown(scientist, draft(scientist, name="<b>bold</b>"))
    assert "<b>bold</b>" not in html
    with unit_of_work(COMMAND_LINE, read_only=True):
        coaches = set(CoachLink.objects.values_list("coach_id", flat=True))
    assert not [key for key in ({one.pk for one in people} | coaches) if str(key) in html]
    assert "Somebody" not in html and "Coach 0" not in html


def test_who_may(scientist):
    experiment = draft(scientist)
    for role, status in (("admin", 200), ("coach", 403), ("support", 403), ("compliance", 403)):
        assert client_of(make_user(role)).get(address(experiment)).status_code == status, role
    assert "/login/" in Client().get(address(experiment)).headers["Location"]
    gone = f"/admin/experiments/experiment/{make_user('coach').pk}/preview/"
    assert client_of(scientist).get(gone).status_code == 404


def test_what_runs_is_sent_to_its_own_page(scientist):
    fill_roster(8)
    experiment = draft(scientist)
    start(KEY, scientist)
    answer = client_of(scientist).get(address(experiment))
    assert answer.headers["Location"] == address(experiment, "change")
    assert "only a draft has a preview" in str(*get_messages(answer.wsgi_request))


@pytest.mark.parametrize("size", [40, 120])
def test_the_page_reads_as_often_for_a_large_roster(scientist, size, django_assert_num_queries):
    fill_roster(size)
    experiment = draft(scientist)
    client = client_of(scientist)
    with django_assert_num_queries(QUERIES):
        assert client.get(address(experiment)).status_code == 200


@pytest.mark.parametrize(
    ("unit", "value", "difference", "plain"),
    [
        (Unit.SHARE, 0.0412, "4.12 pp", "4.12 %"),
        (Unit.MILLISECONDS, 1234.5, "1,234 ms", "1,234 ms"),
        (Unit.OF_FIVE, 0.25, "0.25 of 5", "0.25 of 5"),
        (Unit.DAYS, 2.0, "2 days", "2 days"),
        (Unit.NUMBER, 0.000012, "1e-05", "1e-05"),
    ],
)
def test_numbers_are_written_in_their_unit(unit, value, difference, plain):
    assert difference_text(unit, value) == difference
    assert value_text(unit, value) == plain


def test_gaps_are_whole_or_have_a_digit():
    assert (gap_text(2.0), gap_text(0.55), difference_text(Unit.SHARE, None)) == ("2", "0.6", "–")
