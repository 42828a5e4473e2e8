import pytest

from common.management.base import COMMAND_LINE
from rollout.models import Flag
from rollout.selectors import MODEL_DRIVEN_GENERATION as KEY
from rollout.services.flags import seed_flags
from tests.factories import make_user
from tests.rollout.runs.driver import POLICY, begun


@pytest.fixture
def flag(db):
    """The flag as it ships, at zero: a run widens it."""
    seed_flags(acting_user=COMMAND_LINE)
    Flag.objects.filter(name=KEY).update(rollout_thousandths=0)
    return Flag.objects.get(name=KEY)


@pytest.fixture
def admin(db):
    return make_user("admin")


@pytest.fixture
def second(db):
    return make_user("admin")


@pytest.fixture
def scientist(db):
    return make_user("data_scientist")


@pytest.fixture
def policies(tmp_path, settings):
    (tmp_path / "short.toml").write_text(POLICY.format(name="short"))
    settings.ROLLOUT_POLICY_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def live(flag, policies, admin, second):
    """A run of the short policy that has begun: at its first stage."""
    return begun(KEY, policy="short", by=admin, approver=second)
