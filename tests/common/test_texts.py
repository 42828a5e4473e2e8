"""Texts in other languages: complete, with the same places, compiled; English ones are recognised when shown."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from typing import Final

import pytest
from babel.messages.mofile import write_mo
from django.conf import settings
from django.test import override_settings
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from common.management.commands.texts import DOMAINS, read_catalog, translated
from common.translating.collect import sentences_in
from common.translating.scripts import script_texts
from common.translating.sentences import PLACEHOLDER, Sentences, filled
from common.translating.showing import number, shown

pytestmark = pytest.mark.once
ROOT: Final = Path(settings.BASE_DIR)
PLACES: Final = re.compile(r"%\(\w+\)s|%s|\{\w*\}")
LANGUAGES: Final = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def path_of(code: str, domain: str) -> Path:
    return Path(settings.LOCALE_PATHS[0], code, "LC_MESSAGES", f"{domain}.po")


def forms(text) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("code", LANGUAGES)
def test_every_text_is_translated_with_its_places_and_compiled(code, domain):
    known = read_catalog(path_of(code, domain), code, domain)
    source = {(message.id, message.context) for message in DOMAINS[domain](ROOT) if message.id}
    stored = {(message.id, message.context): message for message in known if message.id}
    assert source == stored.keys(), "run manage.py texts"
    wrong = [
        message.id
        for message in stored.values()
        if not translated(message)
        or any(
            set(PLACES.findall(form)) - {"{n}"} != set(PLACES.findall(" ".join(forms(message.id)))) - {"{n}"}
            for form in forms(message.string)
        )
    ]
    assert wrong == []
    made = io.BytesIO()
    write_mo(made, known)
    assert path_of(code, domain).with_suffix(".mo").read_bytes() == made.getvalue(), "run manage.py texts --compile"


def test_templates_hold_no_text_that_is_not_marked():
    assert {path: count for path in ROOT.rglob("templates/**/*.html") if (count := _bare_texts(path))} == {}


def test_names_of_icons_are_not_translated():
    icon = re.compile(r'class="[^"]*material-symbols-outlined[^>]*>((?:(?!</).)*)</', re.S)
    found = [icon.findall(path.read_text()) for path in ROOT.rglob("templates/**/*.html") if ".venv" not in path.parts]
    icons = [name for names in found for name in names]
    assert len(icons) > 20
    assert [name for name in icons if "trans" in name] == []


def _bare_texts(path: Path) -> int:
    """Return how many text nodes and labels of a template hold words outside a translation."""
    if ".venv" in path.parts or "rest_framework" in path.parts:
        return 0
    source = re.sub(
        r"{%\s*blocktrans.*?endblocktrans\w*\s*%}|{#.*?#}|{%.*?%}|{{.*?}}", "\0", path.read_text(), flags=re.S
    )
    source = re.sub(r"<(script|style|kbd|code)\b.*?</\1>|<!--.*?-->", "", source, flags=re.S)
    source = re.sub(r'(class="material-symbols-outlined[^>]*>)[\w\0]+', r"\1", source)
    labels = re.findall(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"', source)
    nodes = re.split(r"<[^<>]*>|\0", source)
    texts = [re.sub(r"&\w+;", "", text) for text in (*nodes, *(part for label in labels for part in label.split("\0")))]
    return sum(bool(re.search(r"[A-Za-z]{2,}", text)) and text.strip(" ·\n") not in ALIKE for text in texts)


ALIKE: Final = {
    "Mesocycle",
    "rv-page",
    "km",
    "min",
    "h",
    "CSV",
    "SHA-256",
    "UTC",
    "manage.py",
    "HTTP",
    "JSON",
    "Esc",
    "Enter",
}


# ---- recognising

GERMAN_SENTENCES: Final = Sentences(
    message.id
    for message in read_catalog(path_of("de", "django"), "de", "django")
    if isinstance(message.id, str) and PLACEHOLDER.search(message.id)
)


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("This session is still to come.", "Diese Einheit steht noch bevor."),
        ("5 plans a day are the limit for one athlete.", "5 Pläne pro Tag sind die Grenze für einen Athleten."),
        (
            "growth (week <= 110 % of the last week that was not a recovery week; part weeks by their days; not after "
            "the race) is missed by 12 TSS, week 3",
            "Steigerung (Woche <= 110 % der letzten Woche, die keine Erholungswoche war; Teilwochen nach Tagen; nicht "
            "nach dem Wettkampf) ist um 12 TSS verfehlt, Woche 3",
        ),
        (
            "Sessions: 2 added, 1 replaced (1 moved); 1.5 h more in all.",
            "Einheiten: 2 hinzugefügt, 1 ersetzt (1 verschoben); insgesamt 1,5 h mehr.",
        ),
        ("I wrote this: mind the knee.", "I wrote this: mind the knee."),
        ("", ""),
    ],
)  # fmt: skip
def test_what_was_said_in_english_is_shown_in_german(text, german):
    with override("de"):
        found = shown(text)
    assert found == german
    with override("en-gb"):
        assert shown(text) == text


@given(st.data())
def test_a_filled_sentence_is_recognised_as_one_that_gives_it_back(data):
    sentence = data.draw(st.sampled_from([one for one, _parts, _pattern in GERMAN_SENTENCES._patterns]))
    values = {
        name: data.draw(st.sampled_from(["12", "2026-05-03", "Ann Quxworth", "x"]))
        for name in PLACEHOLDER.findall(sentence)
    }
    text = filled(sentence, values)
    found = GERMAN_SENTENCES.recognise(text)
    assert found is not None
    assert filled(*found) == text


def test_texts_of_scripts_are_found_with_their_places():
    source = 'h(t("Close"), t`from ${a} to ${b ? `${c}` : "}"}`, plural(n, "edit"), plural(f(n), "entry", "entries"))'
    assert list(script_texts(source)) == [
        "Close", "from {0} to {1}", ("{0} edit", "{0} edits"), ("{0} entry", "{0} entries"),
    ]  # fmt: skip


MODULE: Final = '''
"""A docstring of words."""
x = f"Plan of {who.name} is {a + b}."
y = "one two"
raise ValueError("not said")
'''


def test_sentences_of_a_module_leave_out_what_nobody_is_told():
    assert set(sentences_in(ast.parse(MODULE))) == {"Plan of {name} is {value}.", "one two"}


def test_numbers_are_written_as_the_language_does():
    with override("de"):
        assert (number(6.2), number(10.0), number(1234.5)) == ("6,2", "10", "1234,5")
    with override("en-gb"), override_settings(USE_THOUSAND_SEPARATOR=False):
        assert number(6.2) == "6.2"
