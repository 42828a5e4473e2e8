"""What tests of reviewing share: walking to a plan, reading what pages show, editing from elsewhere, counting keys."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any

from playwright.sync_api import Error as PlaywrightError

from tests.pages.test_pages import COACH, overflow
from tests.support.databases import ROOT
from tests.support.processes import Server

Visit = Callable[..., tuple[Any, list[str]]]
PASSWORD = "mesocycle-demo"
PENDING = "/admin/plans/plan/pending/"
SIZES = ((1280, 800), (390, 844))
PICTURES = ROOT / "var" / "screenshots"
REFUSALS = {"409 (Conflict)": "/submit", "412 (Precondition Failed)": "/versions/"}
"""What the browser itself reports when a submission wants a reason, and when somebody else has saved; and where."""


def is_error(message: Any) -> bool:
    """Return whether a line on the console is an error; a refusal that the page handles is none."""
    refused = [where for text, where in REFUSALS.items() if message.text.endswith(text)]
    return message.type == "error" and not any(where in message.location["url"] for where in refused)


def open_review(page: Any, plan: str) -> None:
    """Go to a plan's review page and wait until its first what-if is answered."""
    with page.expect_response("**/what-if"):
        page.goto(page.url.split("/admin/")[0] + f"/admin/plans/plan/{plan}/change/")
    page.wait_for_selector("#rv-chart-box:not([hidden])", state="attached")


def of_plan(page: Any, path: str) -> Any:
    """Return what the API answers about a plan, `path` from its id on."""
    answer = page.request.get(page.url.split("/admin/")[0] + f"/api/v1/plans/{path}")
    assert answer.ok, answer.text()
    return answer.json()


def pending_ids(page: Any) -> list[str]:
    """Return the plans on the pending list, from top to bottom."""
    hrefs = page.eval_on_selector_all(".mp-who a", "links => links.map((link) => link.getAttribute('href'))")
    return [href.split("/")[-3] for href in hrefs]


def edited(page: Any, act: Callable[[], None]) -> dict[str, Any]:
    """Do an edit; returns the newest what-if that the page asked about it, once the page shows it.

    The answers pass through here, since the browser forgets the body of one that the page no longer waits for.
    """
    answers = []

    def pass_on(route: Any) -> None:
        answer = route.fetch()
        answers.append(answer.json())
        with suppress(PlaywrightError):  # the page asked anew meanwhile
            route.fulfill(response=answer)

    page.route("**/what-if", pass_on)
    try:
        with page.expect_response("**/what-if"):
            act()
        page.wait_for_selector("#rv-whatif > div:not(.rv-computing)", state="attached")
    finally:
        page.unroute("**/what-if", pass_on)
    return answers[-1]


def chip(page: Any, session: str) -> Any:
    return page.locator(f".rv-chip[data-item='{session}']")


def movable(page: Any, count: int, kind: str = "") -> list[str]:
    """Return the first sessions ahead that may be moved to the next day of their week."""
    script = """([kind, today]) => [...document.querySelectorAll(`.rv-chip[draggable=true]${kind}`)]
      .filter((chip) => chip.dataset.day > today && !chip.closest('.rv-day').matches(':nth-child(7)'))
      .map((chip) => chip.dataset.item)"""
    found = page.evaluate(script, [kind and f".mc-{kind}", date.today().isoformat()])
    assert len(found) >= count
    return found[:count]


def shown_time(page: Any) -> str:
    page.wait_for_selector("#rv-whatif > div:not(.rv-computing)")
    return page.inner_text("#rv-whatif .rv-race > b")


def badges(page: Any) -> list[str]:
    return page.locator(".rv-badge").all_inner_texts()


def asks_before_leaving(page: Any) -> bool:
    """Try to leave by the athlete's link; returns whether the browser asked, and stays if it did."""
    asked: list[str] = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    here = page.url
    page.click(".rv-header .mc-title a", no_wait_after=True)
    deadline = time.monotonic() + 60
    while not asked and page.url == here and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.remove_listener("dialog", stay)
    assert bool(asked) == (page.url == here)
    return asked == ["beforeunload"]


def pictures(page: Any, name: str) -> None:
    """Take a picture at each size, the narrow one last."""
    for size in SIZES:
        picture(page, f"{name}-{size[0]}", size)


def picture(page: Any, name: str, size: tuple[int, int] = (1280, 800)) -> None:
    """Show the page at a size, at which nothing may stick out, and take a picture of it."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    taken(page, name)
    assert overflow(page) == 0, name
    page.set_viewport_size({"width": 1280, "height": 800})


def taken(page: Any, name: str, **more: Any) -> None:
    """Take a picture for people to look at: no test reads it, so only `make test-browser` spends the time."""
    if os.environ.get("MESOCYCLE_PICTURES", "") == "yes":
        page.screenshot(path=PICTURES / f"{name}.png", **more)


def save_elsewhere(server: Server, browser: Any, plan: str, titles: dict[str, str], **why: str) -> int:
    """Rename sessions of a plan through the API with a token; returns the number of the version that it makes."""
    patch = [
        {"op": "replace", "path": f"/sessions/{key}/title", "value": value, **why} for key, value in titles.items()
    ]
    return patch_elsewhere(server, browser, plan, patch)


def patch_elsewhere(server: Server, browser: Any, plan: str, patch: list[dict[str, Any]]) -> int:
    """Save operations through the API with the coach's token; returns the number of the version that it makes."""
    context = browser.new_context()
    request, headers = context.request, token_of(server, context)
    head = request.get(f"{server.url}/api/v1/plans/{plan}", headers=headers)
    headers |= {"If-Match": head.headers["etag"], "Content-Type": "application/json-patch+json"}
    address = f"{server.url}/api/v1/plans/{plan}/versions/{head.json()['head_version']['id']}"
    saved = request.patch(address, headers=headers, data=json.dumps(patch))
    assert saved.status == 200, saved.text()
    number = saved.json()["version_number"]
    context.close()
    return int(number)


def token_of(server: Server, context: Any, email: str = COACH) -> dict[str, str]:
    """Return the header that lets a browser context's requests act as a person, the coach if none is named."""
    account = {"email": email, "password": PASSWORD}
    token = context.request.post(f"{server.url}/api/v1/auth/token", data=account).json()["access"]
    return {"Authorization": f"Bearer {token}"}


def sessions_of(page: Any, plan: str) -> dict[str, dict[str, Any]]:
    """Return the sessions of a plan's head version by id."""
    head = of_plan(page, plan)["head_version"]["id"]
    weeks = of_plan(page, f"{plan}/versions/{head}")["weeks"]
    return {row["session_id"]: row for week in weeks for row in week["sessions"]}


def titles_of(version: dict[str, Any]) -> dict[str, str]:
    return {row["session_id"]: row["title"] for week in version["weeks"] for row in week["sessions"]}


def nameless(page: Any) -> list[str]:
    """Return what can be operated and has no accessible name, as the browser tells screen readers."""
    roles = {"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "spinbutton", "tab", "grid"}
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    found = [node for node in tree if not node["ignored"] and node.get("role", {}).get("value") in roles]
    assert len(found) >= len(roles)
    return [json.dumps(node) for node in found if not node.get("name", {}).get("value", "").strip()]


class Keyboard:
    """A keyboard that counts: a chord such as Control+s is one key."""

    def __init__(self, page: Any) -> None:
        self.page, self.count = page, 0

    def __call__(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.count += 1
