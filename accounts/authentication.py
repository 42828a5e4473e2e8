"""Who is calling: the access token names the user, the database says everything else."""

from __future__ import annotations

import uuid
from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer …`. Ended by deactivation, deletion or a raised `token_version`, each a plain 401."""

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        if len(parts) != 2:
            raise AuthenticationFailed("Authorization must be: Bearer TOKEN")
        try:
            token = AccessToken(parts[1].decode("ascii"))  # type: ignore[arg-type]
            user_id = uuid.UUID(token.payload["sub"])
            version = int(token.payload["ver"])
        except (TokenError, KeyError, ValueError, TypeError) as error:
            raise AuthenticationFailed("The access token is invalid or has expired.") from error
        user = User.objects.filter(pk=user_id, is_active=True).first()
        if user is None or user.token_version != version:
            raise AuthenticationFailed("The access token has been ended; log in again.")
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="mesocycle"'
