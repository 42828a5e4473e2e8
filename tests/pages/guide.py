"""The pictures of the coach guide, taken on the pages themselves: `make screenshots`.

Makes the demo's data in a folder of its own, or copies what `--data` names, serves it, and walks through a coach's day.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.pages.accessible import log_in
from tests.pages.reviewing import PENDING, chip, edited, movable, of_plan, open_review, pending_ids, token_of
from tests.pages.settling import go
from tests.support.browsers import CHROMIUM, FLAGS
from tests.support.databases import ROOT
from tests.support.processes import Server, start_server, stop

GUIDE = ROOT / "docs" / "img" / "guide"
WIDE, PHONE = (1280, 800), (390, 844)
COLOURS = 256
ATHLETES = ("athlete", "athlete2")
COMMENTS = (
    ("The Achilles tendon is sore after hills; keep repetitions flat.", "coach"),
    ("Tell me on Friday how the legs feel.", "shared"),
)
WISH = "I travel from Thursday to Sunday. Could the long run be on Wednesday?"
OVERRIDES = """
from datetime import timedelta
from pathlib import Path
from django.conf import settings
from accounts.models import User
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from telemetry.tokens import person_token
from tests.support.overriding import World, write_store
with unit_of_work(COMMAND_LINE, read_only=True):
    coach = User.objects.get(email="coach@demo.mesocycle.example")
    token = person_token(coach.pk)
often = lambda number, kind, day: 0.0 if number > 3 else 0.8 if (kind, day) == ("long", 5) else 0.1
write_store(Path(settings.FEATURE_STORE_URL), World(
    coaches=6, athletes=5, seed=3, begin=clock.now() - timedelta(days=300), chance=often,
    coach_token=lambda number: token if number == 0 else f"v1:c{number:05}",
))
"""
"""Made-up overrides of six coaches, the demo's one of them: what the report on the model and the coach is made of."""


class Guide:
    """A coach's day, from picture to picture; each method leaves the page where the next one begins."""

    def __init__(self, browser: Any, server: Server, folder: Path) -> None:
        self.browser, self.server, self.folder = browser, server, folder
        self.page = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, locale="en-GB").new_page()
        self.plan = ""

    def take(self, name: str, size: tuple[int, int] = WIDE) -> None:
        """Take a picture, in few colours."""
        from PIL import Image

        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.wait_for_timeout(300)
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
        few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(self.folder / f"{name}.png", optimize=True)
        self.page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})

    def go(self, path: str) -> None:
        go(self.page, self.server.url + path)

    def day(self) -> None:
        for part in (self.list, self.athlete, self.plan_as_proposed, self.edits, self.guards, self.comments):
            part()
        for part in (self.submission, self.athletes_answer, self.afterwards):
            part()

    def list(self) -> None:
        log_in(self.page, self.server.url, "coach")
        self.go(PENDING)
        self.take("pending")
        self.take("pending-phone", PHONE)
        self.plan = pending_ids(self.page)[0]

    def athlete(self) -> None:
        self.page.click("a:has-text('Runner 01')")
        self.page.click(".rv-header .mc-title a")
        self.page.wait_for_selector("#mc-perf")
        self.take("athlete")

    def plan_as_proposed(self) -> None:
        open_review(self.page, self.plan)
        self.take("proposed")

    def edits(self) -> None:
        page = self.page
        first, second, *_ = movable(page, 4, "easy")
        chip(page, first).click()
        page.get_by_label("Duration, min").fill("40")
        page.get_by_label("Reason for the change").select_option("athlete_preference")
        page.get_by_label("In your words").fill("Little time this week")
        page.wait_for_selector(".rv-preview b")
        self.take("session")
        edited(page, lambda: page.keyboard.press("Control+Enter"))
        chip(page, second).focus()
        page.keyboard.press("m")
        page.keyboard.press("ArrowRight")
        self.take("moving")
        edited(page, lambda: page.keyboard.press("Enter"))
        self.take("edited")
        self.take("edited-phone", PHONE)

    def guards(self) -> None:
        """Lengthen a long run beyond what the guards allow, and be asked why."""
        page = self.page
        long = str(page.locator(".rv-chip.mc-long[draggable=true]").nth(2).get_attribute("data-item"))
        chip(page, long).click()
        page.get_by_label("Duration, min").fill("220")
        edited(page, lambda: page.keyboard.press("Control+Enter"))
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".rv-guarded:not([hidden])")
        self.take("guards")
        page.keyboard.press("Escape")
        edited(page, lambda: page.keyboard.press("u"))

    def comments(self) -> None:
        page = self.page
        for text, who in COMMENTS:
            form = page.locator("#rv-comments .rv-write").last
            form.locator("textarea").fill(text)
            form.locator("select").select_option(who)
            form.get_by_role("button", name="Comment").click()
            page.get_by_text(text).wait_for()
        page.locator("#rv-comments").scroll_into_view_if_needed()
        self.take("comments")

    def submission(self) -> None:
        page = self.page
        page.keyboard.press("Control+Enter")
        page.get_by_label("Comment for the athlete").fill("A shorter week now, as we said; the long run stays.")
        if page.locator(".rv-guarded:not([hidden])").count():
            page.locator(".rv-guarded select").select_option("athlete_preference")
        self.take("submit")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".rv-good")
        self.take("submitted")
        page.goto(page.url.replace("/change/", "/compare/"))
        self.take("compare")

    def athletes_answer(self) -> None:
        """The athlete asks for changes, and the plan is back on the list."""
        context = self.browser.new_context()
        read = of_plan(self.page, self.plan)["head_version"]
        answer = {"decision": "request_changes", "comment": WISH}
        for name in ATHLETES:
            headers = token_of(self.server, context, f"{name}@demo.mesocycle.example")
            said = {**answer, "version_id": read["id"], "content_sha256": read["content_sha256"]}
            context.request.post(f"{self.server.url}/api/v1/plans/{self.plan}/approve", headers=headers, data=said)
        context.close()
        assert of_plan(self.page, self.plan)["status"] == "needs_revision"
        open_review(self.page, self.plan)
        self.take("asked")
        self.page.click("#rv-regenerate")
        self.page.wait_for_selector(".rv-notice")
        self.take("again")

    def afterwards(self) -> None:
        self.server.manage("shell", "-c", OVERRIDES)
        for name, path in (("model-and-you", "/admin/coach-report/"), ("report", "/admin/rollout/report/add/")):
            self.go(path)
            self.take(name)


def data_of(folder: Path, source: Path | None) -> dict[str, str]:
    """Put the demo's data into a folder; returns the environment in which commands find it."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.local", "MESOCYCLE_VAR": str(folder)}
    if source is None:
        Server("", env).manage("demo", "--no-serve")
    else:
        shutil.copytree(source, folder, dirs_exist_ok=True)
    return env


def main() -> int:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder that `make demo` made; it is copied")
    chosen = parser.parse_args()
    GUIDE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, sync_playwright() as playwright:
        server, processes = start_server(data_of(Path(name), chosen.data), Path(name) / "server.log")
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            Guide(browser, server, GUIDE).day()
        finally:
            stop(processes)
    sys.stdout.write(f"{len(list(GUIDE.glob('*.png')))} pictures in {GUIDE.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
