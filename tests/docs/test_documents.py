"""What pages name exists: links, anchors, commands, variables, pages of the sidebar."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from common.management.commands.setup_database import ROLES
from config.navigation import _PAGES
from tests.docs.commands import faults_of, named_commands, our_commands
from tests.support.databases import ROOT
from tests.test_repository import tracked

pytestmark = pytest.mark.pure

README = (ROOT / "README.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def section(title: str) -> str:
    """Return a section of the README."""
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE):
        bare = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", bare.lower()).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


def test_links_and_anchors_resolve():
    broken = []
    for page in tracked("*.md"):
        for target in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
            if "://" in target or target.startswith("mailto:"):
                continue
            path, _, anchor = target.partition("#")
            place = (page.parent / path).resolve() if path else page
            if not place.exists() or (anchor and anchor not in anchors(place)):
                broken.append((str(page.relative_to(ROOT)), target))
    assert broken == []


def test_every_page_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(index.read_text())}
    pages = [page for page in tracked("docs/*.md") if not {"decisions", "reports"} & set(page.parts) and page != index]
    assert [str(page.relative_to(ROOT)) for page in pages if page not in listed] == []


def test_commands_in_pages_exist():
    named = [(page, words) for page in tracked("*.md") for words in named_commands(page.read_text(encoding="utf-8"))]
    assert len(named) > 100
    wrong = [
        f"{page.relative_to(ROOT)}: {' '.join(words)}: {fault}" for page, words in named for fault in faults_of(words)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("`manage.py rolout list`", ["no command rolout"]),
        ("`rollout list --json`", []),
        ("`rollout advance FLAG --force`", ["rollout: no option --force"]),
        ("`manage.py alerts list|chek`", ["no verb alerts chek"]),
        ("```\nX=1 python manage.py audit verify --archiv && ls --all\n```", ["audit: no option --archiv"]),
        ("the rollout list is long", []),
    ],
)
def test_a_wrong_command_is_found(text, faults):
    assert [fault for words in named_commands(text) for fault in faults_of(words)] == faults


def test_commands_table_is_complete():
    rows = re.findall(r"^\| (.+?) \|", section("Commands"), re.MULTILINE)
    listed = {name for row in rows for text in re.findall(r"`([^`]+)`", row) for name in [text.split()[0]]}
    assert our_commands() - {"waffle_flag"} - listed == set(), "waffle_flag stands for waffle's own, which is refused"


def test_configuration_table_is_complete():
    read = set(ROLES.values()) | {"MESOCYCLE_DATA", "DJANGO_SETTINGS_MODULE"}
    for path in tracked(*(f"{folder}/*.py" for folder in ("config", "common", "audit", "telemetry", "accounts"))):
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r'\benv\.\w+\(\s*"([A-Z][A-Z0-9_]+)"', text))
        read |= set(re.findall(r"""\b(?:os\.environ\.(?:get|setdefault)|_number)\(\s*["']([A-Z][A-Z0-9_]+)""", text))
    read |= set(re.findall(r"\$\{([A-Z][A-Z0-9_]+)", (ROOT / "Procfile").read_text(encoding="utf-8")))
    rows = re.findall(r"^\| (.+?) \|", section("Configuration"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", row)}
    assert told == {name for name in read if not name.startswith("TEST_")}


def test_pages_of_the_sidebar_are_called_by_their_names():
    known = {(group, title) for group, title, *_ in _PAGES} | {("You", "Your reports"), ("You", "Notifications")}
    wrong = []
    for page in tracked("README.md", "docs/*.md"):
        for group, title in re.findall(r"\*([A-Z]\w+) → ([\w ]+?)\*", page.read_text(encoding="utf-8")):
            if (group, title) not in known:
                wrong.append((page.name, group, title))
    assert wrong == []
