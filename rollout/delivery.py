"""One message to one address, through apprise: Slack, e-mail, PagerDuty, a web hook, a hundred others."""

from __future__ import annotations

import logging
from typing import Final

import apprise

# Kinds that page somebody (PagerDuty and its like tell "failure" from "info").
_URGENT: Final = frozenset({"incident", "alert"})
_GOOD: Final = frozenset({"alert_cleared"})


class NotDelivered(Exception):
    """The address did not take the message; says which kind of address and what it answered, never the address."""


def is_known(address: str) -> bool:
    """Return whether this is an apprise URL; asks nobody."""
    return bool(apprise.Apprise().add(address))


def deliver(address: str, *, kind: str, subject: str, text: str) -> None:
    """Send a message to an apprise URL; each connection is given up after 4 s (apprise's own limit).

    Raises:
        NotDelivered: the address is no apprise URL, did not answer or refused.
    """
    scheme = address.partition(":")[0]
    target = apprise.Apprise()
    with apprise.LogCapture(level=logging.WARNING) as said:
        if not target.add(address):
            raise NotDelivered(f"{scheme}: this is no address that apprise knows")
        urgency = apprise.NotifyType.SUCCESS if kind in _GOOD else apprise.NotifyType.INFO
        urgency = apprise.NotifyType.FAILURE if kind in _URGENT else urgency
        if target.notify(title=subject, body=text, notify_type=urgency, body_format=apprise.NotifyFormat.TEXT):
            return
        lines = [line for line in said.getvalue().splitlines() if line.strip()]
    raise NotDelivered(f"{scheme}: {lines[0].split(' - ', 2)[-1] if lines else 'not delivered'}")
