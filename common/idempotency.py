"""`Idempotency-Key`: the same request sent twice has one effect and one answer.

The key's row is inserted first, in the transaction of the effect. A second request with the same key waits on the
unique constraint (PostgreSQL) or for the write lock (SQLite, IMMEDIATE); once the first has committed it replays the
stored answer, and if the first rolled back it does the work itself. Waiting too long is 409, another body is 422.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from common import clock
from common.context import PUBLIC, in_unit_of_work, unit_of_work
from common.errors import Busy, IdempotencyMismatch, InvalidInput
from common.keys import key_ring
from common.models import IdempotencyKey
from common.problem import is_lock_timeout

__all__ = ["IdempotencyKey", "StoredResponse", "idempotent", "purge"]

KEEP = timedelta(hours=24)
WAIT_SECONDS = 10
STORED_HEADERS = ("ETag", "Location", "Preference-Applied", "Retry-After")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class StoredResponse:
    """An answer as it was first given; `replayed` says that this request did not cause it."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)
    replayed: bool = False

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    def as_response(self) -> Response:
        """Return the answer, marked where it is a repetition."""
        headers = {**self.headers, "Idempotency-Replayed": "true"} if self.replayed else self.headers
        return Response(self.body, status=self.status, headers=headers)


Replay = Callable[[Any, Request, StoredResponse], Response]
Method = TypeVar("Method", bound=Callable[..., Response])


def idempotent(view_method: Method | None = None, *, replay: Replay | None = None) -> Any:
    """Honour `Idempotency-Key` on a DRF view method; without the header the method just runs.

    Plain: the view is inside `UnitOfWorkAPIMixin`'s unit of work, whose transaction holds key and effect.

    With `replay(view, request, stored)`: for `Prefer: wait`. The view has `own_transaction = True`; the method runs in
    a unit of work opened here and returns the 202 that names its job. After the commit, `replay` turns that stored
    answer into the final one, for the first request and for each repetition alike (by waiting for the job, say).
    """
    if view_method is None:
        return functools.partial(idempotent, replay=replay)

    @functools.wraps(view_method)
    def wrapper(view: APIView, request: Request, *args: Any, **kwargs: Any) -> Response:
        if replay is None:
            answer = _once(view_method, view, request, *args, **kwargs)
            return answer if isinstance(answer, Response) else answer.as_response()
        if in_unit_of_work():
            raise RuntimeError("idempotent(replay=…) needs a view with own_transaction = True")
        with unit_of_work(request.user if request.user.is_authenticated else PUBLIC):
            answer = _once(view_method, view, request, *args, **kwargs)
        return replay(view, request, _as_stored(answer) if isinstance(answer, Response) else answer)

    return cast(Method, wrapper)


def purge(*, keep: timedelta = KEEP) -> int:
    """Delete keys older than `keep`; return how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=clock.now() - keep).delete()
    return deleted


def _once(
    method: Callable[..., Response], view: APIView, request: Request, *args: Any, **kwargs: Any
) -> Response | StoredResponse:
    """Return the method's answer: its own from now, the stored one from the first time."""
    key = request.headers.get("Idempotency-Key")
    if not key or not request.user.is_authenticated:
        return method(view, request, *args, **kwargs)
    if not _KEY.fullmatch(key):
        raise InvalidInput("Idempotency-Key wants 1 to 255 visible ASCII characters.")
    if not in_unit_of_work(writable=True):
        raise RuntimeError("an idempotent method needs a writable unit of work")
    fresh = IdempotencyKey(
        key=key,
        user_id=request.user.pk,
        method=request.method or "",
        path=request.path[:500],
        body_sha256=_body_sha256(request),
    )
    if not _insert(fresh):
        return _replay(fresh)
    response = method(view, request, *args, **kwargs)
    _store(fresh, _as_stored(response))
    return response


def _insert(row: IdempotencyKey) -> bool:
    """Insert the key; False if it is there already, after the first request has ended.

    Raises:
        Busy: the first request takes longer than we wait.
    """
    try:
        with transaction.atomic(), _limited_wait():
            row.save(force_insert=True)
    except IntegrityError:
        return False
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        raise Busy("The first request with this Idempotency-Key is still running; send it again later.") from error
    return True


class _limited_wait:
    """Bound the wait for another transaction's row on PostgreSQL; SQLite's time-out bounds the wait for its lock."""

    def __enter__(self) -> None:
        self._set(f"{getattr(settings, 'IDEMPOTENCY_WAIT_SECONDS', WAIT_SECONDS)}s")

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is None:  # else the savepoint's roll-back resets it
            self._set("0")

    def _set(self, value: str) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [value])


def _replay(fresh: IdempotencyKey) -> StoredResponse:
    """Return the stored answer.

    Raises:
        IdempotencyMismatch: it answered another request.
    """
    first = IdempotencyKey.objects.get(user_id=fresh.user_id, key=fresh.key)
    if (first.method, first.path, first.body_sha256) != (fresh.method, fresh.path, fresh.body_sha256):
        raise IdempotencyMismatch()
    if first.response_status is None:
        raise Busy()
    body = key_ring([first.user_id]).decrypt(first.user_id, first.response_body or b"")
    return StoredResponse(first.response_status, body, first.response_headers, replayed=True)


def _store(row: IdempotencyKey, stored: StoredResponse) -> None:
    user_id: UUID = row.user_id
    row.status = "done"
    row.response_status = stored.status
    row.response_headers = stored.headers
    row.response_body = key_ring([user_id], create=True).encrypt(user_id, stored.text)
    row.save(update_fields=["status", "response_status", "response_headers", "response_body"])


def _as_stored(response: Response) -> StoredResponse:
    headers = {name: response.headers[name] for name in STORED_HEADERS if name in response.headers}
    return StoredResponse(response.status_code, json.dumps(response.data, cls=JSONEncoder), headers)


def _body_sha256(request: Request) -> str:
    """Return the hash of what was sent; a multipart body by its fields and files, since its boundary is random."""
    digest = hashlib.sha256()
    if not (request.content_type or "").startswith("multipart/"):
        digest.update(request._request.body)
        return digest.hexdigest()
    fields = sorted((name, values) for name, values in request.POST.lists())
    digest.update(json.dumps(fields).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(json.dumps([name, file.name, file.size]).encode())
            for chunk in file.chunks(_CHUNK):
                digest.update(chunk)
            file.seek(0)
    return digest.hexdigest()
