"""Showing an English text in the language at hand."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.formats import date_format, get_format, number_format
from django.utils.translation import get_language, gettext, pgettext, to_locale

from common.translating.sentences import Sentences, filled

_WORD: Final = re.compile(r"\b(?:[a-z]{3,}|pp|of|to|in)\b")
_LONG: Final = re.compile(r"\b(?!min\b)[a-z]{3,}\b")
_COUNTS: Final = re.compile(r"[\s\da-z.,()]+")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE: Final = re.compile(rf"(?<![\w.-])(\d{{1,2}}) ({'|'.join(MONTHS)})(?: (\d{{4}}))?(?!\w)")
_NUMBER: Final = re.compile(r"(?<![\w.,])(?<!\d-)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|[.,]\d)")
KEYS: Final = frozenset({"variant", "variants", "control", "treatment", "arm", "arms", "key"})
"""Places that hold what people called something by a key: it is the same in every language."""
OURS: Final = frozenset({"metric", "primary", "possibilities", "reasons", "weekday"})
"""Places that hold our own words however they begin."""
_UNITS: Final = frozenset(
    {"pp", "ms", "s", "min", "h", "d", "p", "e", "n", "x", "UTC", "KiB", "MiB", "GiB", "to", "of", "in", "W", *MONTHS}
)
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_MARKS: Final = tuple(map(re.compile, (r"( · )", r"((?<=[.:]) (?=[A-Z]))", r"(: )", r"(; )", r"(, )")))
_LIST: Final = re.compile(r"(, | and )")


def shown(text: str) -> str:
    """Return a finished English text in the language at hand; as it is where no translation fits.

    For what was written in English for somebody else to show: problems, stored plans, guards, names of models.
    """
    language = get_language()
    if not text or language is None or language == settings.LANGUAGE_CODE:
        return text
    exact = gettext(text)
    if exact != text:
        return exact
    found = sentences_of(language).recognise(text)
    if found is None:
        return text
    return filled(gettext(found[0]), {name: _placed(name, value) for name, value in found[1].items()})


def said(text: str) -> str:
    """Return what a page says of itself, in the language at hand: a sentence, several, or figures with their units.

    Where the whole is not known, its parts are shown: what stands between middle dots, then sentences, then what
    stands before and behind a colon, then members of a list. Not for what a person wrote.
    """
    found = shown(text)
    if found != text or get_language() in (None, settings.LANGUAGE_CODE):
        return found
    bare = text.removesuffix(".")
    if bare != text and (found := shown(bare)) != bare:
        return found + "."
    if bare == text and (found := shown(text + ".")) != text + ".":
        return found.removesuffix(".")
    for mark in _MARKS:
        parts = mark.split(text)
        if len(parts) > 1:
            return "".join(part if mark.fullmatch(part) else said(part) for part in parts)
    return counts(text)


def counts(text: str) -> str:
    """Return figures (`−1,234.5 ms`, `5 Jan 14:00`) and counts (`3 days`) as the language at hand writes them.

    Texts with other words stay as they are.
    """
    if not any(map(str.isdigit, text)):
        return text
    if _UNITS.issuperset(_LETTERS.findall(text)):
        text = _DATE.sub(_dated, text)
    elif not _COUNTS.fullmatch(text) or any(gettext(word) == word for word in _LONG.findall(text)):
        return text
    return _NUMBER.sub(_numbered, _WORD.sub(lambda match: gettext(match[0]), text))


def _dated(match: re.Match[str]) -> str:
    year = match[3] or "2000"  # of which every month has each of its days
    try:
        at = date(int(year), MONTHS.index(match[2]) + 1, int(match[1]))
    except ValueError:
        return match[0]
    return day(at, "j M Y" if match[3] else "j M")


def _numbered(match: re.Match[str]) -> str:
    whole, _, rest = match[0].partition(".")
    whole = whole.replace(",", str(get_format("THOUSAND_SEPARATOR")))
    return whole + (str(get_format("DECIMAL_SEPARATOR")) + rest if rest else "")


def number(value: float, digits: int | None = None) -> str:
    """Return a number as the language at hand writes it: 6.2, or 6,2; without `digits`, no trailing zeros."""
    return str(number_format(f"{value:g}" if digits is None else round(value, digits), decimal_pos=digits))


def day(value: date, form: str) -> str:
    """Return a day; `form` is an English format of Django's, such as `D j M`, that each language has its own of."""
    return str(date_format(value, gettext(form)))


def _placed(name: str, value: str) -> str:
    """Return what stands in a place, by its name: a key stays, our own words are shown however they begin.

    A word that means something else in this place has the place's name as its context.
    """
    if name in KEYS:
        return value
    own = pgettext(name, value)
    if own != value:
        return own
    if name in OURS:
        first = _value(value[:1].lower() + value[1:])
        return said(value) if first == value[:1].lower() + value[1:] else first[:1].upper() + first[1:]
    return _value(value)


def _value(value: str) -> str:
    """Return what stands in a place: our own words, which begin small, and counts ("2 added, 1.5 h more").

    Names and titles are nobody's to translate.
    """
    bare = value.replace("_", " ")
    if value[:1].islower() or value[:1].isdigit():
        found = shown(bare)
        if found != bare:
            return found
        parts = _LIST.split(bare)
        members = [shown(part) for part in parts[::2]]
        if len(parts) > 1 and all(new != old for new, old in zip(members, parts[::2], strict=True)):
            links = [f" {gettext('and')} " if link == " and " else link for link in parts[1::2]]
            return "".join(member + link for member, link in zip(members, [*links, ""], strict=True))
    return counts(value)


@cache
def sentences_of(language: str) -> Sentences:
    """Return the sentences with places that a language has."""
    path = Path(settings.LOCALE_PATHS[0], to_locale(language), "LC_MESSAGES", "django.mo")
    if not path.exists():
        return Sentences(())
    with path.open("rb") as file:
        catalog = GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # the one list of what is in it
    return Sentences(key for key in catalog if isinstance(key, str))
