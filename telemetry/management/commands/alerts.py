"""Alerts from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.management.base import CommandParser

from common import clock
from common.admin import may
from common.context import ServiceIdentity, unit_of_work
from common.errors import InvalidInput, NotPermitted, NotVisible
from common.management.base import EXIT_CODES, ActorMixin
from telemetry.models import AlertIncident, AlertRule
from telemetry.pages.listing import Incident, Page, page_of_alerts
from telemetry.services.alert_rules import acknowledge_alert, end_silence, silence_rule, try_channel
from telemetry.services.alerts import evaluate_alerts, hand_over_notices
from telemetry.services.dead_letters import OPERATE

FIRES: Final = 6
EPILOG: Final = (
    f"{EXIT_CODES}  6  list, check: a critical alert fires that nobody acknowledged and that is not silenced\n"
)


class Command(ActorMixin):
    """`list` shows what fires, `check` judges the rules first; the others do what the page does."""

    help = "List, judge, silence and acknowledge alerts, or try a channel out."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser with our own exit code at the end of `--help`."""
        return super().create_parser(prog_name, subcommand, **{**kwargs, "epilog": EPILOG})

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs."""
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, text in (
            ("list", "what fires, and how every rule stands"),
            ("check", "judge the rules now, then list"),
        ):
            self._verb(verbs, name, text)
        silence = self._verb(verbs, "silence", "tell nobody of a rule for some hours; 0 ends a silence")
        silence.add_argument("rule", help="name of the rule")
        silence.add_argument("--hours", type=float, default=4.0, help="for how long (default: %(default)g)")
        silence.add_argument("--reason", default="", help="why")
        ack = self._verb(verbs, "ack", "say that somebody is on it")
        ack.add_argument("alert", help="id of the alert, or name of its rule")
        self._verb(verbs, "test", "send a test message to a group").add_argument("group", help="oncall, team, …")

    def run(self, **options: Any) -> int | None:
        """Do what the verb says."""
        verbs: dict[str, Callable[[dict[str, Any]], int | None]] = {
            "list": self._list,
            "check": self._check,
            "silence": self._silence,
            "ack": self._acknowledge,
            "test": self._test,
        }
        return verbs[options["verb"]](options)

    def _end(self, code: int, message: str, *, is_refusal: bool = True) -> None:
        super()._end(code, "a critical alert fires" if code == FIRES else message, is_refusal=is_refusal)

    def _verb(self, verbs: Any, name: str, text: str) -> Any:
        """Add a verb; `--json` and `--as` may stand before or after it."""
        parser = verbs.add_parser(name, help=text, description=text)
        absent = argparse.SUPPRESS  # it keeps what stood before the verb
        parser.add_argument(
            "--json", action="store_true", dest="as_json", default=absent, help="print one JSON document"
        )
        parser.add_argument("--as", dest="as_user", metavar="USER", default=absent, help="e-mail of whom to act as")
        return parser

    def _check(self, options: dict[str, Any]) -> int | None:
        done = evaluate_alerts()
        self.note(f"{done.rules} rules judged" + (f"; not read: {', '.join(done.failed)}" if done.failed else ""))
        return self._list(options)

    def _list(self, options: dict[str, Any]) -> int | None:
        actor = options["acting_user"]
        if not isinstance(actor, ServiceIdentity) and not may(actor, OPERATE):
            raise NotPermitted("Your role does not operate telemetry.")
        with unit_of_work(actor, read_only=True):
            page = page_of_alerts(clock.now())
        rules = [_rule(row) for row in page.rules]
        firing = [_firing(one) for one in page.firing]
        if self.as_json:
            self.emit({"judged_at": page.judged_at, "is_stale": page.is_stale, "firing": firing, "rules": rules})
        else:
            if page.is_stale:
                self.note("The rules are not judged: start Celery beat with a worker, or run_scheduled.")
            self.table(firing, title="Firing" if firing else "Nothing fires")
            self.table([{name: row[name] for name in ("rule", "state", "value", "limit", "n")} for row in rules])
        return FIRES if _is_urgent(page) else None

    def _silence(self, options: dict[str, Any]) -> None:
        actor, hours = options["acting_user"], options["hours"]
        if not 0 <= hours <= 10_000:
            raise InvalidInput("The hours are a number from 0.", pointer="/hours")
        with unit_of_work(actor, read_only=True):
            rule = AlertRule.objects.filter(name__iexact=options["rule"]).first()
        if rule is None:
            raise NotVisible(f"There is no rule {options['rule']}.")
        if hours:
            until = clock.now() + timedelta(hours=hours)
            rule = silence_rule(rule_id=rule.pk, until=until, reason=options["reason"], acting_user=actor)
        else:
            rule = end_silence(rule_id=rule.pk, acting_user=actor)
        self._done({"rule": rule.name, "silenced_until": rule.silenced_until})

    def _acknowledge(self, options: dict[str, Any]) -> None:
        actor = options["acting_user"]
        with unit_of_work(actor, read_only=True):
            found = list(_named(options["alert"]))
        if not found:
            raise NotVisible(f"No alert of that name fires: {options['alert']}.")
        for pk in found:
            acknowledge_alert(incident_id=pk, acting_user=actor)
        self._done({"acknowledged": found})

    def _test(self, options: dict[str, Any]) -> None:
        try_channel(group=options["group"], acting_user=options["acting_user"])
        handed = hand_over_notices()
        self._done({"group": options["group"], "handed_over": handed})

    def _done(self, document: dict[str, Any]) -> None:
        if self.as_json:
            self.emit(document)
        else:
            self.stdout.write(", ".join(f"{name}: {_plain(value)}" for name, value in document.items()))


def _named(text: str) -> list[UUID]:
    """Return the alert with an id, or those of a rule that fire and that nobody acknowledged."""
    try:
        return [UUID(text)]
    except ValueError:
        rows = AlertIncident.objects.filter(rule__name__iexact=text, ended_at=None, acknowledged_at=None)
        return list(rows.order_by("id").values_list("pk", flat=True))


def _is_urgent(page: Page) -> bool:
    critical = (one for one in page.firing if one.rule.severity == "critical")
    return any(not one.acknowledged and not one.silenced for one in critical)


def _firing(one: Incident) -> dict[str, Any]:
    return {
        "id": one.pk,
        "rule": one.name,
        "label": one.label,
        "severity": one.rule.severity,
        "since": one.began_at,
        "value": one.value,
        "limit": one.limit,
        "n": one.n,
        "acknowledged": one.acknowledged,
        "silenced": one.silenced,
        "delivery": one.notices[-1].pill.word if one.notices else "",
    }


def _rule(row: Any) -> dict[str, Any]:
    first = row.lines[0] if row.lines else None
    return {
        "rule": row.rule.name,
        "metric": row.rule.metric,
        "state": (first.pill.word if first else "No data") if row.rule.enabled else "Off",
        "value": first.value if first else "",
        "limit": row.limit,
        "n": first.n if first else "",
        "labels": {line.label: {"state": line.pill.word, "value": line.value} for line in row.lines},
        "error": row.error,
    }


def _plain(value: Any) -> str:
    return " ".join(str(one) for one in value) if isinstance(value, list) else str(value or "none")
