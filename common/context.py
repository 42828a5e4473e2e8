"""Who acts, and the transaction in which they act.

`unit_of_work` is the only way to open a transaction: it carries the actor, and on PostgreSQL it sets what row-level
security reads (`app.user_id`, `app.service`), local to the transaction. Services join the open one. Work without a
person runs as a registered service identity. Where no unit is open, `current_actor()` raises: a missing context must
not quietly see no rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from django.db import connection, transaction

from common.ids import uuid7
from common.registries import Registry

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


logger = logging.getLogger("mesocycle.context")

_WRITING_STATEMENTS = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER"})


class NoContext(RuntimeError):
    """Something needs to know who acts, and no unit of work is open."""


class ContextMismatch(RuntimeError):
    """A unit of work was opened inside another one that it cannot join: other actor, or writing inside a read."""


@dataclass(frozen=True)
class ServiceIdentity:
    """Work that no person does (export, sealer, relay, …), each with its own scope in matrix and row-level security."""

    name: str

    def __str__(self) -> str:
        return f"service:{self.name}"


SERVICES: Registry[ServiceIdentity] = Registry("service identities")


def register_service(name: str) -> ServiceIdentity:
    """Make `name` known as a service identity; called at import time or in `AppConfig.ready`."""
    return SERVICES.register(name, ServiceIdentity(name))


def service(name: str) -> ServiceIdentity:
    """Return a registered service identity.

    Raises:
        KeyError: nobody registered it.
    """
    return SERVICES.get(name)


Actor: TypeAlias = "AbstractBaseUser | ServiceIdentity"

# Who runs a command on the server without `--as`: whoever may do that may read the database as well.
COMMAND_LINE = register_service("command-line")
PUBLIC = register_service("public")  # requests of people who have not said who they are (log-in, password reset)


@dataclass
class _Unit:
    actor: Actor
    read_only: bool
    in_transaction: bool
    after: list[Callable[[], object]] = field(default_factory=list)
    memory: dict[Any, Any] = field(default_factory=dict)


_unit: ContextVar[_Unit | None] = ContextVar("unit_of_work", default=None)


@dataclass(frozen=True)
class RequestInfo:
    """Where a change came from; `origin_ip` only from proxies that the settings trust."""

    request_id: UUID
    origin_ip: str | None = None
    user_agent: str = ""


request_info: ContextVar[RequestInfo | None] = ContextVar("request_info", default=None)


@contextmanager
def requested_by(info: RequestInfo) -> Iterator[RequestInfo]:
    """Let everything inside the block count as part of this request (also in a job, long after the answer)."""
    token = request_info.set(info)
    try:
        yield info
    finally:
        request_info.reset(token)


def current_request_id() -> UUID:
    """Return the id of the request at hand, or a new one where there is none (a command, a test)."""
    info = request_info.get()
    return info.request_id if info else uuid7()


def current_actor() -> Actor:
    """Return who acts.

    Raises:
        NoContext: no unit of work is open.
    """
    unit = _unit.get()
    if unit is None:
        raise NoContext("open a unit_of_work (or acting_as) first")
    return unit.actor


def in_unit_of_work(*, writable: bool = False) -> bool:
    """Return whether a unit of work is open (and may write)."""
    unit = _unit.get()
    return unit is not None and not (writable and unit.read_only)


def unit_memory() -> dict[Any, Any]:
    """Return a dictionary that lives as long as the open unit of work; a new one where none is open."""
    unit = _unit.get()
    return {} if unit is None else unit.memory


def after_unit(callback: Callable[[], object]) -> None:
    """Run `callback` once the open unit of work has ended, committed or rolled back; at once where none is open.

    For what must outlive a roll-back, such as the record of a refused attempt. An error in it is logged, not raised:
    the answer to the request stands already.
    """
    unit = _unit.get()
    if unit is None:
        callback()
    else:
        unit.after.append(callback)


def _identity(actor: Actor) -> tuple[str, str]:
    """Return (user id, service name), one of them empty."""
    if isinstance(actor, ServiceIdentity):
        service(actor.name)
        return "", actor.name
    if actor is None or actor.pk is None or not actor.is_authenticated:
        raise NoContext("an anonymous person cannot open a unit of work; use context.PUBLIC")
    return str(actor.pk), ""


@contextmanager
def unit_of_work(actor: Actor, *, read_only: bool = False) -> Iterator[None]:
    """Act as `actor` in one transaction; inside an open unit of the same actor, join it.

    An error that leaves an inner block dooms the whole unit, also if the caller swallows it: no half service.

    Raises:
        ContextMismatch: another actor's unit is open, or this one would write inside a read-only one.
        NoContext: the actor is anonymous.
    """
    identity = _identity(actor)
    outer = _unit.get()
    if outer is None:
        with _outermost(actor, identity, read_only):
            yield
        return
    if _identity(outer.actor) != identity:
        raise ContextMismatch(f"{actor} cannot act inside the unit of work of {outer.actor}")
    if outer.read_only and not read_only:
        raise ContextMismatch("a read-only unit of work is open; nothing can be written inside it")
    with transaction.atomic(savepoint=False) if outer.in_transaction else ExitStack():
        yield


acting_as = unit_of_work


@contextmanager
def _outermost(actor: Actor, identity: tuple[str, str], read_only: bool) -> Iterator[None]:
    """Open the transaction, set the database's context, and run what was left for afterwards."""
    on_postgres = connection.vendor == "postgresql"
    # A read on SQLite opens no transaction (IMMEDIATE would take the write lock), only a savepoint in a test case.
    unit = _Unit(actor, read_only, in_transaction=on_postgres or not read_only or connection.in_atomic_block)
    try:
        with ExitStack() as stack:
            if unit.in_transaction:
                stack.enter_context(transaction.atomic(durable=True))
            if on_postgres:
                stack.enter_context(_postgres_context(identity, read_only))
            elif read_only:
                stack.enter_context(connection.execute_wrapper(_refuse_writes))
            # The unit closes before the commit, so that what runs on commit (an eager job) opens its own.
            stack.enter_context(_as_current(unit))
            yield
    finally:
        for callback in unit.after:
            _run_afterwards(callback)


@contextmanager
def _as_current(unit: _Unit) -> Iterator[None]:
    token = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(token)


@contextmanager
def _postgres_context(identity: tuple[str, str], read_only: bool) -> Iterator[None]:
    """Tell row-level security who acts, until the transaction ends.

    Inside somebody else's transaction (a test case's) the settings would outlive the unit: the former ones come back.
    """
    nested = len(connection.savepoint_ids) > 0
    with connection.cursor() as cursor:
        before = _current_settings(cursor) if nested else ("", "")
        if read_only:
            cursor.execute("SET TRANSACTION READ ONLY")
        _apply_settings(cursor, identity)
    yield
    if nested and not connection.needs_rollback:
        with connection.cursor() as cursor:
            _apply_settings(cursor, before)


def _current_settings(cursor: Any) -> tuple[str, str]:
    cursor.execute("SELECT current_setting('app.user_id', true), current_setting('app.service', true)")
    user_id, service_name = cursor.fetchone()
    return user_id or "", service_name or ""


def _apply_settings(cursor: Any, identity: tuple[str, str]) -> None:
    cursor.execute("SELECT set_config('app.user_id', %s, true), set_config('app.service', %s, true)", identity)


def _refuse_writes(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Refuse on SQLite what PostgreSQL refuses in a read-only transaction."""
    if sql.lstrip().split(None, 1)[0].upper() in _WRITING_STATEMENTS:
        raise ContextMismatch("a read-only unit of work is open; nothing can be written inside it")
    return execute(sql, params, many, context)


def _run_afterwards(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception:
        logger.exception("what was left for after the unit of work failed")
