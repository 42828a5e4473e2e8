"""Read a page's shell blocks with the answers below them, run them in one shell, and compare."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "@@ step"
# What differs from run to run; what is shown stands for its kind.
_KINDS = (
    ("id", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    ("hash", re.compile(r"\b[0-9a-f]{16,64}\b")),
    ("time", re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+00:00)")),
    ("day", re.compile(r"\b\d{4}-\d\d-\d\d\b")),
)


@dataclass(frozen=True)
class Step:
    """A shell block of a page, and what the page shows below it (None: nothing)."""

    line: int
    command: str
    shown: str | None


@dataclass(frozen=True)
class Answer:
    """What a step printed: statuses in order, and its output."""

    statuses: tuple[str, ...]
    output: str
    errors: str


def steps_of(page: str) -> list[Step]:
    """Return the page's `sh` blocks, each with the `text` block that follows before the next one."""
    steps: list[Step] = []
    for match in _FENCE.finditer(page):
        kind, content = match.groups()
        if kind == "sh":
            steps.append(Step(page.count("\n", 0, match.start()) + 1, content, None))
        elif steps and steps[-1].shown is None:
            steps[-1] = Step(steps[-1].line, steps[-1].command, content)
    return steps


def run(steps: list[Step], env: dict[str, str], folder: Path) -> list[Answer]:
    """Run the blocks one after the other in one bash, in `folder`, whether or not the one before failed."""
    script = "".join(f"echo '{_MARK}'; echo '{_MARK}' >&2\n{step.command}\n" for step in steps)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env={"PATH": os.environ["PATH"], **env}, capture_output=True, timeout=120
    )
    outputs, errors = (text.decode().split(f"{_MARK}\n")[1:] for text in (done.stdout, done.stderr))
    return [
        Answer(tuple(re.findall(r"^HTTP (\d+)$", told, re.MULTILINE)), output.replace("\r\n", "\n"), told)
        for output, told in zip(outputs, errors, strict=True)
    ]


def differences(step: Step, answer: Answer) -> list[str]:
    """Return how an answer differs from what the page shows; empty where it does not."""
    lines = (step.shown or "").splitlines()
    statuses = tuple(line.removeprefix("HTTP ") for line in lines if line.startswith("HTTP "))
    body = "\n".join(line for line in lines if not line.startswith("HTTP "))
    wrong = [] if statuses == answer.statuses else [f"statuses {answer.statuses}, not {statuses}"]
    told = re.sub(r"^HTTP \d+\n", "", answer.errors, flags=re.MULTILINE).strip()
    wrong += [f"error: {told}"] if told else []
    if body.strip():
        wrong += _differing_documents(body, answer.output)
    return [f"line {step.line}: {text}\n{answer.output[:2000]}" for text in wrong]


def _differing_documents(shown: str, given: str) -> list[str]:
    """Compare the JSON documents one after the other, or the lines where it is no JSON."""
    try:
        left, right = documents(shown), documents(given)
    except json.JSONDecodeError:
        left, right = list(shown.split("\n")), list(given.strip().split("\n"))
    if len(left) != len(right):
        return [f"{len(right)} answers, not {len(left)}"]
    return [text for one, other in zip(left, right, strict=True) for text in differing(one, other)]


def documents(text: str) -> list[Any]:
    """Return the JSON documents that stand one after the other in a text."""
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def differing(shown: Any, given: Any, path: str = "") -> list[str]:
    """Return where `given` is not of the shape of `shown`.

    `…` stands for anything in a text; the member `"…"` for further members, the last item `"…"` for further items.
    Numbers are alike where both are numbers; ids, hashes, days and times stand for their kind.
    """
    if shown == "…":
        return []
    if isinstance(shown, dict) and isinstance(given, dict):
        names = set(shown) - {"…"}
        wrong = [f"{path}/{name} is not there" for name in sorted(names - set(given))]
        if "…" not in shown:
            wrong += [f"{path}/{name} is not shown" for name in sorted(set(given) - names)]
        for name in sorted(names & set(given)):
            wrong += differing(shown[name], given[name], f"{path}/{name}")
        return wrong
    if isinstance(shown, list) and isinstance(given, list):
        cut = shown[-1:] == ["…"]
        items = shown[:-1] if cut else shown
        if len(given) < len(items) or (len(given) > len(items) and not cut):
            return [f"{path} has {len(given)} items, not {len(items)}"]
        return [text for i, item in enumerate(items) for text in differing(item, given[i], f"{path}/{i}")]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (shown, given))
    if isinstance(shown, str) and isinstance(given, str):
        return [] if _pattern(shown).fullmatch(_by_kind(given)) else [f"{path} is {given!r}, not {shown!r}"]
    same = numbers or (type(shown) is type(given) and shown == given)
    return [] if same else [f"{path} is {given!r}, not {shown!r}"]


def _pattern(shown: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _by_kind(shown).split("…")), re.DOTALL)


def _by_kind(text: str) -> str:
    for name, pattern in _KINDS:
        text = pattern.sub(f"<{name}>", text)
    return text
