"""The pages of overrides in German hold no English: the list, a cluster, proposals and heuristics."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from django.utils.translation import override

from accounts.models import User
from common.translating.showing import said
from modeling.learned.context import KINDS, LEVELS, PHASES, REASONS, SEASONS, SPORTS
from modeling.models import HeuristicRow
from modeling.training.clusters import BANDS, bands
from modeling.training.exposed import CHANGES
from modeling.training.patterns import Pattern
from plans.evidence import reading
from plans.evidence.asking import SORTS
from plans.evidence.words import change_text
from plans.heuristics import sentence, when_text
from plans.services.override_patterns import adopt_pattern
from tests.common.alike import alike
from tests.plans.test_overrides_evidence import PAGE, REPORT, WHY, ada, coach, logged_in, proposed, store  # noqa: F401, F811

pytestmark = [pytest.mark.django_db, pytest.mark.once]
SAME = (
    r"[0-9]+ → [0-9]+|[0-9a-f]{6}|[a-z0-9]+(?:-[a-z0-9]+)+|c\d+"
    r"|Filter|Name|Experiment|System|Profi|Elite|Tempo|Status|Sport|Intervall?|Repetition"
)
CONTEXTS = (
    *(("after", reason) for reason in REASONS),
    *(("phase", phase) for phase in PHASES),
    *(("weekday", str(day)) for day in range(7)),
    *(("season", season) for season in SEASONS),
    *(("group", f"{sport} {level}") for sport in SPORTS for level in LEVELS),
    ("", ""),
)


def test_overrides_hold_no_english(ada: User, store: Any) -> None:  # noqa: F811
    client = logged_in(ada)
    adopt_pattern(key=proposed().key, reason=WHY, acting_user=ada)
    assert HeuristicRow.objects.count() == 1
    listed = client.get(PAGE).content.decode()
    keys = sorted(set(re.findall(r"cluster/\?[^\"]*key=([^\"&]+)", listed)))
    assert len(keys) > 3
    lists = [PAGE, *(f"{PAGE}?sort={name}" for name in SORTS if name), f"{PAGE}?weeks=52&sport=running&kind=nonsense"]
    assert alike(client, [*lists, *(f"{PAGE}cluster/?key={key}" for key in keys)], SAME) == {}


def test_a_coachs_report_holds_no_english(coach: User, store: Any) -> None:  # noqa: F811
    client = logged_in(coach)
    assert "Shortened by" in client.get(REPORT).content.decode()
    assert alike(client, [REPORT], SAME) == {}


def test_overrides_without_a_store_hold_no_english(
    ada: User,  # noqa: F811
    settings: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    monkeypatch.setattr(reading, "_kept", {})
    settings.FEATURE_STORE_URL = str(tmp_path / "nothing")
    assert alike(logged_in(ada), [PAGE], SAME) == {}


def test_every_sentence_about_a_pattern_is_german() -> None:
    """Each is recognised again from what is stored: none keeps a word of English."""
    evidence = {"cases": 34, "coaches": 9, "factor": 0.85, "to_kind": "easy", "shift": -2}
    words = "Coaches|coaches|cases|sessions|on|in the|of|after|at|by|for|days?|hard|later|earlier"
    english = re.compile(rf"\b(?:{words})\b")
    left = []
    for change, kind, (field, value) in itertools.product(CHANGES, KINDS, CONTEXTS):
        text = sentence(Pattern(change, kind, field, value), evidence)
        assert when_text(field, value) in text
        with override("de"):
            if english.search(said(text)):
                left.append((text, said(text)))
    assert left == []


def test_every_change_is_german(store: Any) -> None:  # noqa: F811
    assert tuple((change, band) for change, band, _ in bands(reading.reading().of)) == BANDS
    with override("de"):
        for change, band in BANDS:
            text = change_text(change, band)
            assert not set(re.findall("[A-Za-z]{4,}", text)) & set(re.findall("[A-Za-z]{4,}", said(text))), text
