"""German pages of operators hold no English: rollouts and the audit log, told apart node by node."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from tests.pages.reviewing import Visit
from tests.pages.test_languages import SAME, choosing, leftovers
from tests.support.processes import Server

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.once, pytest.mark.heavy]
ADMIN: Final = "admin@demo.mesocycle.example"
STORED: Final = re.compile(
    SAME.pattern
    + r"|admin@.*|(?:Ada|Ben) Admin|Teams|Rollouts|Start|Text|Ticket|Browser|Name"
    + r"|(?:plan|ui)\.\w+(?: – .*)?|ten-step-canary ·|rollout|\w+:\d+:\d+|in \d+ (?:d|h|min).*|\d+ ms"
    + r"|[a-z_]+\.[a-z_.]+|[\da-f]{8}-[\da-f-]{27}|\[synthetic\] .*|Alert .*|NOTIFY_URLS_.*|Rollouts in .*"
    + r"|Athletes without a test in the last year .*|The taper f.*|Individual performance model .*|Button that .*"
    + r"|demo|training|nothing|posterior|entered by hand|en-gb|telemetry files|team|de"
)
"""What reads the same in both: names, keys, and what is stored in the language of whoever wrote it."""


def hrefs(page: Any, address: str, selector: str, most: int) -> list[str]:
    """Return the first addresses that a page links to."""
    page.goto(address)
    found: list[str] = page.eval_on_selector_all(selector, "links => links.map(link => link.href)")
    assert found, f"{address} has no {selector}"
    return found[:most]


def rollout_pages(page: Any, admin: str) -> list[str]:
    """Return the addresses of the pages about rollouts: lists, a run, an incident, flags with their history, forms."""
    flags = hrefs(page, f"{admin}/flag/", "#result_list a[href*='/change/']", 1)
    runs = hrefs(page, f"{admin}/rollout/", ".ro-rows th a[href*='/rollout/rollout/']", 1)
    incidents = hrefs(page, f"{admin}/incident/", ".ro-rows th a", 1)
    names = ("rollout", "approval", "incident", "flag", "announcement", "rolloutmessage", "report")
    lists = [f"{admin}/{name}/" for name in names]
    adds = [f"{admin}/{name}/add/" for name in ("rollout", "announcement", "report")]
    return [*lists, *adds, *runs, *incidents, f"{flags[0]}?who=ru", flags[0].replace("/change/", "/history/")]


def audit_pages(page: Any, admin: str) -> list[str]:
    """Return the addresses of the audit log: the list, with filters that fit nothing, an event, a timeline."""
    log = f"{admin}/auditevent/"
    events = hrefs(page, log, ".au-in a[href*='/change/']", 1)
    athletes = hrefs(page, log, ".au-in a[href*='/athlete/']", 1)
    return [log, f"{log}?from=2020-01-01&until=2020-01-02&actor_q=zz&before=x", *events, *athletes]


@pytest.mark.parametrize(("app", "pages"), [("rollout", rollout_pages), ("audit", audit_pages)])
def test_german_pages_of_operators_hold_no_english(visit: Visit, server: Server, app: str, pages: Any) -> None:
    page, wrong = visit(ADMIN)
    addresses = pages(page, f"{server.url}/admin/{app}")
    found = leftovers(page, addresses, choosing(page, server.url), STORED)
    assert {address: texts for address, texts in found.items() if texts} == {}
    assert not wrong
