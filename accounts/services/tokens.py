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
from common import clock, throttle
from common.context import request_info, unit_of_work
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
        LimitReached: too many attempts for this e-mail or from this address, right ones included.
        NotAuthenticated: wrong or unusable credentials; the answer does not say which.
    """
    count_log_in(email)
    user = authenticate(username=email, password=password)
    if not isinstance(user, User):
        raise NotAuthenticated("E-mail or password is wrong.")
    with unit_of_work(user):
        return _issue(user, family=uuid.uuid4())


def count_log_in(email: str) -> None:
    """Count an attempt to log in, by e-mail and by address; raises LimitReached."""
    count_from_address()
    throttle.take("login", email)


def count_from_address() -> None:
    """Count an attempt of somebody who is not logged in, by address; raises LimitReached."""
    throttle.take("login_address", _address())


def _address() -> str:
    info = request_info.get()
    return (info.origin_ip if info else None) or "unknown"


def refresh(*, token: str) -> TokenPair:
    """Exchange a refresh token for a new pair and consume it.

    The same token within `RETRY_GRACE` gets the same successor, as long as nobody has used that one.

    Raises:
        LimitReached: too many from this address.
        NotAuthenticated: malformed, expired, revoked or already used; a re-use ends the whole family.
    """
    throttle.take("refresh", _address())
    claims = _claims(token)
    user = User.objects.filter(pk=claims["sub"], is_active=True).first()
    if user is None:
        raise NotAuthenticated("This account is not active.")
    with unit_of_work(user):
        now = clock.now()
        rows = RefreshToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now)
        row = rows.filter(pk=claims["jti"]).first()
        if row is None:
            raise NotAuthenticated("This refresh token is no longer valid; log in again.")
        successor = _new_row(user, family=row.family)
        if rows.filter(pk=row.pk, consumed_at=None).update(consumed_at=now, successor_id=successor.pk):
            successor.save(force_insert=True)
            return _pair(user, successor)
        row.refresh_from_db()  # whoever came first has committed: the update above waited for them
        again = rows.filter(pk=row.successor_id, consumed_at=None).first() if row.successor_id else None
        if again is not None and row.consumed_at and now - row.consumed_at <= RETRY_GRACE:
            return _pair(user, again)
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
    row = _new_row(user, family=family)
    row.save(force_insert=True)
    return _pair(user, row)


def _new_row(user: User, *, family: uuid.UUID) -> RefreshToken:
    return RefreshToken(user=user, family=family, expires_at=clock.now() + EncodedRefreshToken.lifetime)


def _pair(user: User, row: RefreshToken) -> TokenPair:
    """Return the tokens of a row; the refresh token is made of nothing but the row, so a retry gets the very same."""
    encoded = EncodedRefreshToken()
    encoded.payload.update({"jti": str(row.pk), "sub": str(user.pk)})
    encoded.set_iat(at_time=row.created_at)
    encoded.set_exp(from_time=row.expires_at, lifetime=timedelta(0))
    access = AccessToken()
    access.payload.update(
        {"sub": str(user.pk), "ver": user.token_version, "role": user.role, "subject_scope": subject_scope(user)}
    )
    return TokenPair(access=str(access), refresh=str(encoded))
