"""A schedule as an iCalendar feed to subscribe to (RFC 5545, RFC 7986): one all-day event a session."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from icalendar import Calendar, Event, vText

from plans.export.contract import ScheduledSession
from plans.export.steps import Step, blocks_of
from plans.export.text import one_line, plain
from plans.wording import Wording

REFRESH: Final = timedelta(hours=1)
ESCAPES: Final = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"})
"""TEXT of RFC 5545, section 3.3.11."""
LABELS: Final = {"warmup": "warm-up", "recovery": "recovery", "cooldown": "cool-down"}
AS_STORED: Final = Wording()


class _Text(vText):
    """A TEXT value written as it is: the library would make a line end of a backslash before an N."""

    def to_ical(self) -> bytes:
        return self.translate(ESCAPES).encode("utf-8")


def calendar_of(
    sessions: Iterable[ScheduledSession],
    *,
    name: str,
    time_zone: str,
    host: str,
    now: datetime,
    wording: Wording = AS_STORED,
) -> bytes:
    """Return a schedule as iCalendar, one all-day event a session, in the order of days.

    A session keeps its UID (`session_id@host`) and counts SEQUENCE up with the version, so that calendars move an
    event instead of adding one. All-day events are dates without a time zone: `time_zone`, an IANA name, only tells
    the reader where the athlete lives. `now` is DTSTAMP: pass the version's time for a feed whose bytes stay the same
    as long as the plan does. `wording` is how the athlete reads sessions.

    Raises:
        ValueError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now needs a time zone")
    stamp = now.astimezone(UTC).replace(microsecond=0)
    calendar = _head(one_line(name), time_zone)
    for session in sorted(sessions, key=lambda s: s.day):
        calendar.add_component(_event(session, host, stamp, wording))
    return bytes(calendar.to_ical())


def description_of(session: ScheduledSession, wording: Wording = AS_STORED) -> str:
    """Return what to do as lines: the summary, the steps, the purpose and the coach's notes."""
    work = session.prescribed_work
    summary = plain(wording.summary(work))
    steps: list[str] = []
    for block in blocks_of(session):
        if block.repeat > 1:
            steps.append(f"- {wording.translate('{repeat} times:').format(repeat=block.repeat)}")
        indent = "   - " if block.repeat > 1 else "- "
        steps += [indent + _line(step, summary, wording) for step in block.steps]
    purpose = wording.translate(str(work.get("purpose") or ""))
    parts = (summary, "\n".join(steps), plain(purpose), plain(work.get("notes")))
    return "\n\n".join(part for part in parts if part)


def _head(name: str, time_zone: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", "-//Mesocycle//Training plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    for key in ("name", "x-wr-calname"):
        calendar.add(key, _Text(name))  # the library would not escape these two
    calendar.add("x-wr-timezone", _Text(time_zone))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    return calendar


def _event(session: ScheduledSession, host: str, stamp: datetime, wording: Wording) -> Event:
    event = Event()
    event.add("uid", f"{session.session_id}@{host}")
    event.add("sequence", session.version_number)
    event.add("dtstamp", stamp)
    event.add("dtstart", session.day)  # a date without an end is that one day (RFC 5545, section 3.6.1)
    event.add("summary", _Text(one_line(wording.title(session.title)) or wording.translate(session.kind.capitalize())))
    description = description_of(session, wording)
    if description:
        event.add("description", _Text(description))
    event.add("categories", [session.kind])
    event.add("transp", "TRANSPARENT")
    return event


def _line(step: Step, summary: str, wording: Wording) -> str:
    """Return a step as "2 min recovery: 5:45–6:13 /km, very easy jog (note)"; a note that the summary says is left
    out."""
    label = LABELS.get(step.type)
    size, text = _size(step, wording), wording.target(step.raw.get("target") or {})
    head = f"{size} {wording.translate(label)}" if label else size
    note = f" ({wording.translate(step.note)})" if step.note and step.note != summary else ""
    return (f"{head}: {one_line(text)}" if text else head) + note


def _size(step: Step, wording: Wording) -> str:
    if step.metres is not None:
        return wording.size({"distance_m": step.metres})
    minutes, seconds = divmod(step.seconds or 0, 60)
    if seconds == 0:
        return f"{minutes} min"
    return f"{60 * minutes + seconds} s" if minutes < 2 else f"{minutes}:{seconds:02d} min"
