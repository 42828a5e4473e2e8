"""German pages hold no English: what a coach reads in both languages is told apart node by node."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from tests.pages.reviewing import PENDING
from tests.pages.settling import go
from tests.pages.test_pages import COACH, too_wide

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.once, pytest.mark.heavy]

TEXTS: Final = """() => {
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: parent, nodeValue } = walker.currentNode;
    if (parent.closest("script, style, .material-symbols-outlined, textarea, kbd, code, #id_time_zone")) continue;
    if (nodeValue.trim()) found.add(nodeValue.replace(/\\s+/g, " ").trim());
  }
  for (const name of ["aria-label", "title", "placeholder"]) {
    for (const element of document.body.querySelectorAll(`[${name}]`)) {
      const text = element.getAttribute(name).trim();
      if (text && !element.closest("script")) found.add(text);
    }
  }
  return [...found];
}"""
SAME: Final = re.compile(
    r"(?:Mesocycle|Runner|Rider|Athlete|coach@|Marathon|Fitness|Form|Test|VDOT|RPE|v\d|W\d|\d|flag_on|Plan|Version).*"
    r"|Filter|Status|Team|Demo team|Profil|Code|CSV|English|Deutsch|Tempo|Elite|System|Support|Name|Premium|Navigation"
    r"|[ELTIRS⚑] ?\d*|[A-Z]{2,5}|[0-9a-f]{8,}|t|min|Km|Min|Rollout|Experiment|[\w-]+-grid(?:-\d)?|grid-posterior-\d"
    r"|.* · Plan v.*|· Plan v.*|[\w/+-]+/[\w/ +-]+|November \d+|scrollable content|GMT.*|more vert|synthetic"
)
"""What reads the same in both: names, numbers, words that German has too, and one label of the theme's script."""


def leftovers(page: Any, addresses: list[str], choose: Any, same: re.Pattern[str] = SAME) -> dict[str, list[str]]:
    """Return, by address, the texts with letters that stand there in English and in German alike, and wide tables."""
    seen: dict[str, dict[str, set[str]]] = {}
    for language in ("en-gb", "de"):
        choose(language)
        for address in addresses:
            go(page, address)
            seen.setdefault(address, {})[language] = {*page.evaluate(TEXTS), *too_wide(page)}
    return {
        address: sorted(
            text
            for text in found["en-gb"] & found["de"]
            if re.search(r"[A-Za-z]{2}", text) and not same.fullmatch(text)
        )
        for address, found in seen.items()
    }


def choosing(page: Any, url: str) -> Any:
    """Return what sets the language of whoever is logged in on a page."""

    def choose(language: str) -> None:
        page.goto(f"{url}/admin/preferences/")
        page.select_option("#id_language", language)
        page.click(".ac-form > div:last-child button")
        page.wait_for_selector(f"html[lang='{language}']")

    return choose


def first(page: Any, address: str) -> str:
    """Return the address of the first row of a list."""
    page.goto(address)
    return str(page.eval_on_selector("#result_list a[href*='/change/']", "link => link.href"))


def coach_pages(page: Any, url: str) -> list[str]:
    """Return the addresses of a coach's pages: lists, a plan under review, its versions, an athlete and their forms."""
    page.goto(f"{url}{PENDING}")
    plan = page.eval_on_selector(".mp-who a", "link => link.href")
    page.goto(f"{url}/admin/accounts/athlete/")
    athlete = page.eval_on_selector("#result_list a[href*='/change/']", "link => link.href")
    own = [
        athlete.replace("/change/", f"/{part}/") for part in ("import", "test", "threshold", "plan", "plans", "profile")
    ]
    rows = [first(page, f"{url}/admin/modeling/{name}/") for name in ("activity", "test", "threshold")]
    lists = (
        "plans/plan/",
        "modeling/activity/",
        "modeling/testproposal/",
        "modeling/test/",
        "modeling/threshold/",
        "accounts/notification/",
        "plans/plangrant/",
        "plans/plangrant/add/",
    )
    paths = (PENDING, "/admin/preferences/", "/admin/accounts/athlete/", "/admin/coach-report/")
    return [
        *(f"{url}{path}" for path in (*paths, *(f"/admin/{name}" for name in lists))),
        *(plan, plan.replace("/change/", "/compare/"), athlete, *own, *rows),
    ]


def test_german_pages_of_a_coach_hold_no_english(visit, server):
    page, wrong = visit(COACH)
    found = leftovers(page, coach_pages(page, server.url), choosing(page, server.url))
    assert {address: texts for address, texts in found.items() if texts} == {}
    assert not wrong
