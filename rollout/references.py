"""Where the code mentions a flag: its key, and the constants that hold it."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KINDS: Final = frozenset({".py", ".html", ".txt", ".js"})
LEFT_OUT: Final = frozenset({"node_modules", "var", "venv", "migrations", "__pycache__", "site-packages"})
LONGEST_FILE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Reference:
    """One line that mentions a flag; `path` is relative to the root, `line` counts from 1."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"

    @property
    def in_tests(self) -> bool:
        return self.path.split("/")[0] == "tests"


def references(root: Path, key: str) -> list[Reference]:
    """Return the lines of Python, templates and scripts below a folder that mention a flag.

    A line counts where it holds the key as a whole word, or, in Python, a module's constant that was assigned the key
    anywhere below the folder. Hidden folders, migrations and installed packages are left out.
    """
    texts = dict(_texts(root))
    holds = {path: text for path, text in texts.items() if key in text}
    ours = {path: text for path, text in holds.items() if path.endswith(".py") and not path.startswith("tests/")}
    names = {name for text in ours.values() for name in constants(text, key)}
    found = []
    for path, text in texts.items():
        pattern = _pattern(key, names if path.endswith(".py") else ())
        if path in holds or names:
            found += [
                Reference(path, number, line.strip())
                for number, line in enumerate(text.splitlines(), 1)
                if pattern.search(line)
            ]
    return sorted(found, key=lambda one: (one.in_tests, one.path, one.line))


def constants(source: str, key: str) -> set[str]:
    """Return the names that a module assigns exactly this text; none where it cannot be parsed."""
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    names: set[str] = set()
    for node in module.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if isinstance(node.value, ast.Constant) and node.value.value == key:
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


def _pattern(key: str, names: Collection[str]) -> re.Pattern[str]:
    parts = [rf"(?<![\w.-]){re.escape(key)}(?![\w-])", *(rf"\b{re.escape(name)}\b" for name in sorted(names))]
    return re.compile("|".join(parts))


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    for folder, inner, files in os.walk(root):
        inner[:] = sorted(name for name in inner if name not in LEFT_OUT and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder, name)
            if path.suffix in KINDS and path.stat().st_size <= LONGEST_FILE:
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8", errors="replace")
