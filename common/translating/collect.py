"""Collecting what has to be translated: from templates, Python and scripts, into one catalogue each (gettext).

Beside what is marked (`{% translate %}`, `gettext`, t`…` in scripts) it takes, without a mark: what domain errors say,
the sentences of pure modules that end up in plans, and the names of our models and their fields.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from django import forms
from django.apps import apps
from django.contrib import admin
from django.forms.utils import pretty_name
from django.urls import get_resolver
from django.utils.functional import Promise
from django.utils.translation import override
from django.utils.translation.template import templatize

from common.errors import PROBLEM_TYPES, DomainError
from common.problem import FRAMEWORK_PROBLEMS
from common.translating.scripts import script_texts
from common.translating.sentences import LEAST_LETTERS, PLACEHOLDER
from common.translating.words import WORDS

APPS: Final = ("common", "audit", "telemetry", "accounts", "modeling", "rollout", "experiments", "plans", "config")
SAYING: Final = (
    "modeling/core/guards.py",
    "modeling/core/report.py",
    "modeling/history/parse.py",
    "modeling/history/rows.py",
    "modeling/history/table.py",
    "modeling/history/checks.py",
    "modeling/history/dates.py",
    "modeling/history/limits.py",
    "modeling/history/contract.py",
    "modeling/pages/",
    "modeling/presentation.py",
    "modeling/services/training_runs.py",
    "modeling/training/gate.py",
    "modeling/training/pipeline.py",
    "plans/pipelines/",
    "plans/racing.py",
    "plans/document/patch.py",
    "plans/document/summary.py",
    "plans/document/adjustments.py",
    "plans/export/errors.py",
    "plans/presentation.py",
    "plans/variants.py",
    "plans/generation.py",
    "plans/heuristics.py",
    "plans/services/retrain.py",
    "plans/admin/",
    "plans/evidence/",
    "modeling/core/efforts.py",
    "modeling/tagging/tags.py",
    "accounts/admin/",
    "rollout/dashboard/",
    "rollout/pages/",
    "config/navigation.py",
    "experiments/analysis/conclusion.py",
    "experiments/analysis/estimation.py",
    "experiments/analysis/guardrail.py",
    "experiments/analysis/lift.py",
    "experiments/configuration.py",
    "experiments/fields.py",
    "experiments/pages/",
    "experiments/preview/allocation.py",
    "experiments/preview/readiness.py",
    "experiments/preview/sensitivity.py",
    "experiments/protocol.py",
    "experiments/report/balance.py",
    "experiments/report/compare.py",
    "experiments/report/drawing.py",
    "experiments/report/headline.py",
    "experiments/report/words.py",
    "telemetry/admin.py",
    "telemetry/dashboards/asked.py",
    "telemetry/dashboards/numbers.py",
    "telemetry/pages/",
    "telemetry/services/alerts.py",
)
"""Modules whose sentences end up in what is stored and shown; a folder stands for all modules in it."""
TOLD: Final = (
    "common/",
    "accounts/",
    "modeling/",
    "plans/",
    "config/",
    "experiments/",
    "telemetry/",
    "audit/admin.py",
    "audit/pages.py",
    "audit/policies.py",
    "rollout/admin/",
    "rollout/api/",
    "rollout/pages/",
    "rollout/permissions.py",
    "rollout/policies.py",
    "rollout/selectors.py",
    "rollout/services/",
)
"""Whose domain errors are told in other languages; those of commands are English."""
_CODE: Final = re.compile(r"^(?:SELECT |[<\[]|\w+/\w+; |attachment|private, |pip |python |[A-Z]+_[A-Z_]+$)")
"""How texts begin that no person reads as such: queries, headers, commands."""
IN_SESSIONS: Final = (
    "plans/pipelines/sessions.py",
    "plans/pipelines/steps.py",
    "plans/pipelines/race_session.py",
    "plans/pipelines/workouts_running.py",
    "plans/pipelines/workouts_cycling.py",
)
OF_INPUT: Final = frozenset(
    {
        "InvalidGoal",
        "NotExportable",
        "InvalidPatch",
        "NotPossible",
        "FitError",
        "BadValue",
        "TooLittle",
        "StoreError",
        "EmptyStore",
        "NoStore",
    }
)
"""Errors whose words a domain error takes over or a page tells."""
KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}

Message = tuple[Any, str | None]
"""A text, or (one, many); and its context."""


def collected(root: Path) -> Catalog:
    """Return what Python and templates say, in English."""
    catalog = Catalog(locale="en", domain="django")
    unmarked = ((text, None) for text in sorted({text for text in _unmarked(root) if _has_words(text)} | _words()))
    for message, context in (*_marked(root), *unmarked):
        if message and (not isinstance(message, tuple) or all(message)):
            catalog.add(message, context=context)
    return catalog


def collected_of_scripts(root: Path) -> Catalog:
    """Return what the pages' scripts say, in English."""
    catalog = Catalog(locale="en", domain="djangojs")
    for path in _files(root, "*.js"):
        for message in script_texts(path.read_text()):
            catalog.add(message)
    for message in sorted(_words(in_scripts=True) | set(_sent_to_scripts(root))):
        catalog.add(message)
    return catalog


def _words(*, in_scripts: bool = False) -> set[str]:
    return {word for _, entry in WORDS.items() if entry.in_scripts or not in_scripts for word in entry.words()}


def _sent_to_scripts(root: Path) -> Iterator[str]:
    """Yield what sessions say in whole sentences, which scripts show: purposes and notes."""
    for name in IN_SESSIONS:
        for text in sentences_in(ast.parse((root / name).read_text())):
            if not PLACEHOLDER.search(text):
                yield text


def _files(root: Path, pattern: str) -> list[Path]:
    found = (path for app in APPS for path in (root / app).rglob(pattern))
    return sorted(path for path in found if not {"migrations", "management"} & set(path.parts))


def _marked(root: Path) -> Iterator[Message]:
    for path in _files(root, "*.html"):
        yield from _python_texts(templatize(path.read_text()))
    for path in _files(root, "*.py"):
        yield from _python_texts(path.read_text())


def _python_texts(source: str) -> Iterator[Message]:
    found: Iterator[Any] = iter(extract_python(io.BytesIO(source.encode()), cast("Any", KEYWORDS), [], {}))
    for _line, keyword, said, _comments in found:
        texts = [part for part in (said if isinstance(said, tuple) else (said,)) if part]
        if not texts:
            continue
        if keyword.startswith(("pgettext", "npgettext")) and len(texts) > 1:
            yield (texts[1] if keyword.startswith("p") else (texts[1], texts[2])), texts[0]
        elif keyword.startswith("ngettext") and len(texts) > 1:
            yield (texts[0], texts[1]), None
        else:
            yield texts[0], None


# ---- what is translated without a mark


def _unmarked(root: Path) -> set[str]:
    found = {text for path in _files(root, "*.py") for text in _said_in(path, root)}
    found |= {kind.title for kind in PROBLEM_TYPES.values()} | {title for _, title, _ in FRAMEWORK_PROBLEMS.values()}
    return found | set(_names_of_models()) | set(_names_of_forms())


def _has_words(text: str) -> bool:
    """Return whether a text is more than places, numbers and patterns."""
    bare = PLACEHOLDER.sub("", text)
    letters = sum(character.isalpha() for character in bare)
    return letters >= (LEAST_LETTERS if bare != text else 1) and not re.search(r"\\|\w\|\w|__", bare)


def _said_in(path: Path, root: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    name = path.relative_to(root).as_posix()
    if name.startswith(SAYING):
        yield from sentences_in(tree)
    if not name.startswith(TOLD):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _is_told(_name_of(node.exc)):
            yield from (text for part in node.exc.args[:1] for text in sentences_of(part))


def sentences_in(tree: ast.AST) -> Iterator[str]:
    """Yield the sentences of a module: texts of several words or of one that begins in capitals, docstrings apart."""
    skipped = {id(node) for node in ast.walk(tree) for node in _not_said(node)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        for text in sentences_of(node) if isinstance(node, ast.Constant | ast.JoinedStr) else ():
            if (
                re.search(r"[A-Za-z]{3}", text)
                and not _CODE.match(text)
                and (" " in text.strip() or re.fullmatch("[A-Z][a-z]+", text))
            ):
                yield text


def _not_said(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below one that is no text for people: docstrings, parts of f-strings, annotations."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for value in node.values for part in ast.walk(value))
    elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
        yield from ast.walk(node.annotation)
    elif isinstance(node, ast.FunctionDef) and node.returns:
        yield from ast.walk(node.returns)
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and not _is_told(_name_of(node.exc)):
        yield from ast.walk(node.exc)


def sentences_of(node: ast.AST) -> Iterator[str]:
    """Yield the sentences that an expression may come to: a text, an f-string with its places, or one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield _with_places(node)
    elif isinstance(node, ast.IfExp):
        yield from sentences_of(node.body)
        yield from sentences_of(node.orelse)


def _with_places(node: ast.JoinedStr) -> str:
    """Return an f-string as a sentence: `f"{role!r} is no role"` is "{role} is no role"."""
    used: dict[str, int] = {}
    parts = []
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value))
        elif isinstance(value, ast.FormattedValue):
            name = _place_of(value.value)
            used[name] = used.get(name, 0) + 1
            place = "{" + (name if used[name] == 1 else f"{name}_{used[name]}") + "}"
            parts.append(f"'{place}'" if value.conversion == ord("r") else place)
    return "".join(parts)


def _place_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr.lower()
    if isinstance(node, ast.Name):
        return node.id.lower().lstrip("_") or "value"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
        return "list"
    return "value"


def _is_told(name: str) -> bool:
    """Return whether clients and pages learn of an error; one without a problem type of its own is of commands."""
    told = (kind for kind in _kinds(DomainError) if kind.type_slug != DomainError.type_slug)
    return name in OF_INPUT or name == DomainError.__name__ or name in {kind.__name__ for kind in told}


def _kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _names_of_models() -> Iterator[str]:
    """Yield names of our models and fields, their help and their choices, as the database's pages show them."""
    with override(None):
        for model in apps.get_models():
            page = admin.site._registry.get(model)
            if model._meta.app_label not in APPS:
                continue
            if page is None:
                yield from (label for field in model._meta.fields for label in _choices_of(field))
                continue
            yield from (str(model._meta.verbose_name), str(model._meta.verbose_name_plural))
            yield from _headings_of(type(page))
            in_form = getattr(getattr(page.form, "_meta", None), "fields", None) or ()
            grouped = (name for _, part in page.fieldsets or () for name in part["fields"])
            shown_in_page = (*page.list_display, *(page.fields or ()), *page.list_filter, *in_form, *grouped)
            seen = {part for part in shown_in_page if isinstance(part, str)}
            yield from _refusals_of(model)
            for field in model._meta.fields:
                if field.name in seen:
                    yield from (str(field.verbose_name), str(field.help_text))
                yield from _choices_of(field)


def _refusals_of(model: Any) -> Iterator[str]:
    """Yield what constraints say where it is no default."""
    for constraint in model._meta.constraints:
        if constraint.violation_error_message is not constraint.default_violation_error_message:
            yield str(constraint.violation_error_message)


def _names_of_forms() -> Iterator[str]:
    """Yield labels, help and choices of our own forms."""
    # Whichever are used is known once every page was loaded, however this process was started.
    assert get_resolver().url_patterns
    with override(None):
        for form in _forms_below(forms.Form):
            if not form.__module__.startswith(APPS):
                continue
            for name, field in form.base_fields.items():
                yield from (str(field.label or pretty_name(name)), str(field.help_text))
                for _, label in getattr(field, "choices", ()):
                    if isinstance(label, str | Promise) and re.search("[A-Za-z]{3}", str(label)):
                        yield str(label)
        for page in admin.site._registry.values():
            if page.opts.app_label in APPS:
                for name, field in page.form.declared_fields.items():
                    yield from (str(field.label or pretty_name(name)), str(field.help_text))


def _forms_below(form: type[forms.Form]) -> Iterator[type[forms.Form]]:
    for below in form.__subclasses__():
        yield below
        yield from _forms_below(below)


def _headings_of(page: type[Any]) -> Iterator[str]:
    for name in dir(page):
        heading = getattr(getattr(page, name, None), "short_description", None)
        if isinstance(heading, str | Promise):
            yield str(heading)


def _choices_of(field: Any) -> Iterator[str]:
    for _, label in getattr(field, "flatchoices", None) or ():
        if isinstance(label, str | Promise) and re.search("[A-Za-z]{3}", str(label)):
            yield str(label)
