"""The texts of the pages' scripts: `t("…")`, t`…${…}…` and `plural(n, "…")`, read without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, Final

_SCRIPT_CALL: Final = re.compile(r"""\b(?:t|gettext)\(\s*("(?:\\.|[^"\\])*")""")
_SCRIPT_PLURAL: Final = re.compile(r"""\bplural\([^"`]*?,\s*("(?:\\.|[^"\\])*")(?:,\s*("(?:\\.|[^"\\])*"))?\)""")


def script_texts(source: str) -> Iterator[Any]:
    """Yield the texts of a script: `t("…")`, t`…${…}…` with its places as {0}, {1}, …, and `plural(n, "…")`."""
    for match in _SCRIPT_CALL.finditer(source):
        yield _unquoted(match[1])
    for match in re.finditer(r"\bt`", source):
        yield tagged_text(source, match.end())
    for match in _SCRIPT_PLURAL.finditer(source):
        one = _unquoted(match[1])
        yield "{0} " + one, "{0} " + (_unquoted(match[2]) if match[2] else f"{one}s")


def tagged_text(source: str, start: int) -> str:
    """Return a tagged template's text from behind its first backtick, places numbered."""
    out, place, at = [], 0, start
    while source[at] != "`":
        if source.startswith("${", at):
            out.append("{" + str(place) + "}")
            place, at = place + 1, _end_of_place(source, at + 2)
        else:
            at += source[at] == "\\"
            out.append(source[at])
            at += 1
    return "".join(out)


def _end_of_place(source: str, at: int) -> int:
    """Return where a `${…}` is over, texts and templates inside it included."""
    depth = 1
    while depth:
        if source[at] == "`":
            at = _end_of_template(source, at + 1)
            continue
        if source[at] in "\"'":
            at = source.index(source[at], at + 1) + 1
            continue
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        at += 1
    return at


def _end_of_template(source: str, at: int) -> int:
    while source[at] != "`":
        at = _end_of_place(source, at + 2) if source.startswith("${", at) else at + 1
    return at + 1


def _unquoted(text: str) -> str:
    return str(ast.literal_eval(text))
