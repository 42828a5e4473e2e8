"""One athlete, Ann, and everybody who stands to her in some relation; what of hers a route may name."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, TypeVar

from django.db import connection, transaction
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern
from rest_framework.test import APIClient

from accounts.models import Athlete, CoachLink, Notification, Team, TeamMembership, User
from accounts.services.erasure import erase_from_command_line
from accounts.services.grants import grant_athlete
from accounts.services.people import edit_athlete, link_coach
from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from experiments.lifecycle import Command as Step
from experiments.services.running import create_experiment, step
from modeling.models import Activity, TestProposal
from modeling.services.import_history import import_history
from modeling.services.record_test import add_test, add_threshold
from plans.models import Plan, PlanVersion
from plans.services.calendar_feed import subscribe
from plans.services.request_plan import PlanWish, request_plan
from plans.services.share_plan import share_plan
from rollout.models import Flag, MessageGroup, MessageKind, RolloutMessage
from rollout.services.announcements import draft_announcement
from rollout.services.messages import tell
from rollout.services.reports import file_report
from telemetry.models import AlertRule
from tests.experiments.protocols import protocol
from tests.factories import api_of, make_athlete, make_user
from tests.plans.review import make_plan, make_review, sunday
from tests.support.databases import Databases
from tests.telemetry.making import dead_letter

T = TypeVar("T")
_numbers = itertools.count()

NAME: Final = "Ann Quxworth"
EXPERIMENT: Final = "of-the-world"
COLUMNS: Final = {
    "anon": "nobody is logged in",
    "gone": "her coach's log-in, deactivated since",
    "admin": "an administrator",
    "coach": "her coach",
    "c-other": "another athlete's coach",
    "c-ended": "a coach whose link to her ended",
    "c-soon": "a coach whose link to her begins tomorrow",
    "c-plan": "a coach with whom her plan is shared",
    "c-ath": "a coach who was given access to her for a time",
    "own": "Ann",
    "a-other": "another athlete",
    "s-team": "support of her team",
    "s-none": "support of another team",
    "s-plan": "support with whom her plan is shared",
    "s-ath": "support who was given access to her",
    "scient": "a data scientist",
    "compl": "compliance",
}
NOT_HERS: Final = ("later", "yesterday", "next_day", "week", "colleague", "other")


@dataclass
class World:
    """Users by column, their clients, and the words that addresses and bodies are made of."""

    users: dict[str, User] = field(default_factory=dict)
    api: dict[str, APIClient] = field(default_factory=dict)
    pages: dict[str, Client] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> set[str]:
        """Whatever names something of Ann's."""
        return {word for name, word in self.words.items() if name not in NOT_HERS}

    @property
    def marks(self) -> set[str]:
        """What shows that an answer speaks of Ann."""
        return {NAME, *self.ids}


@contextmanager
def kept_for_a_module(databases: Databases, blocker: Any, worker_id: str, make: Callable[[], T]) -> Iterator[T]:
    """Make something once and commit it into a database of its own.

    One transaction for the whole module would be simpler, and would keep the tests of sealing waiting for its end: an
    open transaction anywhere on the server holds back what may be sealed.
    """
    name = databases.copy(f"{worker_id}_access_{next(_numbers)}")
    with blocker.unblock():
        connection.close()
        before, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
        try:
            with as_a_test_case():
                made = make()
                connection.run_on_commit.clear()  # as in a test case: no jobs, no mail
            yield made
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            databases.drop(name)


@contextmanager
def as_a_test_case() -> Iterator[None]:
    """Open a transaction in which a durable block may open, as in a test case's."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield


@contextmanager
def undone() -> Iterator[None]:
    """Take back whatever happens inside, so that the next request finds the same world."""
    with as_a_test_case():
        yield
        transaction.set_rollback(True)


def build() -> World:
    """Make everybody; Ann has a published plan, a draft that she does not know, and one row of each kind."""
    world = World()
    review = make_review()
    coach, ann, athlete = review.coach, review.user, review.athlete
    with unit_of_work(COMMAND_LINE):
        Athlete.objects.filter(pk=athlete.pk).update(name=NAME)
        team, elsewhere = Team.objects.create(name="Hers"), Team.objects.create(name="Elsewhere")
        Athlete.objects.filter(pk=athlete.pk).update(team=team)
        athlete.refresh_from_db()
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    world.users = {
        "admin": make_user("admin"),
        "coach": coach,
        "own": ann,
        "scient": make_user("data_scientist"),
        "compl": make_user("compliance"),
        "gone": make_user("coach"),
        **{name: make_user("coach") for name in ("c-other", "c-ended", "c-soon", "c-plan", "c-ath")},
        **{name: make_user("support") for name in ("s-team", "s-none", "s-plan", "s-ath")},
        "a-other": make_user("athlete"),
    }
    other = make_athlete(coach=world.users["c-other"], user=world.users["a-other"])
    today = clock.today()
    link_coach(coach_id=world.users["gone"].pk, athlete_id=athlete.pk, acting_user=COMMAND_LINE)
    for name, start, end in (("c-ended", -30, 0), ("c-soon", 1, None)):
        link = link_coach(
            coach_id=world.users[name].pk,
            athlete_id=athlete.pk,
            active_from=today + timedelta(days=start),
            acting_user=COMMAND_LINE,
        )
        if end is not None:
            with unit_of_work(COMMAND_LINE):
                link.active_until = today
                link.save()
    with unit_of_work(COMMAND_LINE):
        TeamMembership.objects.create(team=team, user=world.users["s-team"])
        TeamMembership.objects.create(team=elsewhere, user=world.users["s-none"])
    draft = make_plan(coach, athlete, race="half_marathon", weeks=12)
    world.words = {**_words(review, athlete, other, draft, world.users), **_erased(coach, team)}
    for name, user in world.users.items():
        world.api[name], world.pages[name] = api_of(user), Client()
        world.pages[name].force_login(user)
    world.api["anon"], world.pages["anon"] = APIClient(), Client()
    with unit_of_work(COMMAND_LINE):
        User.objects.filter(pk=world.users["gone"].pk).update(is_active=False)
    for client in (*world.api.values(), *world.pages.values()):
        client.raise_request_exception = False
    assert world.api.keys() == COLUMNS.keys()
    return world


def _erased(coach: User, team: Team) -> dict[str, str]:
    """Make another athlete of Ann's coach and team, with a published plan, and erase them; returns the ids."""
    review = make_review()
    link_coach(coach_id=coach.pk, athlete_id=review.athlete.pk, acting_user=COMMAND_LINE)
    edit_athlete(athlete_id=review.athlete.pk, changes={"team": team}, acting_user=COMMAND_LINE)
    assert review.submit().status_code == 200
    assert review.decide("accept").status_code == 200
    head, session = review.head(), review.editable()[0]
    erase_from_command_line(athlete_id=review.athlete.pk, reason="asked for it")
    return {
        "erased": str(review.athlete.pk),
        "erased_plan": str(review.plan_id),
        "erased_head": head["head_version"]["id"],
        "erased_session": session["session_id"],
        "erased_etag": head["etag"],
    }


def _words(review: Any, athlete: Athlete, other: Athlete, draft: Any, users: dict[str, User]) -> dict[str, str]:
    """Make one row of each kind and return the ids."""
    coach, today = review.coach, clock.today()
    csv = f"date,sport,duration,distance\n{today - timedelta(days=3)},run,4387,13370\n".encode()
    import_history(athlete_id=athlete.pk, sources=[("week.csv", io.BytesIO(csv))], acting_user=coach)
    test = add_test(athlete_id=athlete.pk, day=today - timedelta(days=9), value=48.0, kind="race", acting_user=coach)
    threshold = add_threshold(
        athlete_id=athlete.pk, sport="running", valid_from=today - timedelta(days=40), max_hr=190.0, acting_user=coach
    )
    week = clock.now() + timedelta(days=7)
    given = {"expires_at": week, "reason": "cover", "acting_user": users["admin"]}
    access = [grant_athlete(athlete_id=athlete.pk, user_id=users[name].pk, **given) for name in ("c-ath", "s-ath")]
    shares = [share_plan(plan_id=review.plan_id, user_id=users[name].pk, **given) for name in ("c-plan", "s-plan")]
    feed, token = subscribe(athlete_id=athlete.pk, acting_user=review.user)
    wish = PlanWish(race_date=sunday(9), race_distance="5k")
    generation = request_plan(athlete_id=athlete.pk, wish=wish, acting_user=coach, limited=False)
    comment = review.as_coach.post(f"{review.url}/comments", {"message": "Well done."}).json()
    with unit_of_work(COMMAND_LINE, read_only=True):
        plan = Plan.objects.select_related("head_version").get(pk=review.plan_id)
        head, draft_head = plan.head_version, PlanVersion.objects.get(plan=draft)
        event = AuditEvent.objects.filter(subject_id=athlete.pk).order_by("id")[0]
        link = CoachLink.objects.get(athlete=athlete, coach=coach)
        activity = Activity.objects.get(athlete=athlete)
        note = Notification.objects.filter(user=review.user).order_by("id")[0]
    with unit_of_work(coach):
        proposal = TestProposal.objects.create(
            athlete=athlete, activity=activity, day=activity.day, value=47.0, kind="field", reason="a hard 5 km"
        )
    with unit_of_work(COMMAND_LINE, read_only=True):
        flag = Flag.objects.order_by("pk")[0]
    told = {"key": EXPERIMENT, "reason": "for everybody", "acting_user": COMMAND_LINE}
    create_experiment(fields={"variant_weights": {"a": 50, "b": 50}, "protocol": protocol()}, **told)
    experiment = step(command=Step.START, expected=None, **told)
    report = file_report(topic="error", severity="low", text="The week does not load.", acting_user=review.user)
    news = draft_announcement(
        fields={"kind": "announcement", "title": "A word", "body": "Soon."}, acting_user=users["admin"]
    )
    with unit_of_work(COMMAND_LINE):
        tell(MessageKind.ALERT, dedupe_key="world", groups=[MessageGroup.TEAM], subject="A word", text="Soon.")
        message = RolloutMessage.objects.get()
        letter = dead_letter()
        rule = AlertRule.objects.order_by("pk")[0]
    head_body = review.as_coach.get(review.url).json()
    session = next(s for s in review.editable() if (s["prescribed_work"].get("steps")))
    day = date.fromisoformat(session["day"])
    return {
        "athlete": str(athlete.pk),
        "other": str(other.pk),
        "plan": str(plan.pk),
        "draft": str(draft),
        "head": str(head.pk),
        "draft_head": str(draft_head.pk),
        "sha": head.content_sha256,
        "etag": head_body["etag"],
        "session": session["session_id"],
        "next_day": (day + timedelta(days=1 if day.weekday() < 6 else -1)).isoformat(),
        "activity": str(activity.pk),
        "test": str(test.pk),
        "threshold": str(threshold.pk),
        "access": str(access[0].pk),
        "share": str(shares[0].pk),
        "colleague": str(users["c-other"].pk),
        "feed": str(feed.pk),
        "token": token,
        "job": str(generation.job_id),
        "comment": comment["id"],
        "event": str(event.pk),
        "link": str(link.pk),
        "team": str(athlete.team_id),
        "user": str(review.user.pk),
        "flag": str(flag.pk),
        "experiment": str(experiment.pk),
        "note": str(note.pk),
        "report": str(report.pk),
        "announcement": str(news.pk),
        "message": str(message.pk),
        "letter": str(letter.pk),
        "rule": str(rule.pk),
        "proposal": str(proposal.pk),
        "later": sunday(11).isoformat(),
        "yesterday": (today - timedelta(days=1)).isoformat(),
        "week": week.isoformat(),
    }


def routes() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield (name, pattern, methods) of every address of the product; a nameless one is called by its pattern."""
    yield from _walk(get_resolver(), "", ())


def _walk(resolver: Any, before: str, spaces: tuple[str, ...]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for entry in resolver.url_patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            name = ":".join((*spaces, entry.name)) if entry.name else pattern
            yield name, pattern, methods_of(entry.callback)
        else:
            yield from _walk(entry, pattern, spaces + ((entry.namespace,) if entry.namespace else ()))


def methods_of(view: Any) -> tuple[str, ...]:
    """Return the methods that a view answers; a plain function answers at least GET and POST."""
    found = getattr(view, "cls", None) or getattr(view, "view_class", None)
    while found is None and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
        found = getattr(view, "cls", None) or getattr(view, "view_class", None)
    if found is None:
        return ("GET", "POST")
    known = ("get", "post", "put", "patch", "delete")
    return tuple(name.upper() for name in known if name in found.http_method_names and hasattr(found, name))
