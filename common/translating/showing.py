"""Showing an English text in the language at hand."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, gettext, to_locale

from common.translating.sentences import Sentences, filled

_WORD: Final = re.compile(r"\b[a-z]{3,}\b")
_COUNTS: Final = re.compile(r"[\s\da-z.,()]+")
_DECIMAL: Final = re.compile(r"(?<![\d.])\d+\.\d+(?![\d.])")


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
    return filled(gettext(found[0]), {name: _value(value) for name, value in found[1].items()})


def number(value: float, digits: int | None = None) -> str:
    """Return a number as the language at hand writes it: 6.2, or 6,2; without `digits`, no trailing zeros."""
    return str(number_format(f"{value:g}" if digits is None else round(value, digits), decimal_pos=digits))


def day(value: date, form: str) -> str:
    """Return a day; `form` is an English format of Django's, such as `D j M`, that each language has its own of."""
    return str(date_format(value, gettext(form)))


def _value(value: str) -> str:
    """Return what stands in a place: our own words, which begin small, and counts ("2 added, 1.5 h more").

    Names and titles are nobody's to translate.
    """
    bare = value.replace("_", " ")
    said = shown(bare) if value[:1].islower() else bare
    if said != bare:
        return said
    if _COUNTS.fullmatch(value) and any(map(str.isdigit, value)):
        return _DECIMAL.sub(lambda match: number(float(match[0])), _WORD.sub(lambda match: gettext(match[0]), value))
    return value


@cache
def sentences_of(language: str) -> Sentences:
    """Return the sentences with places that a language has."""
    path = Path(settings.LOCALE_PATHS[0], to_locale(language), "LC_MESSAGES", "django.mo")
    if not path.exists():
        return Sentences(())
    with path.open("rb") as file:
        catalog = GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # the one list of what is in it
    return Sentences(key for key in catalog if isinstance(key, str))
