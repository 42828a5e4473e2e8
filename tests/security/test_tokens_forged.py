"""Access tokens that we did not sign, or not for this: each is a plain 401."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import jwt
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import tokens
from common import clock
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db

OTHER: Final = "another-secret-of-at-least-thirty-two-bytes"


def claims_of(user: User, **changes: Any) -> dict[str, Any]:
    """Return the claims of a token of ours, changed."""
    token = tokens.log_in(email=user.email, password=PASSWORD).access
    found = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def signed(claims: dict[str, Any], *, key: str = "", algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key or settings.SECRET_KEY, algorithm=algorithm, headers=headers)


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    parts = (json.dumps(part).encode() for part in ({"typ": "JWT", "alg": algorithm}, claims))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def raised(user: User) -> dict[str, Any]:
    """Return the claims of an administrator, by the role's name alone."""
    return claims_of(user, role="admin")


FORGED: Final[dict[str, Callable[[User], str]]] = {
    "alg none": lambda user: unsigned(claims_of(user), "none"),
    "alg None": lambda user: unsigned(claims_of(user), "None"),
    "alg HS256 without a signature": lambda user: unsigned(claims_of(user), "HS256"),
    "another algorithm with our key": lambda user: signed(claims_of(user), algorithm="HS512"),
    "another key": lambda user: signed(claims_of(user), key=OTHER),
    "a key that its header names": lambda user: signed(
        claims_of(user), key=OTHER, kid="../../dev/null", jku="http://x"
    ),
    "a key in its header": lambda user: signed(claims_of(user), key=OTHER, jwk={"kty": "oct", "k": OTHER}),
    "expired": lambda user: signed(claims_of(user, exp=int((clock.now() - timedelta(minutes=1)).timestamp()))),
    "that never expires": lambda user: signed(claims_of(user, exp=None)),
    "for refreshing": lambda user: tokens.log_in(email=user.email, password=PASSWORD).refresh,
    "of no type": lambda user: signed(claims_of(user, token_type=None)),
    "of an earlier version": lambda user: signed(claims_of(user, ver=-1)),
    "of no version": lambda user: signed(claims_of(user, ver=None)),
    "of a user by name": lambda user: signed(claims_of(user, sub=user.email)),
    "cut": lambda user: signed(claims_of(user))[:-4],
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_refused(kind: str) -> None:
    answer = APIClient().get("/api/v1/me", headers={"authorization": f"Bearer {FORGED[kind](make_user())}"})
    assert answer.status_code == 401, answer.content
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_what_a_token_claims_of_its_user_counts_for_nothing() -> None:
    """Even signed by us: the database says who somebody is."""
    coach = make_user("coach")
    client = APIClient(headers={"authorization": f"Bearer {signed(raised(coach))}"})
    assert client.get("/api/v1/me").json()["role"] == "coach"
    assert client.get("/api/v1/audit/proofs/consistency?first=1").status_code == 403


def test_an_access_token_refreshes_nothing() -> None:
    access = tokens.log_in(email=make_user().email, password=PASSWORD).access
    assert APIClient().post("/api/v1/auth/token/refresh", {"refresh": access}).status_code == 401
