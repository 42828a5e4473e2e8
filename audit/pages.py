"""What the pages of the audit log show: the list with its filters, one event, an athlete's timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from django.db.models import Q, Subquery
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext

from audit.models import AuditEvent, AuditLeaf, AuditSeal
from audit.policies import open_exception, require_log
from audit.reading import PEOPLE, EventText, known_actions, read_for, texts_of, title_of
from audit.services.export_events import Chosen, events_of
from common.admin import may
from common.errors import NotVisible
from common.translating.showing import day

PAGE: Final = 50
_RELATED: Final = 40
_NAMES: Final = {"actor": "actor_id", "athlete": "subject_id", "target": "target_id", "request": "request_id"}


@dataclass(frozen=True)
class Asked:
    """The query of a page: filters, what was typed into the searches, and where the last page ended.

    `wrong` says what of it could not be understood and was left out.
    """

    chosen: Chosen
    first: date | None
    last: date | None
    actor_text: str
    athlete_text: str
    before: UUID | None
    wrong: tuple[str, ...]


def parse(query: Mapping[str, str]) -> Asked:
    """Return what a query string asks for; days are UTC, and `until` is included."""
    wrong: list[str] = []
    first, last = (_day(query.get(name, ""), name, wrong) for name in ("from", "until"))
    chosen = _with_ids(
        Chosen(
            since=_midnight(first) if first else None,
            until=_midnight(last + timedelta(days=1)) if last and last < date.max else None,
            action=query.get("action") or None,
        ),
        {field: _id(query.get(name, ""), name, wrong) for name, field in _NAMES.items()},
    )
    actor_text, athlete_text = (query.get(name, "").strip()[:100] for name in ("actor_q", "athlete_q"))
    before = _id(query.get("before", ""), "before", wrong)
    return Asked(chosen, first, last, actor_text, athlete_text, before, tuple(wrong))


def list_context(user: Any, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the list, newest first; the same queries for any number of events.

    A search that finds exactly one person is taken at once; several are shown to choose from.

    Raises:
        NotPermitted: the user does not read the log.
    """
    require_log(user)
    asked, choices = _found_people(parse(query))
    page, older = _page(asked)
    common = _common(user)
    texts = texts_of(read_for(user, page, decrypted=common["sees_all"]), sealed=_sealed(page))
    params = _params(asked)
    chosen = asked.chosen
    return {
        **common,
        "asked": asked,
        "choices": [{**choice, "options": _options(choice, params)} for choice in choices],
        "chips": list(_chips(asked, params, texts)),
        "actions": known_actions(),
        "days": _by_day(texts),
        "older": f"?{urlencode({**params, 'before': str(page[-1].pk)})}" if older else "",
        "params": params,
        "is_filtered": bool(params),
        "is_first": asked.before is None,
        "athlete_url": reverse("admin:audit_athlete", args=[chosen.subject_id]) if chosen.subject_id else "",
        "seal": AuditSeal.objects.order_by("-number").first(),
        "shown": len(page),
    }


def event_context(user: Any, event_id: UUID) -> dict[str, Any]:
    """Return one event, what came of it, and what else its request did.

    Raises:
        NotPermitted, NotVisible: the user does not read the log; there is no such event.
    """
    require_log(user)
    event, related = _with_related(event_id)
    common = _common(user)
    read = read_for(user, [event, *related], decrypted=common["sees_all"])
    texts = {text.event.pk: text for text in texts_of(read, user=user)}
    others = [texts[row.pk] for row in related]
    return {
        **common,
        "item": texts[event.pk],
        "states": [other for other in others if other.event.linked_event_id == event.pk],
        "led_here": next((other for other in others if other.event.pk == event.linked_event_id), None),
        "others": [
            other
            for other in others
            if other.event.linked_event_id != event.pk and other.event.pk != event.linked_event_id
        ],
        "seal": AuditSeal.objects.filter(tree_size__gt=_leaf_of(event_id))
        .annotate(leaf_index=_leaf_of(event_id))
        .order_by("tree_size")
        .first(),
        "shown": 1,
    }


def timeline_context(user: Any, athlete_id: UUID, query: Mapping[str, str]) -> dict[str, Any]:
    """Return what happened about an athlete, newest first.

    Raises:
        NotPermitted, NotVisible: the user does not read the log; nothing is known of such an athlete.
    """
    require_log(user)
    asked = parse({**query, "athlete": str(athlete_id)})
    page, older = _page(asked)
    people = PEOPLE.get("accounts")
    name = people.athletes([athlete_id]).get(athlete_id)
    if name is None and not page:
        raise NotVisible("There is no such athlete.")
    common = _common(user)
    texts = texts_of(read_for(user, page, decrypted=common["sees_all"]))
    params = {key: value for key, value in _params(asked).items() if key != "athlete"}
    return {
        **common,
        "asked": asked,
        "athlete_id": athlete_id,
        "name": name or gettext("unknown athlete"),
        "is_held": people.is_held(athlete_id),
        "may_hold": may(user, "hold:manage"),
        "days": _by_day(_with_states(texts)),
        "older": f"?{urlencode({**params, 'before': str(page[-1].pk)})}" if older else "",
        "is_first": asked.before is None,
        "shown": len(page),
    }


def _common(user: Any) -> dict[str, Any]:
    """Return what every page says about the reader: whether personal payload is shown, and until when."""
    may_break = may(user, "audit:break_glass")
    glass = open_exception(user) if may_break else None
    sees_all = glass is not None or may(user, "audit:decrypt")
    return {"glass": glass, "sees_all": sees_all, "may_break_glass": may_break}


def _page(asked: Asked) -> tuple[list[AuditEvent], bool]:
    """Return a page of events and whether there are older ones."""
    rows = events_of(asked.chosen).order_by("-id")
    found = list((rows.filter(pk__lt=asked.before) if asked.before else rows)[: PAGE + 1])
    return found[:PAGE], len(found) > PAGE


def _sealed(page: list[AuditEvent]) -> set[UUID]:
    leaves = AuditLeaf.objects.filter(event_id__in=[event.pk for event in page])
    return set(leaves.values_list("event_id", flat=True))


def _leaf_of(event_id: UUID) -> Subquery:
    return Subquery(AuditLeaf.objects.filter(event_id=event_id).values("leaf_index")[:1])


def _with_related(event_id: UUID) -> tuple[AuditEvent, list[AuditEvent]]:
    """Return an event, and with it (one query) the others of its request and the state that it led to."""
    same = AuditEvent.objects.filter(pk=event_id)
    request, target, link = (Subquery(same.values(name)[:1]) for name in ("request_id", "target_id", "linked_event_id"))
    state = Q(target_id=target, linked_event_id=event_id)
    rows = list(
        AuditEvent.objects.filter(Q(pk=event_id) | Q(request_id=request) | state | Q(pk=link)).order_by("id")[
            : _RELATED + 1
        ]
    )
    event = next((row for row in rows if row.pk == event_id), None) or same.first()
    if event is None:
        raise NotVisible("There is no such event.")
    return event, [row for row in rows if row.pk != event_id]


def _with_states(texts: list[EventText]) -> list[EventText]:
    """Leave out resulting states whose action is on the page: the timeline tells what people did."""
    shown = {text.event.pk for text in texts}
    return [text for text in texts if text.event.linked_event_id not in shown]


def _by_day(texts: list[EventText]) -> list[tuple[date, list[EventText]]]:
    """Return events by their day (UTC), in the order given."""
    return [(at, list(some)) for at, some in groupby(texts, lambda text: text.event.occurred_at.date())]


def _found_people(asked: Asked) -> tuple[Asked, list[dict[str, Any]]]:
    """Turn typed names into people: the one that fits, or a choice of several (or none)."""
    people, choices = PEOPLE.get("accounts"), []
    for name, text, find in (
        ("actor", asked.actor_text, people.users_named),
        ("athlete", asked.athlete_text, people.athletes_named),
    ):
        if not text:
            continue
        found = find(text)
        fits = found[0][0] if len(found) == 1 else None
        asked = replace(asked, chosen=_with_ids(asked.chosen, {_NAMES[name]: fits}))
        if fits is None:
            choices.append({"name": name, "text": text, "found": found})
    return asked, choices


def _with_ids(chosen: Chosen, ids: Mapping[str, Any]) -> Chosen:
    """Return the choice with other ids."""
    return replace(chosen, **ids)


def _options(choice: dict[str, Any], params: dict[str, str]) -> list[dict[str, str]]:
    return [
        {"label": label, "url": f"?{urlencode({**params, choice['name']: str(pk)})}"} for pk, label in choice["found"]
    ]


def _params(asked: Asked) -> dict[str, str]:
    """Return the filters as they stand in a query string."""
    days = {"from": asked.first, "until": asked.last}
    params = {name: at.isoformat() for name, at in days.items() if at}
    if asked.chosen.action:
        params["action"] = asked.chosen.action
    ids = {name: getattr(asked.chosen, field) for name, field in _NAMES.items()}
    return params | {name: str(value) for name, value in ids.items() if value}


def _chips(asked: Asked, params: dict[str, str], texts: list[EventText]) -> Iterator[dict[str, str]]:
    """Yield each filter that is set in words (every row bears the name filtered by), and the address without it."""
    chosen = asked.chosen
    words = {
        "from": gettext("from %(day)s") % {"day": day(asked.first, "j M Y")} if asked.first else "",
        "until": gettext("until %(day)s") % {"day": day(asked.last, "j M Y")} if asked.last else "",
        "action": title_of(chosen.action) if chosen.action else "",
        "actor": (texts[0].who if texts else gettext("one person")) if chosen.actor_id else "",
        "athlete": (texts[0].athlete if texts else gettext("one athlete")) if chosen.subject_id else "",
        "target": gettext("one object") if chosen.target_id else "",
        "request": gettext("one request") if chosen.request_id else "",
    }
    for name, label in words.items():
        if label:
            rest = {key: value for key, value in params.items() if key != name}
            yield {"name": name, "label": label, "without": f"?{urlencode(rest)}"}


def _day(raw: str, name: str, wrong: list[str]) -> date | None:
    try:
        return date.fromisoformat(raw) if raw else None
    except ValueError:
        wrong.append(gettext("“%(text)s” is no day (%(name)s)") % {"text": raw[:20], "name": name})
        return None


def _id(raw: str, name: str, wrong: list[str]) -> UUID | None:
    try:
        return UUID(raw) if raw else None
    except ValueError:
        wrong.append(gettext("the %(name)s in the address is not valid") % {"name": name})
        return None


def _midnight(at: date) -> datetime:
    return datetime.combine(at, time(), UTC)
