"""JSON as I-JSON (RFC 7493) wants it: one meaning for every document, and nothing that a database cannot give back."""

from __future__ import annotations

import codecs
import io
import json
import math
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import FormParser as PlainFormParser
from rest_framework.parsers import JSONParser as PlainJSONParser

MOST_DEPTH = 64
MOST_DIGITS = 300
"""Of an integer; more are no number that a double holds."""


class TooLarge(APIException):
    """The body is larger than we read (413)."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than this server reads."
    default_code = "too_large"


class JSONParser(PlainJSONParser):
    """Read UTF-8 of a bounded size, whatever charset is claimed (RFC 8259, section 8.1)."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the document.

        Raises:
            TooLarge: more than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes.
            ParseError: no I-JSON.
        """
        try:
            return parse_json(_bounded(stream))
        except ValueError as error:
            raise ParseError(f"JSON parse error: {error}") from error


class FormParser(PlainFormParser):
    """Read a form of a bounded size."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the fields.

        Raises:
            TooLarge: more than `DATA_UPLOAD_MAX_MEMORY_SIZE` bytes.
        """
        return super().parse(io.BytesIO(_bounded(stream)), media_type, parser_context)


def _bounded(stream: IO[bytes]) -> bytes:
    most: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    content = stream.read(most + 1)
    if len(content) > most:
        raise TooLarge()
    return content


def parse_json(content: bytes) -> Any:
    """Return a document in which every name is unique, every number finite and every text whole.

    Python's own reader lets the last of two equal names win, reads 1e400 as infinity and keeps half a surrogate pair;
    what reads the document after us may see it otherwise (RFC 7493, sections 2.1 to 2.3).

    Raises:
        ValueError: any of these, NUL in a text, nesting deeper than `MOST_DEPTH`, or no JSON at all.
    """
    try:
        document = json.loads(
            codecs.decode(content, "utf-8"),
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_int=_short,
            parse_constant=_no_constant,
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check(document)
    return document


_TOO_DEEP = f"values are nested deeper than {MOST_DEPTH}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _short(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError("a number is out of range")
    return int(text)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check(document: Any) -> None:
    """Check depth and texts without recursion: the document decides how deep it is."""
    stack: list[tuple[Any, int]] = [(document, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > MOST_DEPTH:
            raise ValueError(_TOO_DEEP)
        if isinstance(value, dict):
            stack += [(child, depth + 1) for pair in value.items() for child in pair]
        elif isinstance(value, list):
            stack += [(child, depth + 1) for child in value]
        elif isinstance(value, str) and not _is_whole(value):
            raise ValueError("texts hold neither NUL nor half a surrogate pair")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
