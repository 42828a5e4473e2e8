"""Why somebody was switched may name them: it goes with them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from accounts.services.erasure import confirm_erasure, request_erasure
from audit.models import AuditEvent
from common import clock
from common.context import COMMAND_LINE, unit_of_work
from rollout.models import Flag, UserOverride
from rollout.services.flags import set_user_override
from tests.factories import make_athlete, make_user

pytestmark = pytest.mark.django_db


def test_the_reason_of_an_override_is_ciphertext_of_the_subject_and_goes_with_the_row():
    Flag.objects.create(name="plan.x")
    athlete = make_athlete()
    reason, end = "Xanthippe asked for it", clock.now() + timedelta(days=1)
    set_user_override(
        key="plan.x", subject_id=athlete.pk, value=True, reason=reason, expires_at=end, acting_user=COMMAND_LINE
    )
    with unit_of_work(COMMAND_LINE, read_only=True):
        event = AuditEvent.objects.get(action="flag.override")
    assert event.subject_id == event.text_key_of == athlete.pk
    assert "Xanthippe" not in str(event.metadata_json)
    request = request_erasure(athlete_id=athlete.pk, reason="wrote to us", acting_user=make_user("admin"))
    confirm_erasure(request_id=request.pk, acting_user=make_user("admin"))
    assert not UserOverride.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM user_overrides_history")
        assert "Xanthippe" not in str(cursor.fetchall())
    assert UserOverride.history.count() == 2
