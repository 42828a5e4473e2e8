"""Eight concurrent refreshes of one token mint one successor."""

from __future__ import annotations

import pytest

from accounts.models import RefreshToken
from accounts.services import tokens
from common.errors import NotAuthenticated
from tests.common.test_concurrency import at_once
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.usefixtures("committed_database")


def test_concurrent_refreshes_of_one_token_mint_one_successor():
    user = make_user()
    first = tokens.log_in(email=user.email, password=PASSWORD)
    answers = at_once(lambda _: tokens.refresh(token=first.refresh).refresh, threads=8)
    assert len(set(answers)) == 1
    rows = RefreshToken.objects.filter(user=user)
    assert rows.count() == 2
    tokens.refresh(token=answers[0])
    with pytest.raises(NotAuthenticated, match="used before"):
        tokens.refresh(token=first.refresh)
    assert not rows.filter(revoked_at=None).exists()
