"""Invitation by e-mail: a link with which a new user chooses a password."""

from __future__ import annotations

from django.core.mail import send_mail
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.models import User
from accounts.services.passwords import link_to_choose
from accounts.services.people import Actor, add_user
from common.context import unit_of_work
from common.language import language_of


def invite_user(*, email: str, name: str, role: str, acting_user: Actor) -> User:
    """Make a log-in and e-mail its owner a link to choose a password, once the row is committed.

    Raises:
        As `add_user`.
    """
    with unit_of_work(acting_user):
        user = add_user(email=email, name=name, role=role, acting_user=acting_user)
        transaction.on_commit(lambda: _send(user))
        return user


def _send(user: User) -> None:
    with translation.override(language_of(user)):
        subject = gettext("Your Mesocycle account")
        text = gettext("Hello {name},\n\nchoose your password here:").format(name=user.name or user.email)
    message = f"{text}\n\n{link_to_choose(user)}\n"
    send_mail(subject=subject, message=message, from_email=None, recipient_list=[user.email])
