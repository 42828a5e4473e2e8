"""Read the environment once, with clear errors; every setting that people may change passes through here."""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """Return the variable as text, or the default where it is unset or blank."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    """Return the variable as a boolean.

    Raises:
        ImproperlyConfigured: the value is neither a yes nor a no.
    """
    raw = os.environ.get(name)
    if raw is None:
        return default
    value = raw.strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no, not {raw!r}")


def integer(name: str, default: int) -> int:
    """Return the variable as a whole number.

    Raises:
        ImproperlyConfigured: the value is not a whole number.
    """
    raw = text(name)
    try:
        return int(raw) if raw else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {raw!r}") from error


def share(name: str, default: float) -> float:
    """Return the variable as a number from 0 to 1.

    Raises:
        ImproperlyConfigured: the value is none.
    """
    raw = text(name)
    try:
        number = float(raw) if raw else default
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, not {raw!r}") from error
    if not 0 <= number <= 1:
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, not {raw!r}")
    return number


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated variable as a list without blanks."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def one_of(name: str, *allowed: str) -> str:
    """Return a variable that has few values; the first is the default.

    Raises:
        ImproperlyConfigured: the value is another.
    """
    value = text(name, allowed[0])
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(allowed)}, not {value!r}")
    return value


def time_zone(name: str, default: str) -> str:
    """Return a variable that names a time zone.

    Raises:
        ImproperlyConfigured: the time zone database does not know it.
    """
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ImproperlyConfigured(f"{name} must be a time zone such as Europe/Berlin, not {value!r}") from error
    return value


def pairs(name: str) -> dict[str, str]:
    """Return `NAME=VALUE,NAME=VALUE` as a dictionary.

    Raises:
        ImproperlyConfigured: an entry is not `NAME=VALUE`; it is not repeated, since it may be a password.
    """
    found = [word.partition("=") for word in words(name)]
    if any(not key or not separator for key, separator, _ in found):
        raise ImproperlyConfigured(f"{name} wants NAME=VALUE entries separated by commas")
    return {key: value for key, _, value in found}


def versioned_keys(name: str) -> dict[int, str]:
    """Return `1:BASE64,2:BASE64` as {version: key}; the highest version is the one that encrypts.

    Raises:
        ImproperlyConfigured: an entry is not `VERSION:KEY`.
    """
    keys: dict[int, str] = {}
    for entry in words(name):
        version, separator, key = entry.partition(":")
        if not separator or not version.isdigit() or not key:
            raise ImproperlyConfigured(f"{name} wants VERSION:KEY entries separated by commas")
        keys[int(version)] = key
    return keys
