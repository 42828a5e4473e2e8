"""Why the engine did something, in the language at hand: it is kept in English with numbers in it.

Reasons that people wrote are shown as they were written: of a step, the actor tells which it is.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, gettext_noop

from common.translating.figures import spelt
from common.translating.showing import shown

SERVICE: Final = "service:"
_NUMBER: Final = r"[-+\d.e]+(?<!\.)"
_SEEN: Final = rf"(?P<seen>{_NUMBER}), limit (?P<limit>{_NUMBER})"
_EVIDENCE: Final = rf"evidence (?P<found>{_NUMBER}) of (?P<wanted>{_NUMBER})"
_SHAPES: Final = tuple(
    (re.compile(pattern), message)
    for pattern, message in (
        (r"(?P<n>\d+) of (?P<least>\d+)", gettext_noop("%(n)s of %(least)s")),
        (r"(?P<n>\d+) of (?P<least>\d+) in the new arm", gettext_noop("%(n)s of %(least)s in the new arm")),
        (r"(?P<n>\d+) of (?P<least>\d+) in the control", gettext_noop("%(n)s of %(least)s in the control")),
        (r"(?P<n>\d+) in a row of (?P<least>\d+)", gettext_noop("%(n)s in a row of %(least)s")),
        (r"(?P<n>\d+) (?P<metric>[a-z_]+)", gettext_noop("%(n)s × %(metric)s")),
        (_EVIDENCE, gettext_noop("evidence %(found)s of %(wanted)s")),
        (
            rf"worse than the control: {_EVIDENCE}",
            gettext_noop("worse than the control: evidence %(found)s of %(wanted)s"),
        ),
        (
            rf"sample ratio mismatch: {_EVIDENCE}",
            gettext_noop("sample ratio mismatch: evidence %(found)s of %(wanted)s"),
        ),
        (_SEEN, gettext_noop("%(seen)s, limit %(limit)s")),
        (rf"{_SEEN}, n = (?P<n>\d+)", gettext_noop("%(seen)s, limit %(limit)s, n = %(n)s")),
        (
            rf"{_SEEN}: beyond it for (?P<lasted>[\w:, ]+) of (?P<whole>[\w:, ]+)",
            gettext_noop("%(seen)s, limit %(limit)s: beyond it for %(lasted)s of %(whole)s"),
        ),
        (
            rf"{_SEEN}: chance explains it \((?P<chance>{_NUMBER})\)",
            gettext_noop("%(seen)s, limit %(limit)s: chance explains it (%(chance)s)"),
        ),
        (r"until (?P<at>[\d: -]+) UTC", gettext_noop("until %(at)s UTC")),
        (r"no report since (?P<at>[\d: -]+) UTC", gettext_noop("no report since %(at)s UTC")),
        (
            r"no answer of the new arm since (?P<at>[\d: -]+) UTC",
            gettext_noop("no answer of the new arm since %(at)s UTC"),
        ),
        (
            r"(?P<n>\d+) of (?P<whole>\d+) processes have the flag at zero",
            gettext_noop("%(n)s of %(whole)s processes have the flag at zero"),
        ),
        (r"(?P<flag>[\w.-]+) was killed by hand", gettext_noop("%(flag)s was killed by hand")),
        (r"(?P<flag>[\w.-]+) was killed at (?P<stage>.+)", gettext_noop("%(flag)s was killed at %(stage)s")),
        (r"(?P<flag>[\w.-]+) was rolled back at (?P<stage>.+)", gettext_noop("%(flag)s was rolled back at %(stage)s")),
    )
)
_GATE: Final = re.compile(r"^(?P<gate>[\w-]+): (?P<outcome>pass|fail|inconclusive|no data)(?: \((?P<why>.*)\))?")


class Recorded(Protocol):
    """What tells who did it and why."""

    actor: str
    why: str


def why_of(step: Recorded) -> str:
    """Return why a step was taken: the engine's reason translated, a person's as it was written."""
    return told(step.why) if step.actor.startswith(SERVICE) else step.why


def step_name(command: str) -> str:
    """Return what was done, within a sentence: "step back"."""
    return shown(command.replace("_", " "))


def service_name(actor: str) -> str:
    """Return the name of a service that acted, as logs have it."""
    return actor.removeprefix(SERVICE)


def told(text: str) -> str:
    """Return what the engine said in the language at hand; what it did not say stays as it is."""
    if get_language() in (None, settings.LANGUAGE_CODE):
        return spelt(text)
    whole = _sentence(text)
    return whole if whole != text else "; ".join(_of_gate(part) for part in text.split("; "))


def _of_gate(text: str) -> str:
    match = _GATE.fullmatch(text)
    if match is None:
        return _sentence(text)
    found = f"{match['gate']}: {shown(match['outcome'])}"
    return f"{found} ({_sentence(match['why'])})" if match["why"] else found


def _sentence(text: str) -> str:
    for pattern, message in _SHAPES:
        match = pattern.fullmatch(text)
        if match:
            return gettext(message) % {name: _value(value) for name, value in match.groupdict().items()}
    return shown(text)


def _value(value: str) -> str:
    if re.fullmatch(_NUMBER, value):
        return spelt(value) if "e" in value else str(number_format(value))
    days = re.fullmatch(r"(\d+) days?, (.+)", value)
    return f"{days[1]} d {days[2]}" if days else gettext(value)
