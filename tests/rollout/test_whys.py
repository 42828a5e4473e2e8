"""What the engine says is told in German, every shape of it; what people wrote is not touched, nor what is stored."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.utils.translation import override

from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from common.translating.collect import sentences_of
from common.translating.sentences import PLACEHOLDER, filled
from rollout.models import Flag, Incident, RolloutMessage
from rollout.services.flags import kill_flag
from rollout.services.incidents import acknowledge_incident
from rollout.whys import told, why_of
from tests.factories import make_user

VALUES = {
    "evidence": "evidence 3.2 of 200", "seen": "0.0123, limit 0.02", "arm": "new arm", "metric": "error",
    "start": "2026-05-01 10:00", "state": "completed",
}  # fmt: skip
LEFT = {"{state}: nothing to decide"}  # of a run that nobody looks at: no step is kept of it


def reasons() -> Iterator[str]:
    """Yield what gates and the engine give as their reasons, places filled."""
    for path in sorted((settings.BASE_DIR / "rollout/gates").glob("*.py")):
        yield from _filled(node for node in ast.walk(ast.parse(path.read_text())) if _is_of_gate(node))
    engine = ast.parse((settings.BASE_DIR / "rollout/engine.py").read_text())
    yield from _filled(node for node in ast.walk(engine) if isinstance(node, ast.Call) and _name(node) == "Step")


def _is_of_gate(node: ast.AST) -> bool:
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        return ast.unparse(node.value).startswith("(Outcome.")
    return isinstance(node, ast.Call) and any(keyword.arg == "why" for keyword in node.keywords)


def _name(node: ast.Call) -> str:
    return getattr(node.func, "id", "")


def _filled(nodes: Iterator[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Return):
            said: ast.AST = node.value.elts[1]  # type: ignore[union-attr]
        else:
            assert isinstance(node, ast.Call)
            said = next((k.value for k in node.keywords if k.arg == "why"), None) or node.args[1]
        for text in sentences_of(said):
            if text not in LEFT:
                yield filled(text, {name: VALUES.get(name, "12") for name in PLACEHOLDER.findall(text)})


def test_every_reason_of_the_engine_is_told_in_german():
    found = list(reasons())
    assert len(found) > 20
    with override("de"):
        same = [text for text in found if told(text) == text and not re.fullmatch(r"[\d.]+", text)]
    assert same == []
    with override("en-gb"):
        assert [told(text) for text in found] == found


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("12 of 50 in the control", "12 von 50 in der Kontrolle"),
        ("0.0123, limit 0.02, n = 40", "0,0123, Grenze 0,02, n = 40"),
        (
            "errors: inconclusive (17 of 100 in the new arm); valid: no data (nothing counted)",
            "errors: nicht schlüssig (17 von 100 im neuen Arm); valid: keine Daten (nichts gezählt)",
        ),
        ("plan.x was rolled back at 4: Canary, 5 %", "plan.x: zurückgerollt in 4: Kanarienstufe, 5 %"),
        ("12 of 50 coaches wrote to us", "12 of 50 coaches wrote to us"),
        ("0.3, limit 0.2: beyond it for 1 day, 0:00:00 of 2:00:00",
         "0,3, Grenze 0,2: jenseits davon seit 1 d 0:00:00 von 2:00:00"),
        ("", ""),
    ],
)  # fmt: skip
def test_reasons_are_told_with_their_numbers(text, german):
    with override("de"):
        assert told(text) == german


def test_a_persons_reason_stays_as_it_was_written():
    with override("de"):
        assert why_of(SimpleNamespace(actor="service:rollout", why="nothing counted")) == "nichts gezählt"
        assert why_of(SimpleNamespace(actor="admin", why="nothing counted")) == "nothing counted"


@pytest.mark.django_db
def test_what_a_german_person_causes_is_stored_in_english():
    admin = make_user("admin", name="Ada")
    with unit_of_work(COMMAND_LINE):
        Flag.objects.create(name="plan.probe", enabled=True, guarded=False, rollout_thousandths=50_000)
    with override("de"):
        kill_flag(key="plan.probe", reason="plans without a long run", acting_user=admin)
        incident = Incident.objects.get()
        acknowledge_incident(incident_id=incident.pk, cause="a missing guard", acting_user=admin)
    incident.refresh_from_db()
    assert incident.title == "plan.probe was killed by hand"
    assert [entry.text for entry in incident.entries.order_by("at", "id")] == [
        "plan.probe was killed by hand",
        "Acknowledged: a missing guard",
    ]
    told_people = " ".join(f"{row.subject} {row.text}" for row in RolloutMessage.objects.all()).lower()
    assert "acknowledged" in told_people
    assert "bestätigt" not in told_people
    assert "vorfall" not in told_people
