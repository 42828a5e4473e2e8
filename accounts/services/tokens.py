"""Access and refresh tokens: each refresh token is used once, a re-used one ends its family.

SimpleJWT encodes and verifies; rotation is ours because eight concurrent refreshes of one of its tokens gave several
successes.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth import authenticate
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken
from rest_framework_simplejwt.tokens import RefreshToken as EncodedRefreshToken

from accounts.models import Athlete, RefreshToken, User
from accounts.scope import athletes_in_scope
from audit.services import record
from common import clock
from common.context import unit_of_work
from common.errors import NotAuthenticated

SCOPE_CAP = 200
# A phone that lost the answer may send the same token again within this time without being taken for a thief.
RETRY_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class TokenPair:
    access: str
    refresh: str


def log_in(*, email: str, password: str) -> TokenPair:
    """Exchange e-mail and password for a pair of tokens.

    Raises:
        NotAuthenticated: wrong or unusable credentials; the answer does not say which.
    """
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise NotAuthenticated("E-mail or password is wrong.")
    with unit_of_work(user):
        return _issue(user, family=uuid.uuid4())


def refresh(*, token: str) -> TokenPair:
    """Exchange a refresh token for a new pair and consume it.

    Raises:
        NotAuthenticated: malformed, expired, revoked or already used; a re-use ends the whole family.
    """
    claims = _claims(token)
    user = User.objects.filter(pk=claims["sub"], is_active=True).first()
    if user is None:
        raise NotAuthenticated("This account is not active.")
    with unit_of_work(user):
        now = clock.now()
        row = RefreshToken.objects.filter(pk=claims["jti"], user=user, revoked_at=None, expires_at__gt=now).first()
        if row is None:
            raise NotAuthenticated("This refresh token is no longer valid; log in again.")
        consumed = RefreshToken.objects.filter(pk=row.pk, consumed_at=None, revoked_at=None).update(consumed_at=now)
        if consumed or (row.consumed_at and now - row.consumed_at <= RETRY_GRACE):
            return _issue(user, family=row.family)
        RefreshToken.objects.filter(family=row.family, revoked_at=None).update(revoked_at=now)
        record("auth.refresh_reuse", target_id=user.pk, metadata={"family": str(row.family)})
    raise NotAuthenticated("This refresh token was used before; every session it belongs to has been ended.")


def log_out(*, token: str) -> None:
    """End the family of a refresh token; an unknown one is ended already."""
    claims = _claims(token)
    user = User.objects.filter(pk=claims["sub"]).first()
    if user is None:
        return
    with unit_of_work(user):
        row = RefreshToken.objects.filter(pk=claims["jti"], user=user).first()
        if row is not None:
            RefreshToken.objects.filter(family=row.family, revoked_at=None).update(revoked_at=clock.now())


def subject_scope(user: User) -> dict[str, Any]:
    """Return the athlete and team ids of a user, for the client only: the server decides from the database."""
    ids = Athlete.objects.filter(athletes_in_scope(user, "athlete:view")).order_by("pk").values_list("pk", flat=True)
    athletes = [str(pk) for pk in ids[: SCOPE_CAP + 1]]
    return {
        "athlete_ids": athletes[:SCOPE_CAP],
        "truncated": len(athletes) > SCOPE_CAP,
        "team_ids": [str(pk) for pk in user.teams.order_by("pk").values_list("pk", flat=True)],
    }


def _claims(token: str) -> dict[str, Any]:
    try:
        claims = EncodedRefreshToken(token).payload  # type: ignore[arg-type]  # the stubs want bytes
        uuid.UUID(claims["jti"]), uuid.UUID(claims["sub"])
    except (TokenError, KeyError, ValueError) as error:
        raise NotAuthenticated("This is not a valid refresh token.") from error
    return dict(claims)


def _issue(user: User, *, family: uuid.UUID) -> TokenPair:
    row = RefreshToken.objects.create(user=user, family=family, expires_at=clock.now() + EncodedRefreshToken.lifetime)
    encoded = EncodedRefreshToken()
    encoded.payload.update({"jti": str(row.pk), "sub": str(user.pk)})
    access = AccessToken()
    access.payload.update(
        {"sub": str(user.pk), "ver": user.token_version, "role": user.role, "subject_scope": subject_scope(user)}
    )
    return TokenPair(access=str(access), refresh=str(encoded))
