"""Looking at the service from outside (H6: 99.9 % up): one request, and whether it was answered as it should be.

Without the database: that it cannot be reached is what a prober is there to see.
"""

from __future__ import annotations

import http.client
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from common.errors import InvalidInput

SCHEMES: Final = ("http", "https")
AGENT: Final = "mesocycle-probe"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found; `milliseconds` until the whole answer was read, None where none came."""

    minute: datetime
    is_up: bool
    milliseconds: float | None
    failure: str = ""


def address_of(url: str) -> tuple[bool, str, int | None, str]:
    """Return whether it is TLS, host, port and path of an address.

    Raises:
        InvalidInput: not http or https, no host, a port that is none, or credentials in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"{url!r} is no address: {error}.", pointer="/url") from error
    if parts.scheme not in SCHEMES or not parts.hostname or parts.username is not None:
        raise InvalidInput(f"{url!r} is no address such as https://plans.example/health/ready.", pointer="/url")
    query = f"?{parts.query}" if parts.query else ""
    return parts.scheme == "https", parts.hostname, port, (parts.path or "/") + query


def look(url: str, *, minute: datetime, timeout: float) -> Seen:
    """Ask once; up is an answer of 200 within `timeout` seconds. Redirects are not followed.

    Raises:
        InvalidInput: as `address_of`.
    """
    is_tls, host, port, path = address_of(url)
    if is_tls:
        asking: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        asking = http.client.HTTPConnection(host, port, timeout=timeout)
    started = time.monotonic()
    try:
        asking.request("GET", path, headers={"User-Agent": AGENT, "Cache-Control": "no-cache"})
        answer = asking.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Seen(minute, False, None, type(error).__name__)
    finally:
        asking.close()
    took = (time.monotonic() - started) * 1e3
    if answer.status != http.client.OK:
        return Seen(minute, False, took, f"status {answer.status}")
    if took > timeout * 1e3:  # each read was in time, all of them were not
        return Seen(minute, False, took, "slow")
    return Seen(minute, True, took)
