"""Passwords: chosen by their owner alone, with an old one or by a link that was mailed.

Whoever had got in with the old one is out: a new password ends every session, access token and refresh token.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import RefreshToken, User
from accounts.services.notify import MAILER
from accounts.services.tokens import count_from_address
from audit.services import record
from common import clock, throttle
from common.context import PUBLIC, unit_of_work
from common.errors import InvalidInput
from common.jobs import Job, enqueue, register_job

RESET_JOB: Final = "accounts.send_reset"


def choose_password(*, password: str, acting_user: User) -> User:
    """Give a user the password that they chose, and end whatever was logged in with another.

    Raises:
        InvalidInput: too short, too common, or too like their name or address.
    """
    with unit_of_work(acting_user):
        user = User.objects.select_for_update().get(pk=acting_user.pk)
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise InvalidInput(" ".join(error.messages), pointer="/password") from error
        is_first = not user.has_usable_password()
        user.set_password(password)
        user.token_version += 1
        user.save()
        RefreshToken.objects.filter(user=user, revoked_at=None).update(revoked_at=clock.now())
        record("user.password_change", target_id=user.pk, metadata={"is_first": is_first})
        return user


def ask_for_reset(*, email: str) -> None:
    """Mail a link to choose a new password, if somebody who can log in has this address.

    The answer does not wait for it, and the same is written for an address that nobody has: neither what is said nor
    how long it takes tells who has an account.

    Raises:
        LimitReached: asked too often for this e-mail or from this address.
    """
    count_from_address()
    throttle.take("password_reset", email)
    with unit_of_work(PUBLIC):
        user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
        enqueue(RESET_JOB, {"user_id": str(user.pk if user else uuid.uuid4())})


def link_to_choose(user: User) -> str:
    """Return the address at which a user chooses a password, once and within `PASSWORD_RESET_TIMEOUT`.

    It starts with `PUBLIC_URL`: the Host of a request is whatever its sender says.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    return f"{settings.PUBLIC_URL}{path}"


def _send_reset(job: Job) -> dict[str, Any]:
    with unit_of_work(MAILER, read_only=True):
        user = User.objects.filter(pk=job.payload["user_id"], is_active=True).first()
    if user is None:
        return {"sent": 0}
    send_mail(
        subject="A new password for Mesocycle",
        message=(
            f"Hello {user.name or user.email},\n\nsomebody, probably you, wants a new password for your account."
            f" Choose it here:\n\n{link_to_choose(user)}\n\nIf it was not you, there is nothing to do.\n"
        ),
        from_email=None,
        recipient_list=[user.email],
    )
    return {"sent": 1}


register_job(RESET_JOB, _send_reset)
