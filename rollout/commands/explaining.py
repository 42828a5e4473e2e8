"""`rollout explain`, and how a verb names whom a flag is about."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser
from django.db.models import Q

from accounts.models import Athlete, User
from accounts.scope import athletes_in_scope
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.management.base import MesocycleCommand
from rollout.commands.verb import Actor, Verb, reader
from rollout.evaluation import Subject
from rollout.policies import OF_ATHLETES
from rollout.selectors import evaluate, explanation


class Explain(Verb):
    """Why somebody has a feature or has not."""

    name = "explain"
    help = "show the whole decision path of a flag for one athlete (plan.*) or user (ui.*)"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add flag and subject."""
        parser.add_argument("flag", metavar="FLAG")
        parser.add_argument("user", metavar="USER", help="an athlete's id or name, a user's id or e-mail address")

    def run(self, command: MesocycleCommand, **options: Any) -> int | None:
        """Print the decision and each step."""
        key, acting_user = options["flag"], reader(options)
        with unit_of_work(acting_user, read_only=True):
            subject, who = subject_named(options["user"], key, acting_user)
            try:
                steps = explanation(key, subject)
            except KeyError:
                raise NotVisible(f"There is no flag {key}.") from None
            decision = evaluate(key, subject)
        found = {
            "flag": key,
            "subject": subject.id,
            "who": who,
            "tier": subject.tier,
            "value": decision.value,
            "reason": decision.reason,
            "snapshot": decision.snapshot_version,
            "snapshot_age_seconds": decision.snapshot_age,
            "path": steps,
        }
        if command.as_json:
            command.emit(found)
            return None
        command.stdout.write(f"{key} is {'on' if decision.value else 'off'} for {who}: {decision.reason}")
        rows = [{"step": s["step"], "saw": _saw(s["saw"]), "": "← decides" if s["decided"] else ""} for s in steps]
        command.table(rows)
        return None


def _saw(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {'–' if each is None else each}" for name, each in value.items())
    return {None: "none", True: "yes", False: "no"}.get(value, str(value))


def subject_named(text: str, key: str, acting_user: Actor) -> tuple[Subject, str]:
    """Return whom a flag is asked about and their name: an athlete for `plan.*` flags, else a user.

    Raises:
        NotVisible: nobody, or outside the scope of who asks.
        InvalidInput: several athletes have this name.
    """
    athletes = Athlete.objects.filter(athletes_in_scope(acting_user, "athlete:view"))
    try:
        wanted: dict[str, Any] = {"pk": UUID(text)}
    except ValueError:
        wanted = {}
    if key.startswith(OF_ATHLETES):
        named = {"user__email__iexact": text} if "@" in text else {"name__iexact": text}
        found = list(athletes.filter(Q(**wanted) | Q(user=wanted["pk"]) if wanted else Q(**named))[:2])
        if len(found) > 1:
            raise InvalidInput(f"several athletes are called {text!r}; name one by id", pointer="/user")
        if found:
            return Subject(str(found[0].pk), found[0].tier), found[0].name
        raise NotVisible(f"{key} is about athletes; there is none {text!r}, or you may not see them.")
    user = User.objects.filter(**(wanted or {"email__iexact": text})).first()
    if user is None:
        raise NotVisible(f"{key} is about signed-in users; there is none {text!r}.")
    athlete = athletes.filter(user=user).first()
    return Subject(str(user.pk), athlete.tier if athlete else ""), user.email
