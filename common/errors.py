"""Domain errors: each has a problem type (RFC 9457) and a status, and knows nothing of HTTP libraries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

PROBLEM_TYPES: dict[str, type[DomainError]] = {}


def json_pointer(path: str) -> str:
    """Return `race_date`, `/race_date` or `#/race_date` as a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    bare = path.removeprefix("#").removeprefix("/")
    return f"#/{bare}" if bare else "#"


class DomainError(Exception):
    """A change or a read that the domain refuses; a subclass's docstring is its problem's page.

    `pointer` names the offending part of the request; `members` become extension members of the problem.
    """

    type_slug: ClassVar[str] = "domain-error"
    title: ClassVar[str] = "The request was refused"
    status: ClassVar[int] = 400

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type_slug" in cls.__dict__:
            known = PROBLEM_TYPES.setdefault(cls.type_slug, cls)
            if known.__qualname__ != cls.__qualname__:
                raise TypeError(f"problem type {cls.type_slug} belongs to {known.__qualname__}")

    def __init__(self, detail: str = "", *, pointer: str | None = None, **members: Any) -> None:
        self.detail = detail or self.title
        self.pointer = pointer
        self.members: dict[str, Any] = members
        super().__init__(self.detail)

    @property
    def errors(self) -> list[dict[str, str]]:
        """Return the offending parts as `{pointer, detail}`, empty where none is named."""
        return [{"pointer": json_pointer(self.pointer), "detail": self.detail}] if self.pointer else []

    def as_problem(self, *, instance: str | None = None) -> dict[str, Any]:
        """Return the problem document (RFC 9457)."""
        problem: dict[str, Any] = {
            "type": f"/problems/{self.type_slug}/",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if instance:
            problem["instance"] = instance
        if self.errors:
            problem["errors"] = self.errors
        return {**self.members, **problem}


class NotVisible(DomainError):
    """The thing does not exist, or lies outside what you may see; the answer is the same for both."""

    type_slug = "not-found"
    title = "Not found"
    status = 404


class NotAuthenticated(DomainError):
    """Nobody, or nobody who may log in, sent this: send a valid access token (Authorization: Bearer …) or log in."""

    type_slug = "not-authenticated"
    title = "Who are you?"
    status = 401


class NotPermitted(DomainError):
    """You may see this, but your role or grants do not allow this action."""

    type_slug = "forbidden"
    title = "Not permitted"
    status = 403


class StaleVersion(DomainError):
    """Somebody saved since you read it. `current_etag` names the present version: read again, merge, send again."""

    type_slug = "stale-version"
    title = "Somebody saved since you read this"
    status = 412


class PreconditionRequired(DomainError):
    """This change must say which version it is based on, in the header If-Match or the body's `expected_etag`."""

    type_slug = "precondition-required"
    title = "Say which version you changed"
    status = 428


class WrongState(DomainError):
    """The thing is in a state in which this action is not possible."""

    type_slug = "wrong-state"
    title = "Not possible in this state"
    status = 409


class InvalidInput(DomainError):
    """Some of the values sent are missing, malformed or impossible; `errors` points at each."""

    type_slug = "validation-error"
    title = "Some values are not valid"
    status = 400

    def __init__(
        self,
        detail: str = "",
        *,
        pointer: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        **members: Any,
    ) -> None:
        super().__init__(detail, pointer=pointer, **members)
        self._errors = [{"pointer": json_pointer(e["pointer"]), "detail": e["detail"]} for e in errors]

    @property
    def errors(self) -> list[dict[str, str]]:
        """Return every offending part as `{pointer, detail}`."""
        return [*super().errors, *self._errors]


def flatten_errors(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Return a nested error detail (Django's or DRF's) as a flat list of `{pointer, detail}`."""
    if isinstance(detail, dict):
        return [e for key, value in detail.items() for e in flatten_errors(value, _below(path, str(key)))]
    if isinstance(detail, list):
        errors: list[dict[str, str]] = []
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            errors += flatten_errors(value, _below(path, str(index)) if nested else path)
        return errors
    return [{"pointer": json_pointer(path), "detail": str(detail)}]


def _below(path: str, key: str) -> str:
    """Return the pointer one step further; `non_field_errors` belong to the object itself."""
    if key in ("non_field_errors", "__all__"):
        return path
    escaped = key.replace("~", "~0").replace("/", "~1")
    return f"{path}/{escaped}"


class LimitReached(DomainError):
    """You have used up what you may ask for in this period; the header Retry-After says when to come again."""

    type_slug = "limit-reached"
    title = "Limit reached"
    status = 429

    def __init__(self, detail: str = "", *, retry_after: int, pointer: str | None = None, **members: Any) -> None:
        super().__init__(detail, pointer=pointer, **members)
        self.retry_after = retry_after


class IdempotencyMismatch(DomainError):
    """This Idempotency-Key was used before with another request; make a new key for a new request."""

    type_slug = "idempotency-mismatch"
    title = "The idempotency key belongs to another request"
    status = 422


class Busy(DomainError):
    """Another request holds what this one needs, and waiting for it took too long; send it again."""

    type_slug = "busy"
    title = "Still busy with another request"
    status = 409


class Unavailable(DomainError):
    """What the request needs does not answer at the moment; send it again, a write with the same Idempotency-Key."""

    type_slug = "unavailable"
    title = "Not available at the moment"
    status = 503
    retry_after = 2


class KeyDestroyed(DomainError):
    """The person's data was erased: the key that could read it no longer exists."""

    type_slug = "erased"
    title = "This was erased"
    status = 410


class InternalError(DomainError):
    """Something went wrong on our side. The request id lets us find it in the logs."""

    type_slug = "internal-error"
    title = "Something went wrong on our side"
    status = 500
