"""XML as a flow of events: no tree, no DTD, no entities, constant memory.

`walk` calls a handler for each element's start and end; text is kept for the innermost element only and cut at 64
characters, so neither a billion elements, nor a deep nest, nor an endless text or attribute takes memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Protocol
from xml.etree.ElementTree import ParseError  # nosec B405  # the exception alone

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import DefusedXMLParser  # type: ignore[import-untyped]

from modeling.history.limits import BoundedReader, Deadline, Refused

MAX_DEPTH = 64
MAX_TEXT = 64
MAX_SILENT_BYTES = 1024 * 1024
"""An XML token (tag, comment) longer than this; the parser would have to hold it whole."""


class Handler(Protocol):
    """What a format does with the elements."""

    def start(self, name: str, attributes: Mapping[str, str], path: list[str]) -> None:
        """An element begins; `path` holds local names from the root to it."""

    def end(self, name: str, text: str, path: list[str]) -> None:
        """An element ends, with the first characters of its own text."""


class _Target:
    """Adapter between expat's callbacks and a handler."""

    def __init__(self, handler: Handler, deadline: Deadline) -> None:
        self._handler = handler
        self._deadline = deadline
        self._path: list[str] = []
        self._text = ""
        self.events = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.events += 1
        self._deadline.tick()
        if len(self._path) >= MAX_DEPTH:
            raise Refused(f"elements nested deeper than {MAX_DEPTH}")
        name = tag.rpartition("}")[2]
        self._path.append(name)
        self._text = ""
        self._handler.start(name, attributes, self._path)

    def data(self, text: str) -> None:
        self.events += 1
        if len(self._text) < MAX_TEXT:
            self._text += text[:MAX_TEXT]

    def end(self, tag: str) -> None:
        self.events += 1
        self._handler.end(self._path[-1], self._text.strip(), self._path)
        self._path.pop()
        self._text = ""

    def close(self) -> None:
        """Nothing to give back: the handler has it."""


def walk(reader: BoundedReader, handler: Handler, deadline: Deadline) -> None:
    """Feed the document to the handler.

    Raises:
        Refused: not well-formed, a DTD or entity in it, nested too deeply, or beyond the limits.
    """
    target = _Target(handler, deadline)
    parser = DefusedXMLParser(target=target, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    silent, events = 0, 0
    try:
        while piece := reader.chunk():
            parser.feed(piece)
            silent = silent + len(piece) if target.events == events else 0
            events = target.events
            if silent > MAX_SILENT_BYTES:
                raise Refused("a single XML token is longer than 1 MB")
            deadline.check()
        parser.close()
    except DefusedXmlException as error:
        raise Refused("XML with a document type or entities is not accepted") from error
    except ParseError as error:
        raise Refused(f"not well-formed XML ({error})") from error
    except (ValueError, LookupError) as error:
        raise Refused(f"unreadable XML ({error})") from error


def number(text: str | None) -> float | None:
    """Return the number in an element, None if there is none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def timestamp(text: str) -> float | None:
    """Return epoch seconds of an ISO 8601 time (UTC if it names no zone), None if it is not one."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
