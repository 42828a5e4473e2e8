"""An experiment's life: written as a draft, frozen by the start, paused, changed in phases, ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.scope import require
from audit.models import AuditEvent
from audit.services import record
from common.actors import actor_id
from common.context import unit_of_work
from common.database_time import database_now
from common.errors import InvalidInput, NotVisible, StaleVersion, WrongState
from common.plain import plain
from experiments.configuration import Configuration, Slice
from experiments.documents import CONFIGURED, configuration_of, draft_of, newest_phase, protocol_of
from experiments.fields import invalid, raise_all
from experiments.lifecycle import EDITABLE, Command, NotPossible, State, next_state
from experiments.models import Experiment, ExperimentPhase
from experiments.policies import MANAGE, Actor
from experiments.reading import Phase, check_phases, check_slices
from experiments.services.roster import enrol_roster

WRITTEN: Final = frozenset({"name", "description", "start_at", "protocol", *CONFIGURED})
LONGEST_REASON: Final = 300


def create_experiment(*, key: str, fields: Mapping[str, Any], reason: str, acting_user: Actor) -> Experiment:
    """Write a new draft.

    Raises:
        NotPermitted: not the role's.
        InvalidInput: no reason, a key that is taken, an unknown field, or the configuration has mistakes: all of them.
    """
    with unit_of_work(acting_user):
        require(acting_user, MANAGE)
        experiment = Experiment(key=key, owner_id=actor_id(acting_user))
        taken = [_taken(key)] if Experiment.objects.filter(key=key).exists() else []
        _write(experiment, {"name": key, **fields}, wrong=[*_reasonless(reason), *taken])
        try:
            with transaction.atomic():
                experiment.save(force_insert=True)
        except IntegrityError as error:
            raise invalid([_taken(key)]) from error
        _recorded("experiment.create", experiment, changes=plain(dict(fields)), reason=reason)
        return experiment


def edit_experiment(
    *, key: str, changes: Mapping[str, Any], reason: str, expected: int | None, acting_user: Actor
) -> Experiment:
    """Change a draft; what was started is frozen, and changes by a new phase.

    Raises:
        NotPermitted, NotVisible, InvalidInput: as `create_experiment`; no such experiment.
        StaleVersion: somebody changed it since.
        WrongState: it is no draft any more, and a change would touch the frozen configuration.
    """
    with unit_of_work(acting_user):
        experiment = _managed(key, expected, acting_user)
        _not_frozen(experiment, changes)
        _write(experiment, changes, wrong=_reasonless(reason))
        _saved(experiment)
        _recorded("experiment.change", experiment, changes=plain(dict(changes)), reason=reason)
        return experiment


def step(
    *, key: str, command: Command, reason: str, expected: int | None, acting_user: Actor, ended_by: str = ""
) -> Experiment:
    """Start, pause, resume or complete.

    The start of a closed roster enrols it, in a unit of work of its own; where that is refused the experiment runs and
    has nobody, until `enrol_roster` is done again.

    Args:
        ended_by: the guardrail that stopped it.

    Raises:
        NotPermitted, NotVisible, InvalidInput, StaleVersion: as `edit_experiment`.
        WrongState: not in this state.
    """
    with unit_of_work(acting_user):
        experiment = _managed(key, expected, acting_user)
        raise_all(_reasonless(reason))
        now = database_now()
        try:
            state = next_state(State(experiment.status), command)
        except NotPossible as error:
            raise WrongState(f"An experiment that is {experiment.status} cannot {command}.") from error
        if command is Command.START:
            _freeze(experiment, now, reason)
        experiment.status = state.value
        experiment.ended_at = now if state is State.COMPLETE else None
        experiment.ended_by = ended_by
        _saved(experiment)
        metadata = {"key": key, "command": command.value, "reason": reason.strip()}
        _state(experiment, record("experiment.step", target_id=experiment.pk, metadata=metadata))
    if command is Command.START and experiment.roster == "closed":
        enrol_roster(key=key, acting_user=acting_user)
    return experiment


def begin_phase(
    *, key: str, changes: Mapping[str, Any], reason: str, expected: int | None, acting_user: Actor
) -> Experiment:
    """Go on with other weights, shares or bounds: who has a variant keeps it, who comes now follows the new phase.

    Raises:
        NotPermitted, NotVisible, InvalidInput, StaleVersion: as `edit_experiment`.
        WrongState: it is neither running nor paused, or nothing would change.
    """
    with unit_of_work(acting_user):
        experiment = _managed(key, expected, acting_user)
        if State(experiment.status) not in (State.RUNNING, State.PAUSED):
            raise WrongState(f"An experiment that is {experiment.status} has no next phase.")
        before = {name: plain(getattr(experiment, name)) for name in CONFIGURED}
        _write(experiment, changes, allowed=frozenset(CONFIGURED), wrong=_reasonless(reason))
        if before == {name: plain(getattr(experiment, name)) for name in CONFIGURED}:
            raise WrongState("Nothing differs from the phase that runs.")
        experiment.phase += 1
        _freeze(experiment, database_now(), reason, phase=experiment.phase)
        _saved(experiment)
        _recorded("experiment.change", experiment, changes=plain(dict(changes)), reason=reason)
        return experiment


def _not_frozen(experiment: Experiment, changes: Mapping[str, Any]) -> None:
    frozen = sorted(set(changes) & {*CONFIGURED, "start_at"})
    if State(experiment.status) in EDITABLE or not {*frozen, *changes} - {"name", "description"}:
        return
    why = f"{', '.join(frozen)} would send people to another variant" if frozen else "its question is fixed"
    raise WrongState(f"This experiment is {experiment.status}: {why}.")


def _managed(key: str, expected: int | None, acting_user: Actor) -> Experiment:
    """Authorise a change and return the experiment under lock."""
    require(acting_user, MANAGE)
    experiment = Experiment.objects.select_for_update(no_key=True).filter(key=key).first()
    if experiment is None:
        raise NotVisible(f"There is no experiment {key}.")
    if expected is not None and expected != experiment.version:
        raise StaleVersion("Somebody changed this experiment since.", version=experiment.version)
    return experiment


def _reasonless(reason: str) -> list[dict[str, str]]:
    """Return the mistake of a change that says no reason."""
    if reason.strip() and len(reason.strip()) <= LONGEST_REASON and "\0" not in reason:
        return []
    return [{"pointer": "/reason", "detail": f"Say why, in at most {LONGEST_REASON} readable characters."}]


def _taken(key: str) -> dict[str, str]:
    return {"pointer": "/key", "detail": f"There is an experiment {key} already."}


def _write(
    experiment: Experiment,
    fields: Mapping[str, Any],
    *,
    allowed: frozenset[str] = WRITTEN,
    wrong: Sequence[dict[str, str]] = (),
) -> None:
    """Set columns; refuses what they make, and what was `wrong` before, all at once."""
    unknown = sorted(set(fields) - allowed)
    if unknown:
        raise InvalidInput(f"There is no such field, or not here: {', '.join(unknown)}.", pointer=f"/{unknown[0]}")
    for name, value in fields.items():
        column: Any = Experiment._meta.get_field(name)
        setattr(experiment, name, column.get_default() if value is None and not column.null else value)
    errors = [*wrong, *_unreadable(experiment)]
    start_at = experiment.start_at or database_now()
    configuration, protocol = None, None
    try:
        configuration = draft_of(experiment, start_at=start_at, phase=experiment.phase)
    except InvalidInput as error:
        errors += error.errors
    try:
        protocol = protocol_of(experiment) if experiment.protocol != {} and _has_names(experiment) else None
    except InvalidInput as error:
        errors += error.errors
    raise_all(errors)
    assert configuration is not None
    if protocol is not None:
        experiment.protocol = protocol.as_json()
    experiment.start_at = configuration.start_at if experiment.start_at else None
    experiment.end_at = configuration.end_at


def _has_names(experiment: Experiment) -> bool:
    """Return whether the weights name variants, which a protocol speaks of; else the weights are the mistake."""
    weights = experiment.variant_weights
    return isinstance(weights, Mapping) and all(isinstance(name, str) for name in weights)


def _unreadable(experiment: Experiment) -> list[dict[str, str]]:
    """Return the mistakes of the texts."""
    errors = []
    for name in ("name", "description"):
        text = getattr(experiment, name)
        if not isinstance(text, str) or "\0" in text:
            errors.append({"pointer": f"/{name}", "detail": "This is a readable text."})
    if isinstance(experiment.name, str) and not 0 < len(experiment.name) <= 120:
        errors.append({"pointer": "/name", "detail": "A name has 1 to 120 characters."})
    return errors


def _freeze(experiment: Experiment, now: datetime, reason: str, *, phase: int = 1) -> None:
    """Keep the configuration as it is now as a phase that begins now, or later where the draft says so."""
    begins = begin_of(experiment, now) if phase == 1 else now
    configuration = draft_of(experiment, start_at=begins, phase=phase)
    not_closed_ahead(configuration, now)
    earlier = list(experiment.phases.order_by("number"))
    spans = [Phase(row.number, row.started_at, _end(row, earlier, now)) for row in earlier]
    check_phases([*spans, Phase(phase, begins, configuration.end_at)])
    protocol = protocol_of(experiment)
    if phase == 1:
        experiment.start_at, experiment.protocol_sha256 = begins, protocol.sha256
    not_over_others(experiment, configuration.slice, protocol.parameter)
    frozen = ExperimentPhase.objects.create(
        experiment=experiment,
        number=phase,
        document_json=configuration.as_json(),
        version=configuration.version,
        started_at=begins,
        reason=reason.strip(),
    )
    metadata = {"key": experiment.key, "phase": phase, "version": configuration.version, "reason": reason.strip()}
    record("experiment.phase", target_id=frozen.pk, metadata=metadata | {"protocol": protocol.sha256})


def begin_of(experiment: Experiment, now: datetime) -> datetime:
    """Return when a draft would begin to assign if it were started now."""
    return max(experiment.start_at or now, now)


def not_closed_ahead(configuration: Configuration, now: datetime) -> None:
    """Refuse a closed roster that begins later.

    Raises:
        InvalidInput: at `start_at`.
    """
    if configuration.closed and configuration.start_at > now:
        raise InvalidInput("A closed roster is ranked by the start itself; leave this empty.", pointer="/start_at")


def _end(row: ExperimentPhase, phases: Sequence[ExperimentPhase], now: datetime) -> datetime:
    return min([*(one.started_at for one in phases if one.number > row.number), now])


def not_over_others(experiment: Experiment, mine: Slice | None, parameter: str) -> None:
    """Refuse a slice of a layer, or a parameter, that another experiment has; also one that is paused: it will go on.

    Two experiments may set one parameter only for different people: from slices of one layer that do not overlap.

    Raises:
        InvalidInput: at `layer`; of the first parameter, or of every pair of slices.
    """
    live = [state.value for state in (State.RUNNING, State.PAUSED)]
    slices = {experiment.key: mine} if mine else {}
    for other in Experiment.objects.filter(status__in=live).exclude(pk=experiment.pk):
        phase = newest_phase(other)
        part = configuration_of(phase, other.status).slice if phase else None
        if part is not None:
            slices[other.key] = part
        apart = mine is not None and part is not None and mine.layer == part.layer
        if parameter and other.protocol.get("parameter") == parameter and not apart:
            raise InvalidInput(
                f"'{other.key}' sets {parameter} already: give both a part of one layer, or end it first.",
                pointer="/layer",
            )
    if mine is not None:
        check_slices(slices)


def _saved(experiment: Experiment) -> None:
    experiment.version += 1
    experiment.save()


def _recorded(action: str, experiment: Experiment, *, changes: Any, reason: str) -> None:
    metadata = {"key": experiment.key, "changes": changes, "reason": reason.strip()}
    _state(experiment, record(action, target_id=experiment.pk, metadata=metadata))


def _state(experiment: Experiment, act: AuditEvent) -> None:
    state = {name: getattr(experiment, name) for name in ("key", "status", "phase", "version")}
    record("experiment.state", target_id=experiment.pk, metadata=state, linked_to=act)
