"""A guarded flag reaches more people only when a second person agrees; reaching fewer never needs one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.models import AuditEvent
from common import clock
from common.context import unit_of_work
from common.errors import InvalidInput, NotPermitted, WrongState
from common.ids import uuid7
from common.management.base import COMMAND_LINE
from rollout.errors import SecondPersonNeeded
from rollout.evaluation import FlagState, Subject, decide
from rollout.models import Approval, Flag
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.selectors import evaluate
from rollout.services import approvals, flags
from rollout.widening import reaches_more
from tests.factories import make_user

ATHLETE = uuid7()
ELITE = Subject(str(ATHLETE), "elite")
FIELDS = {
    "enabled": st.booleans(),
    "rollout_thousandths": st.sampled_from([0, 1, 50_000, 100_000]),
    "requires_tier": st.sampled_from(["", "free", "basic", "guided", "premium", "elite"]),
    "admin_override": st.sampled_from([None, True, False]),
}


@pytest.fixture
def admin(db):
    flags.seed_flags(acting_user=COMMAND_LINE)
    return make_user("admin")


@pytest.fixture
def second(db):
    return make_user("admin")


@pytest.mark.pure
@given(st.fixed_dictionaries(FIELDS), st.fixed_dictionaries({}, optional=FIELDS))
def test_what_lets_anybody_in_is_called_wider(before, changes):
    """Whoever is out before and in after the change is proof of widening, for every tier and place."""
    after = before | changes
    people = [Subject(f"athlete-{n}", tier) for n in range(12) for tier in ("free", "basic", "guided", "elite")]
    old, new = (FlagState(key="x", salt="s", **fields) for fields in (before, after))
    let_in = [p for p in people if decide(new, p, now=0.0).value and not decide(old, p, now=0.0).value]
    if let_in:
        assert reaches_more(before, changes)


def asked(admin, how: str) -> Approval:
    """Do a widening alone, which is refused, and ask for it."""
    who = {"key": KEY, "reason": "try", "acting_user": admin}
    until = clock.now() + timedelta(days=1)
    match how:
        case "percentage":
            flags.change_flag(changes={"rollout_thousandths": 0}, **who)
            with pytest.raises(SecondPersonNeeded):
                flags.change_flag(changes={"rollout_thousandths": 1}, **who)
            return approvals.ask_for_change(changes={"rollout_thousandths": 100_000}, **who)
        case "admin override":
            flags.change_flag(changes={"rollout_thousandths": 0}, **who)
            with pytest.raises(SecondPersonNeeded):
                flags.set_admin_override(value=True, **who)
            return approvals.ask_for_change(changes={"admin_override": True}, **who)
        case "user override":
            flags.change_flag(changes={"rollout_thousandths": 0}, **who)
            with pytest.raises(SecondPersonNeeded):
                flags.set_user_override(subject_id=ATHLETE, value=True, expires_at=until, **who)
            return approvals.ask_for_override(subject_id=ATHLETE, expires_at=until, **who)
        case "kill taken back":
            flags.kill_flag(**who)
            with pytest.raises(SecondPersonNeeded):
                flags.resume_flag(**who)
            return approvals.ask_to_resume(**who)
    flags.change_flag(changes={"rollout_thousandths": 0}, **who)
    Flag.objects.get(name=KEY).allow_groups.add(flags.set_group(name="beta", subject_ids=[], acting_user=admin))
    with pytest.raises(SecondPersonNeeded):
        flags.set_group(name="beta", subject_ids=[ATHLETE], acting_user=admin)
    return approvals.ask_for_group(name="beta", subject_ids={ATHLETE}, **who)


WAYS = ["percentage", "admin override", "user override", "kill taken back", "group"]


@pytest.mark.django_db
@pytest.mark.parametrize("how", WAYS)
def test_reaching_more_people_takes_two(admin, second, how):
    wish = asked(admin, how)
    assert evaluate(KEY, ELITE).value is False
    with pytest.raises(NotPermitted, match="another person"):
        approvals.approve(approval_id=wish.pk, acting_user=admin)
    with pytest.raises(NotPermitted):
        approvals.approve(approval_id=wish.pk, acting_user=make_user("data_scientist"))
    with pytest.raises(NotPermitted, match="person"):
        approvals.approve(approval_id=wish.pk, acting_user=COMMAND_LINE)
    approvals.approve(approval_id=wish.pk, acting_user=second)
    assert evaluate(KEY, ELITE).value is True
    with pytest.raises(WrongState, match="already"):
        approvals.approve(approval_id=wish.pk, acting_user=second)


@pytest.mark.django_db
@pytest.mark.parametrize("how", WAYS)
def test_a_refused_wish_changes_nothing(admin, second, how):
    wish = asked(admin, how)
    with pytest.raises(InvalidInput):
        approvals.refuse(approval_id=wish.pk, comment=" ", acting_user=second)
    approvals.refuse(approval_id=wish.pk, comment="not now", acting_user=second)
    assert evaluate(KEY, ELITE).value is False


@pytest.mark.django_db
def test_reaching_fewer_people_needs_nobody_else(admin):
    who = {"key": KEY, "reason": "fewer", "acting_user": admin}
    until = clock.now() + timedelta(days=1)
    flags.set_user_override(subject_id=ATHLETE, value=False, expires_at=until, **who)
    flags.change_flag(changes={"rollout_thousandths": 0, "requires_tier": "elite"}, **who)
    flags.set_admin_override(value=False, **who)
    flags.change_flag(changes={"enabled": False}, **who)
    flags.kill_flag(**who)
    assert not Approval.objects.exists()


@pytest.mark.django_db
def test_a_wish_nobody_answered_is_void(admin, second):
    wish = asked(admin, "percentage")
    with clock.frozen(clock.now() + timedelta(days=8)):
        with pytest.raises(WrongState, match="in time"):
            approvals.approve(approval_id=wish.pk, acting_user=second)
        again = approvals.ask_for_change(
            key=KEY, changes={"rollout_thousandths": 100_000}, reason="try", acting_user=admin
        )
        assert again.pk != wish.pk


@pytest.mark.django_db
def test_asking_twice_is_one_wish(admin):
    first = asked(admin, "percentage")
    second = approvals.ask_for_change(
        key=KEY, changes={"rollout_thousandths": 100_000}, reason="try", acting_user=admin
    )
    assert first.pk == second.pk


@pytest.mark.django_db
def test_no_widening_is_agreed_to_while_the_flag_is_killed(admin, second):
    wish = asked(admin, "percentage")
    flags.kill_flag(key=KEY, reason="fire", acting_user=admin)
    with pytest.raises(WrongState, match="killed"):
        approvals.approve(approval_id=wish.pk, acting_user=second)
    assert Approval.objects.get().decided_at is None


@pytest.mark.django_db
def test_wish_and_decision_are_in_the_audit_log(admin, second):
    wish = asked(admin, "percentage")
    approvals.approve(approval_id=wish.pk, comment="fine", acting_user=second)
    with unit_of_work(COMMAND_LINE, read_only=True):
        events = list(AuditEvent.objects.filter(target_id=wish.pk).order_by("id").values_list("action", "actor_id"))
    assert events == [("rollout.ask", admin.pk), ("rollout.decide", second.pk)]
