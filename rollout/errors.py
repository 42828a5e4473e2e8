"""What a rollout refuses."""

from __future__ import annotations

from common.errors import DomainError


class SecondPersonNeeded(DomainError):
    """This would reach more people: somebody else with the right to approve has to agree: ask for it."""

    type_slug = "second-person-needed"
    title = "A second person has to agree"
    status = 403


class IncidentOpen(DomainError):
    """The last run ended in an incident that nobody has acknowledged, or its cool-down is not over."""

    type_slug = "incident-open"
    title = "The last incident stands in the way"
    status = 409


class PolicyUnknown(DomainError):
    """There is no policy of this name, or it cannot be read; the errors name file, stage and field."""

    type_slug = "policy-unknown"
    title = "No such policy"
    status = 400
