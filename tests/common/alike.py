"""What a page says in two languages, node by node: what reads the same in both is named by each test."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

from django.test import Client

SILENT: Final = frozenset({"script", "style", "code", "kbd", "textarea", "pre", "path", "head"})
VOID: Final = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
LABELS: Final = frozenset({"aria-label", "title", "placeholder", "data-l", "alt"})
SAME: Final = re.compile(
    r"(?:[\d\s.,:;%()·×/≤≥<>=+−–…\"'-]|\b(?:UTC|CSV|JSON|GPU|API|ICC|SHA|MiB|GiB|ms|min|pp|TSS|VDOT|[A-Za-z]|W\d+)\b)+"
)
"""Figures with units that are written alike."""


class _Texts(HTMLParser):
    """Collects what a person reads: texts outside code and icons, and labels."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.open: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_silent = tag in SILENT or "material-symbols-outlined" in (given.get("class") or "")
        if not any(self.open):
            self.found |= {text.strip() for name, text in attrs if name in LABELS and text and text.strip()}
        if tag not in VOID:
            self.open.append(is_silent)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not any(self.open):
            self.found.add(" ".join(data.split()))


def texts(html: str) -> set[str]:
    """Return what stands in the page's own part, without the frame around it."""
    reader = _Texts()
    reader.feed(html[html.find('<div class="ro">') :] if '<div class="ro">' in html else html)
    return reader.found


def alike(client: Client, addresses: Iterable[str], same: str) -> dict[str, list[str]]:
    """Return, by address, what is the same in English and German, but for figures and what matches `same`."""
    allowed, found = re.compile(same), {}
    for address in addresses:
        pages = {}
        for language in ("en-gb", "de"):
            answer = client.get(address, HTTP_ACCEPT_LANGUAGE=language, follow=True)
            assert answer.status_code == 200, address
            pages[language] = texts(answer.content.decode())
        both = pages["en-gb"] & pages["de"]
        found[address] = sorted(one for one in both if not SAME.fullmatch(one) and not allowed.fullmatch(one))
    return {address: left for address, left in found.items() if left}
