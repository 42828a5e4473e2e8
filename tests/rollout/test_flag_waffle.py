"""waffle's decorator, mixin, template tag and command obey our decision, and nothing of waffle's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.management import CommandError, call_command
from django.http import Http404, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.views import View
from waffle.decorators import waffle_flag
from waffle.mixins import WaffleFlagMixin

from common import clock
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from rollout.evaluation import FULL, bucket
from rollout.models import Flag
from rollout.selectors import MODEL_DRIVEN_GENERATION as PLAN_KEY
from rollout.selectors import evaluate_for_user
from rollout.services import flags
from tests.factories import make_athlete, make_user
from tests.plans.review import make_review

pytestmark = [pytest.mark.django_db, pytest.mark.once]
KEY = "ui.x"


@pytest.fixture
def flag():
    return Flag.objects.create(name=KEY, enabled=True, rollout_thousandths=FULL)


@pytest.fixture
def user():
    return make_user("coach")


def by_decorator(request):
    try:
        return waffle_flag(KEY)(lambda request: HttpResponse("on"))(request).content == b"on"
    except Http404:
        return False


class Gated(WaffleFlagMixin, View):
    waffle_flag = KEY

    def get(self, request):
        return HttpResponse("on")


def by_mixin(request):
    try:
        return Gated.as_view()(request).content == b"on"
    except Http404:
        return False


def by_tag(request):
    template = Template("{% load waffle_tags %}{% flag 'ui.x' %}on{% else %}off{% endflag %}")
    return template.render(Context({"request": request})) == "on"


@pytest.fixture(params=[by_decorator, by_mixin, by_tag])
def is_on(request, user):
    """Asks one of waffle's ways in, as the user by default."""

    def ask(who=user, **cookies):
        http = RequestFactory().get("/", {KEY: "1"})
        http.user, http.COOKIES = who, cookies
        return request.param(http)

    return ask


def test_it_is_on_where_our_decision_is_on(flag, is_on):
    assert is_on()


def test_a_kill_holds(flag, is_on):
    flags.kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    assert not is_on()


def test_an_override_holds(flag, is_on, user):
    end = clock.now() + timedelta(hours=1)
    flags.set_user_override(
        key=KEY, subject_id=user.pk, value=False, reason="x", expires_at=end, acting_user=COMMAND_LINE
    )
    assert not is_on()
    with clock.frozen(end + timedelta(seconds=1)):
        assert is_on()


def test_the_percentage_is_ours_and_the_same_each_time(flag, is_on, user):
    place = bucket(str(user.pk), flag.salt)
    for share, expected in ((place, False), (place + 1, True)):
        flags.change_flag(key=KEY, changes={"rollout_thousandths": share}, reason="x", acting_user=COMMAND_LINE)
        assert {is_on() for _ in range(20)} == {expected}


def test_anonymous_is_off(flag, is_on):
    assert not is_on(AnonymousUser())


def test_no_cookie_switches_anything_on(flag, is_on):
    flags.change_flag(key=KEY, changes={"rollout_thousandths": 0}, reason="x", acting_user=COMMAND_LINE)
    assert not is_on(**{f"dwf_{KEY}": "True", f"dwft_{KEY}": "True"})


def test_waffles_own_columns_switch_nothing_on(flag, is_on, user):
    flag.superusers = flag.staff = flag.authenticated = flag.testing = True
    flag.rollout_thousandths = 0
    flag.save()
    flag.users.add(user)
    assert not is_on(make_user("admin"))
    assert not is_on()


def test_an_unknown_flag_is_off(is_on):
    assert not is_on()


def test_a_plan_flag_asked_by_a_user_is_about_the_athlete_who_they_are(user):
    flags.seed_flags(acting_user=COMMAND_LINE)
    person = make_user("athlete")
    make_athlete(user_id=person.pk, tier="elite")
    person.refresh_from_db()
    for who, answer in ((person, (True, "everyone")), (user, (False, "no_identity"))):
        with unit_of_work(who, read_only=True):
            found = evaluate_for_user(PLAN_KEY, who)
        assert (found.value, found.reason) == answer


def test_with_the_cache_down_waffle_answers_and_a_kill_succeeds(
    flag, is_on, settings, django_capture_on_commit_callbacks
):
    nobody_listens = "redis://127.0.0.1:9/0"
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": nobody_listens}
    }
    assert is_on()
    with django_capture_on_commit_callbacks(execute=True):
        flags.kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    assert not is_on()


@pytest.mark.parametrize("arguments", [["--percent", "10"], ["--everyone"], ["--superusers"], ["--create"], ["-l"]])
def test_waffles_command_is_refused_and_takes_no_kill_back(flag, arguments):
    flags.kill_flag(key=KEY, reason="fire", acting_user=COMMAND_LINE)
    before = Flag.objects.values().get(name=KEY)
    with pytest.raises(CommandError, match="manage.py rollout") as refused:
        call_command("waffle_flag", KEY, *arguments)
    assert refused.value.returncode == 3
    assert Flag.objects.values().get(name=KEY) == before


def test_the_shipped_flag_of_the_pages_takes_its_button_away():
    flags.seed_flags(acting_user=COMMAND_LINE)
    review = make_review()
    client = Client()
    client.force_login(review.coach)
    path = f"/admin/plans/plan/{review.plan_id}/compare/"
    assert "Swap the two versions" in client.get(path).content.decode()
    flags.set_admin_override(key="ui.compare_swap", value=False, reason="x", acting_user=COMMAND_LINE)
    answer = client.get(path)
    assert (answer.status_code, "Swap the two versions" in answer.content.decode()) == (200, False)
