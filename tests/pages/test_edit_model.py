"""What the review page keeps of edits before they are saved, asked of its model alone."""

from __future__ import annotations

import pytest

from tests.pages.reviewing import Visit
from tests.support.processes import Server

pytestmark = [pytest.mark.server, pytest.mark.browser]
OPERATIONS = """async ([address, acts]) => {
  const { EditModel } = await import(address);
  const session = (title) => ({ day: "2026-12-01", modality: "running", kind: "easy", title, prescribed_work: {}, load: 40, key_session: false, locked: false });
  const head = { a: session("Easy 10 km") };
  const limits = { today: "2026-11-01", raceDay: "2027-04-18", first: "2026-11-01", last: "2027-04-18", editable: true };
  const model = new EditModel({ head, baseline: head, limits });
  const known = { put: (title, why) => model.put("a", session(title), why), remove: (why) => model.remove("a", why), undo: () => model.undo() };
  for (const [name, ...given] of acts) known[name](...given);
  return model.operations;
}"""  # noqa: E501
TIRED = {"reason": "weather", "note": "Ice"}
BLANK = {"reason": "", "note": ""}


CASES = (
    ([("put", "Easy 8 km", TIRED)], TIRED),
    ([("put", "Easy 8 km", TIRED), ("put", "Easy 8 km", BLANK)], {}),
    ([("put", "Easy 8 km", TIRED), ("put", "Easy 8 km", BLANK), ("undo",)], TIRED),
    ([("put", "Easy 8 km", TIRED), ("remove",)], TIRED),
    ([("put", "Easy 8 km", TIRED), ("remove", BLANK)], {}),
    ([("remove", TIRED)], TIRED),
)


def test_a_reason_goes_with_its_edit_until_it_is_taken_away(server: Server, visit: Visit) -> None:
    page, wrong = visit()
    for acts, why in CASES:
        found = page.evaluate(OPERATIONS, [f"{server.url}/static/plans/review/state.js", acts])
        assert found, acts
        assert [{name: one[name] for name in TIRED if name in one} for one in found] == [why] * len(found), acts
    assert wrong == []
