"""What erasing a person does to the tables of accounts and of the floors below it, and how long accounts keeps rows."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.db.models import Q, QuerySet

from accounts.models import (
    Athlete,
    AthleteGrant,
    CoachLink,
    Consent,
    ErasureRequest,
    LegalHold,
    Notification,
    RefreshToken,
    Sex,
    User,
)
from accounts.models.user import ERASED_DOMAIN
from accounts.services.consent import record_consent
from accounts.services.grants import end_athlete_grant
from accounts.services.people import end_link
from audit.models import AuditEvent
from common import retention
from common.context import current_actor
from common.erasure import Person, delete_rows, erases
from common.models import IdempotencyKey, Job, SubjectKey
from telemetry.models import AlertIncident, AlertNotice, DeadLetter, Forgetting, InboxEntry, OutboxEvent
from telemetry.services.forget import forget_person

NAME: Final = "Erased athlete"
_NAMELESS: Final = "stays: append-only, and holds ids and states, neither name nor address"


def _athlete(rows: QuerySet[Athlete], person: Person) -> int:
    for athlete in rows:
        athlete.name, athlete.birth_year, athlete.sex = NAME, None, Sex.UNSPECIFIED
        athlete.resting_heart_rate, athlete.time_zone = None, "UTC"
        athlete.user = athlete.team = None
        athlete.save()
    return len(rows)


def _user(rows: QuerySet[User], person: Person) -> int:
    for user in rows:
        user.email, user.name, user.is_active = f"erased-{user.pk}@{ERASED_DOMAIN}", NAME, False
        user.is_superuser = False
        user.language = user.time_zone = user.units = user.intensity = ""
        user.token_version += 1
        user.set_unusable_password()
        user.save()
    return len(rows)


def _consents(rows: QuerySet[Consent], person: Person) -> int:
    given = [consent for consent in rows if consent.granted]
    actor: Any = current_actor()
    for consent in given:
        what = {"purpose": consent.purpose, "text_version": consent.text_version}
        record_consent(athlete_id=person.athlete_id, granted=False, acting_user=actor, **what)
    return len(given)


def _links(rows: QuerySet[CoachLink], person: Person) -> int:
    actor: Any = current_actor()
    still_open = [link.pk for link in rows if link.active_until is None]
    for pk in still_open:
        end_link(link_id=pk, acting_user=actor)
    return len(still_open)


def _grants(rows: QuerySet[AthleteGrant], person: Person) -> int:
    actor: Any = current_actor()
    given = [grant.pk for grant in rows]
    for pk in given:
        end_athlete_grant(athlete_id=person.athlete_id, grant_id=pk, acting_user=actor)
    return len(given)


def _forget(rows: QuerySet[Forgetting], person: Person) -> int:
    return len([forget_person(pk) for pk in person.ids])


def _entries(person: Person) -> QuerySet[LogEntry]:
    """Return what Django's own admin log holds about a person; we write none, an older release may have."""
    about = LogEntry.objects.filter(object_id__in=[str(pk) for pk in person.ids])
    return about | LogEntry.objects.filter(user_id__in=person.user_ids)


def _of_user(column: str, model: Any) -> Any:
    return lambda person: model.objects.filter(**{f"{column}__in": person.user_ids})


def _of_athlete(model: Any) -> Any:
    return lambda person: model.objects.filter(athlete_id=person.athlete_id)


def register() -> None:
    """Register what erasure does to people, and to the tables of the floors below."""
    erases(
        "accounts_athlete",
        f"name → “{NAME}”; year of birth, sex, resting heart rate, time zone, team and log-in emptied",
        lambda person: Athlete.objects.filter(pk=person.athlete_id),
        _athlete,
    )
    erases("accounts_athlete_history", _NAMELESS, lambda person: Athlete.history.filter(id=person.athlete_id))
    erases(
        "accounts_user",
        "e-mail and name replaced, password unusable, deactivated, tokens ended (an athlete's own log-in alone)",
        _of_user("pk", User),
        _user,
    )
    erases("accounts_user_history", _NAMELESS, _of_user("id", User.history.model))
    erases("accounts_consent", "consents ended", _of_athlete(Consent), _consents)
    erases("accounts_consent_history", _NAMELESS, _of_athlete(Consent.history.model))
    erases("accounts_coachlink", "open links ended today", _of_athlete(CoachLink), _links)
    erases("accounts_coachlink_history", _NAMELESS, _of_athlete(CoachLink.history.model))
    erases(
        "athlete_grants",
        "access given as an exception ended",
        lambda person: AthleteGrant.objects.filter(content_object_id=person.athlete_id),
        _grants,
    )
    erases("accounts_refreshtoken", "deleted", _of_user("user_id", RefreshToken), delete_rows)
    erases(
        "notifications",
        "deleted: those to the athlete, and everybody's about them",
        lambda person: Notification.objects.filter(Q(subject_id=person.athlete_id) | Q(user_id__in=person.user_ids)),
        delete_rows,
    )
    held = "stays: who asked or held, and when; the reason is ciphertext of the athlete"
    erases("erasure_requests", held, _of_athlete(ErasureRequest))
    erases("legal_holds", held, _of_athlete(LegalHold))
    _register_lower_floors()


def _register_lower_floors() -> None:
    erases("django_admin_log", "deleted: Django's own log names things", _entries, delete_rows)
    erases(
        "idempotency_keys",
        "deleted: the athlete's, and those of requests about them; others' answers end within a day",
        lambda person: IdempotencyKey.objects.filter(
            Q(user_id__in=person.user_ids) | Q(path__contains=str(person.athlete_id))
        ),
        delete_rows,
    )
    erases(
        "jobs",
        "deleted",
        lambda person: Job.objects.filter(Q(subject_id=person.athlete_id) | Q(requested_by_id__in=person.user_ids)),
        delete_rows,
    )
    erases(
        "subject_keys",
        "the keys are destroyed last; the empty rows stay, so that none is made again",
        lambda person: SubjectKey.objects.filter(subject_id__in=person.ids),
    )
    erases(
        "audit_events",
        "stays, sealed: ids, actions and numbers; text, address and browser are ciphertext whose key is gone",
        lambda person: AuditEvent.objects.filter(Q(subject_id=person.athlete_id) | Q(actor_id__in=person.ids)),
    )
    erases(
        "telemetry_outbox",
        "stays for minutes: then every event with a token of the person goes, there and in the Parquet files",
        lambda person: OutboxEvent.objects.filter(aggregate_id=person.athlete_id),
    )
    erases(
        "telemetry_dead_letters",
        "deleted: what could not be published may not be what its schema says",
        lambda person: DeadLetter.objects.filter(aggregate_id=person.athlete_id),
        delete_rows,
    )
    erases(
        "telemetry_forgettings",
        "noted, so that what already left is cleaned of the person; consumers are told by `person.forgotten`",
        lambda person: Forgetting.objects.filter(subject_id__in=person.ids),
        _forget,
    )


def register_retention() -> None:
    """Register how long rows of accounts, and of telemetry and Django below it, are kept."""
    from django.contrib.sessions.models import Session

    read = "what was to be heard was heard; the audit log has what happened"
    retention.keeps(Notification, "notifications", "created_at", read, people=("user_id", "subject_id"))
    retention.keeps(RefreshToken, "refresh_tokens", "expires_at", "cannot be used any more", people=("user_id",))
    retention.keeps(Session, "sessions", "expire_date", "cannot be used any more")
    published = Q(published_at__isnull=False)
    retention.keeps(OutboxEvent, "telemetry", "published_at", "the warehouse has it", only=published)
    retention.keeps(DeadLetter, "telemetry", "created_at", "nobody put it back in all that time")
    retention.keeps(AlertIncident, "telemetry", "ended_at", "an alert that is over; open ones stay")
    retention.keeps(AlertNotice, "telemetry", "created_at", "it was told; the outbox of messages has it")
    retention.keeps(InboxEntry, "telemetry", "created_at", "the outbox repeats no event that old")
    before = "who had which role, coach or consent when: as long as what they did"
    for model, people in (
        (User.history.model, ("id",)),
        (Athlete.history.model, ("id",)),
        (CoachLink.history.model, ("athlete_id",)),
        (Consent.history.model, ("athlete_id",)),
    ):
        retention.keeps(
            model, "histories", "history_date", before, how=retention.How.OWNER, people=people, removable=True
        )
