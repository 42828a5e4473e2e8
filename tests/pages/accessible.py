"""Accessibility of pages by axe-core: what it finds serious or critical, for tests and for a walk over a whole server.

`python -m tests.pages.accessible http://127.0.0.1:8000` follows each role's links on a server with the demo's data and
tries each kind of page once by size and theme; it ends with 1 where anything is found or is wider than the window.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from axe_playwright_python.base import AXE_SCRIPT

from tests.pages.reviewing import PASSWORD
from tests.pages.settling import go
from tests.pages.test_pages import overflow, too_wide
from tests.support.browsers import CHROMIUM, FLAGS

HELD = ("serious", "critical")
ROLES = ("admin", "coach", "scientist", "support", "compliance")
SIZES = ((1280, 800), (640, 400), (390, 844))
"""The second is the first at 200 %."""
OPEN = ("/admin/login/", "/password/reset/")
THEMES = ("light", "dark")
RUN = """(within) => axe.run(within, {
  resultTypes: ["violations"], preload: false, rules: {"target-size": {enabled: true}},
})"""
MOST_NAMED = 4
MOST_WAITED_MS = 90_000
LEFT_OUT = re.compile(r"/logout/|/delete/|export|print|\.(csv|json|ics|fit|zwo)$")
KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/)")


def findings(page: Any, name: str, within: str = "html") -> list[str]:
    """Return a line for each rule of axe that something on the page, or within an element, breaks in a serious way."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate(RUN, within)["violations"]
    return [_line(name, found) for found in violations if found["impact"] in HELD]


def _line(name: str, found: dict[str, Any]) -> str:
    nodes = found["nodes"]
    where = ", ".join(str(node["target"][-1]) for node in nodes[:MOST_NAMED])
    why = "; ".join(check["message"] for check in nodes[0]["any"] + nodes[0]["all"] + nodes[0]["none"])
    return f"{name}: {found['impact']} {found['id']}, {len(nodes)} times, at {where}: {why}"


def kind_of(url: str) -> str:
    """Return an address without what tells one page of a kind from the next: keys and the query."""
    return KEY.sub("…", urlsplit(url).path)


def walk(page: Any, start: str) -> Iterator[str]:
    """Go to one page of each kind below /admin/ that can be reached from `start` by links; yields each one's kind."""
    waiting, seen = [start], set[str]()
    while waiting:
        url = waiting.pop(0)
        kind = kind_of(url)
        if kind in seen:
            continue
        seen.add(kind)
        answer = go(page, url)
        if answer is None or "html" not in answer.headers.get("content-type", ""):
            continue
        yield kind
        links = page.eval_on_selector_all("a[href]", "links => links.map((link) => link.getAttribute('href'))")
        absolute = (urljoin(page.url, link).partition("#")[0] for link in links)
        ours = (link for link in absolute if link.startswith(urljoin(start, "/admin/")))
        waiting += [link for link in ours if not LEFT_OUT.search(urlsplit(link).path)]


def log_in(page: Any, server: str, role: str) -> None:
    page.goto(f"{server}/admin/login/")
    page.fill("input[name=username]", f"{role}@demo.mesocycle.example")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/login/" not in url)


def faults_of_server(
    browser: Any, server: str, role: str, size: tuple[int, int], theme: str, language: str = "en"
) -> Iterator[str]:
    """Walk as a role at a size in a theme, in the browser's language; yields what is wrong."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale=language)
    page = context.new_page()
    page.set_default_timeout(MOST_WAITED_MS)
    for open_to_all in OPEN:
        page.goto(server + open_to_all)
        yield from findings(page, open_to_all)
    log_in(page, server, role)
    pages = 0
    for kind in walk(page, f"{server}/admin/"):
        pages += 1
        yield from findings(page, kind)
        if wider := overflow(page):
            yield f"{kind}: {wider} px wider than the window"
        yield from (f"{kind}: {table}" for table in too_wide(page))
    context.close()
    sys.stdout.write(f"{role}, {size[0]}×{size[1]}, {theme}: {pages} kinds of pages\n")


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server")
    parser.add_argument("--role", choices=ROLES, action="append", help="default: all")
    parser.add_argument("--width", type=int, choices=[size[0] for size in SIZES], help="default: all")
    parser.add_argument("--language", default="en", help="of the browser; who has chosen another sees that")
    chosen = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a walk takes minutes
    sizes = [size for size in SIZES if chosen.width in (None, size[0])]
    found, server = 0, chosen.server.rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for role in chosen.role or ROLES:
            for size in sizes:
                for theme in THEMES:
                    for line in faults_of_server(browser, server, role, size, theme, chosen.language):
                        found += 1
                        sys.stdout.write(f"  {line}\n")
    sys.stdout.write(f"{found} found\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
