"""`texts`: collect what has to be translated, and compile what is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import CommandParser

from common.management.base import PARTLY_FAILED, MesocycleCommand
from common.translating.collect import collected, collected_of_scripts

DOMAINS: Final = {"django": collected, "djangojs": collected_of_scripts}


class Command(MesocycleCommand):
    """Update `locale/*/LC_MESSAGES/*.po` from the source and compile them; say what lacks its translation."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--compile", action="store_true", help="compile alone: take nothing from the source")

    def run(self, **options: Any) -> int:
        """Do it for each language but English."""
        missing = 0
        for code, _name in settings.LANGUAGES:
            if code != settings.LANGUAGE_CODE:
                missing += sum(self._domain(code, domain, options) for domain in DOMAINS)
        return PARTLY_FAILED if missing else 0

    def _domain(self, code: str, domain: str, options: dict[str, Any]) -> int:
        path = Path(settings.LOCALE_PATHS[0], code, "LC_MESSAGES", f"{domain}.po")
        known = read_catalog(path, code, domain)
        if not options["compile"]:
            known = updated(known, DOMAINS[domain](Path(settings.BASE_DIR)))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                write_po(file, known, no_location=True, omit_header=False, sort_output=True, ignore_obsolete=True)
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, known)
        lacking = [message for message in known if message.id and not translated(message)]
        self.stderr.write(f"{code} {domain}: {len(known)} texts, {len(lacking)} not translated")
        return len(lacking)


def read_catalog(path: Path, code: str, domain: str) -> Catalog:
    """Return a language's catalogue, an empty one where there is none yet."""
    if not path.exists():
        return Catalog(locale=code, domain=domain)
    with path.open("rb") as file:
        return read_po(file, locale=code, domain=domain)


def updated(known: Catalog, source: Catalog) -> Catalog:
    """Return the source's texts with the translations that are known; nothing is guessed from similar texts."""
    found = Catalog(locale=known.locale, domain=known.domain, header_comment="", fuzzy=False)
    for message in source:
        if not message.id:
            continue
        old = known.get(message.id, message.context)
        same_form = old is not None and isinstance(old.string, tuple | list) == isinstance(message.id, tuple)
        found.add(message.id, old.string if old and same_form else None, context=message.context)
    return found


def translated(message: Any) -> bool:
    """Return whether a text has all its forms."""
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return bool(forms) and all(forms) and not message.fuzzy
