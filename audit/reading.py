"""Audit events as a person may read them: names, what changed from what to what, and hidden what is not theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

from django.utils.translation import gettext

from audit.events import ACTIONS, FREE_TEXT
from audit.models import AuditEvent
from audit.policies import may_decrypt
from audit.selectors import ReadableEvent, readable
from audit.services import CIPHERTEXT
from common.registries import Registry

HIDDEN: Final = "[hidden]"
_LONGEST: Final = 300
_BRIEF: Final = 60
_MACHINES: Final = (" id", "sha256", " key")
_PAIRS: Final = (("_before", "_after"), ("before", "after"))
_CHANGE_FIELDS: Final = ("changes", "personal")
_WORD: Final = re.compile(r"[a-z]+(?:_[a-z]+)*")
_NAMES: Final = frozenset({"answer", "cause", "follow_up", "key", "label", "name", "title"})
"""Fields beside `FREE_TEXT` whose values are people's, and shown as they are."""


class People(Protocol):
    """Who people are; filled by accounts."""

    def users(self, user_ids: Collection[UUID]) -> dict[UUID, str]: ...
    def athletes(self, athlete_ids: Collection[UUID]) -> dict[UUID, str]: ...
    def users_named(self, text: str) -> list[tuple[UUID, str]]: ...
    def athletes_named(self, text: str) -> list[tuple[UUID, str]]: ...
    def is_held(self, athlete_id: UUID) -> bool: ...


@dataclass(frozen=True)
class FieldChange:
    """One field before and after; `of` is the thing it belongs to where an event changed several."""

    field: str
    old: str
    new: str
    of: str = ""
    why: str = ""


@dataclass(frozen=True)
class EventText:
    """An event as text; `facts` have their names in English; `sealed` is None where nobody asked.

    key: by which people know the object: that of a flag, an experiment or a pattern; blank for others.
    """

    event: AuditEvent
    title: str
    who: str
    role: str
    athlete: str
    target: str
    changes: list[FieldChange]
    facts: list[tuple[str, str]]
    reason: str
    origin: str
    browser: str
    sealed: bool | None = None
    more_changes: Sequence[FieldChange] = field(default_factory=list)
    key: str = ""

    @property
    def told(self) -> list[tuple[str, str]]:
        """Return the facts with their names in the language at hand."""
        return [(gettext(name), value) for name, value in self.facts]

    @property
    def brief(self) -> list[tuple[str, str]]:
        """Return the facts that a line has room for: neither ids nor hashes."""
        told = [(gettext(name), value) for name, value in self.facts if not name.endswith(_MACHINES)]
        return [(name, value if len(value) <= _BRIEF else f"{value[:_BRIEF]}…") for name, value in told][:6]

    @property
    def is_state(self) -> bool:
        """Return whether it tells the state that an action led to (B6)."""
        return self.event.linked_event_id is not None


PEOPLE: Registry[People] = Registry("people of the audit log", required=("accounts",))
# Filled by apps whose events name rows that tell what changed: (user, events) → changes by the event's id.
FIELD_CHANGES: Registry[Callable[[Any, Sequence[ReadableEvent]], Mapping[UUID, Sequence[FieldChange]]]] = Registry(
    "field changes of audit events"
)


def read_for(user: Any, events: Sequence[AuditEvent], *, decrypted: bool | None = None) -> list[ReadableEvent]:
    """Return the events decrypted for who may (one query for all keys), else with `HIDDEN` in place of what is not.

    `decrypted`: whether the user may, where the caller has asked already.
    """
    if may_decrypt(user) if decrypted is None else decrypted:
        return readable(events)
    return [
        ReadableEvent(
            event,
            {name: HIDDEN if is_ciphertext(value) else value for name, value in event.metadata_json.items()},
            HIDDEN if event.origin_ip else "",
            HIDDEN if event.user_agent else "",
        )
        for event in events
    ]


def texts_of(
    read: Sequence[ReadableEvent], *, sealed: Collection[UUID] | None = None, user: Any = None
) -> list[EventText]:
    """Return events as text: two queries for all names, and those of `FIELD_CHANGES` where a user is given."""
    people = PEOPLE.get("accounts")
    users = people.users({item.event.actor_id for item in read if item.event.actor_id})
    athletes = people.athletes({item.event.subject_id for item in read if item.event.subject_id})
    further: dict[UUID, Sequence[FieldChange]] = {}
    for _, changes_of in FIELD_CHANGES.items() if user is not None else ():
        further.update(changes_of(user, read))
    return [_text(item, users, athletes, sealed, further) for item in read]


def title_of(action: str) -> str:
    """Return `plan.move_session` as “Plan: move session”, in the language at hand."""
    return gettext(english_title(action))


def english_title(action: str) -> str:
    """Return the title in English."""
    thing, _, verb = action.partition(".")
    return f"{_words(thing).capitalize()}: {_words(verb)}" if verb else _words(thing).capitalize()


def known_actions() -> list[tuple[str, str]]:
    """Return every registered action with its title, for a list to choose from."""
    return [(action, title_of(action)) for action in ACTIONS]


def actor_name(event: AuditEvent, users: Mapping[UUID, str]) -> tuple[str, str]:
    """Return who acted and their role: a service by its own name."""
    if event.actor_role.startswith("service:"):
        return event.actor_role.removeprefix("service:").replace("-", " "), gettext("service")
    who = (users.get(event.actor_id) or gettext("unknown person")) if event.actor_id else gettext("nobody")
    return who, _said(event.actor_role)


def is_ciphertext(value: Any) -> bool:
    """Return whether a value of the metadata is stored as ciphertext."""
    return isinstance(value, dict) and value.keys() == {CIPHERTEXT}


def _text(
    item: ReadableEvent,
    users: Mapping[UUID, str],
    athletes: Mapping[UUID, str],
    sealed: Collection[UUID] | None,
    further: Mapping[UUID, Sequence[FieldChange]],
) -> EventText:
    event = item.event
    who, role = actor_name(event, users)
    changes, rest = changes_in(item.metadata)
    reason = str(rest.pop("reason", "") or "")
    return EventText(
        event=event,
        title=title_of(event.action),
        who=who,
        role=role,
        athlete=(athletes.get(event.subject_id) or gettext("unknown athlete")) if event.subject_id else "",
        target=_said(event.target_type),
        changes=changes,
        facts=[
            (_words(name), _told(name, value))
            for name, value in sorted(rest.items())
            if value not in (None, "", [], {})
        ],
        reason=reason,
        origin=item.origin_ip,
        browser=item.user_agent,
        sealed=None if sealed is None else event.pk in sealed,
        more_changes=further.get(event.pk, ()),
        key=key if isinstance(key := item.metadata.get("key"), str) and key != HIDDEN else "",
    )


def changes_in(metadata: Mapping[str, Any]) -> tuple[list[FieldChange], dict[str, Any]]:
    """Return what the metadata tells as old and new values, and the rest of it.

    Known shapes: `changes: {field: [old, new]}` (also as JSON text, once decrypted), `x_before` with `x_after`, and
    `before` with `after`, two objects of the same fields.
    """
    rest = dict(metadata)
    found: list[FieldChange] = []
    for name in _CHANGE_FIELDS:
        value = _loaded(rest.get(name))
        if isinstance(value, dict) and all(isinstance(pair, list) and len(pair) == 2 for pair in value.values()):
            rest.pop(name)
            found += [
                FieldChange(_said(key), _told(key, old), _told(key, new)) for key, (old, new) in sorted(value.items())
            ]
        elif value == HIDDEN:
            rest.pop(name)
            found.append(FieldChange(gettext("personal details"), HIDDEN, HIDDEN))
    before, after = (_loaded(rest.get(name)) for name in _PAIRS[1])
    if isinstance(before, dict) and isinstance(after, dict):
        del rest["before"], rest["after"]
        for key in sorted(before.keys() | after.keys()):
            found.append(FieldChange(_said(key), _told(key, before.get(key)), _told(key, after.get(key))))
    for name in sorted(rest):
        stem = name.removesuffix("_before")
        if stem != name and f"{stem}_after" in rest:
            found.append(FieldChange(_said(stem), _told(stem, rest.pop(name)), _told(stem, rest.pop(f"{stem}_after"))))
    return found, rest


def _loaded(value: Any) -> Any:
    """Return what was JSON before it was encrypted."""
    if not isinstance(value, str) or not value.startswith("{"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _words(name: str) -> str:
    return name.replace("_", " ")


def _said(name: str) -> str:
    return gettext(_words(name)) if name else ""


def _told(name: str, value: Any) -> str:
    """Return a field's value as a person reads it: our own words (states, roles) in the language at hand."""
    if isinstance(value, str) and name not in FREE_TEXT | _NAMES and _WORD.fullmatch(value):
        said = _said(value)
        return said if said != _words(value) else value
    return _shown(value)


def _shown(value: Any) -> str:
    """Return a value as a person reads it."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, dict):
        text = ", ".join(f"{_said(str(name))} {_shown(member)}" for name, member in value.items())
    elif isinstance(value, list):
        text = ", ".join(_shown(member) for member in value)
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
