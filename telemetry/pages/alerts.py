"""Alerts in the admin: what fires first, then what was told, then the rules; each act is one service call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from common import clock
from common.admin import PolicyAdmin, Select
from common.context import unit_of_work
from common.errors import InvalidInput, NotVisible
from common.monitoring import METRICS, Metric, Unit
from common.operator_pages import OperatorAdmin, Refused, own_transaction, tell
from common.translating.showing import day, shown
from telemetry.models import AlertIncident, AlertRule
from telemetry.pages.listing import incidents, page_of_alerts
from telemetry.services.alert_rules import (
    FIELDS,
    acknowledge_alert,
    add_rule,
    change_rule,
    end_silence,
    silence_rule,
    try_channel,
)
from telemetry.services.alerts import hand_over_notices
from telemetry.services.dead_letters import OPERATE

HOURS = (1, 4, 24, 72, 168)


@admin.register(AlertIncident)
class AlertAdmin(OperatorAdmin):
    """The page of alerts, one alert, and what may be done."""

    view_verb = OPERATE

    def get_urls(self) -> list[Any]:
        return [
            self._path("", self.list_page, "changelist"),
            self._path("<uuid:pk>/change/", self.alert_page, "change"),
            self._path("<uuid:pk>/acknowledge/", require_POST(self.acknowledge), "acknowledge"),
            self._path("rule/<uuid:pk>/silence/", require_POST(self.silence), "silence"),
            self._path("rule/<uuid:pk>/unsilence/", require_POST(self.unsilence), "unsilence"),
            self._path("channel/", require_POST(self.channel), "channel"),
        ]

    def _path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        """A message is handed on as a service, outside the person's unit of work: each view opens its own."""
        return path(route, self.admin_site.admin_view(own_transaction(view)), name=f"telemetry_alertincident_{name}")

    def list_page(self, request: HttpRequest) -> HttpResponse:
        """All alerts and rules."""
        self.allow(request)
        with unit_of_work(request.user, read_only=True):  # type: ignore[arg-type]  # who is allowed is logged in
            page = page_of_alerts(clock.now())
            return self.page(request, "telemetry/alerts.html", shown("Alerts"), page=page, hours=HOURS).render()

    def alert_page(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """One alert with all that was told of it."""
        self.allow(request)
        with unit_of_work(request.user, read_only=True):  # type: ignore[arg-type]
            row = AlertIncident.objects.select_related("rule").filter(pk=pk).first()
            if row is None:
                raise NotVisible("There is no such alert.")
            alert = incidents([row])[0]
            return self.page(request, "telemetry/alert.html", alert.name, alert=alert, hours=HOURS).render()

    def acknowledge(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Say that somebody is on it."""
        return self._do(request, lambda: _said(acknowledge_alert, "Acknowledged: nobody is reminded any more.",
                                               incident_id=pk, acting_user=request.user))  # fmt: skip

    def silence(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Tell nobody for some hours."""

        def act() -> str:
            hours = request.POST.get("hours", "")
            if not hours.isascii() or not hours.isdigit():
                raise InvalidInput("Say for how many hours.", pointer="/hours")
            until = clock.now() + timedelta(hours=min(int(hours), 10_000))
            reason = request.POST.get("reason", "")
            silence_rule(rule_id=pk, until=until, reason=reason, acting_user=request.user)  # type: ignore[arg-type]
            return f"Silenced until {day(until, 'j M H:i')} UTC; it goes on being judged and shown."

        return self._do(request, act)

    def unsilence(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Tell again."""
        return self._do(request, lambda: _said(end_silence, "The rule tells again.",
                                               rule_id=pk, acting_user=request.user))  # fmt: skip

    def channel(self, request: HttpRequest) -> HttpResponse:
        """Try a channel out."""

        def act() -> str:
            try_channel(group=request.POST.get("group", ""), acting_user=request.user)  # type: ignore[arg-type]
            hand_over_notices()
            return "A test message is on its way; what becomes of it stands under Channels."

        return self._do(request, act)

    def _do(self, request: HttpRequest, act: Callable[[], str]) -> HttpResponse:
        self.allow(request)
        with contextlib.suppress(Refused):
            tell(request, act)
        return HttpResponseRedirect(reverse("admin:telemetry_alertincident_changelist"))


def _said(service: Callable[..., object], done: str, **given: Any) -> str:
    service(**given)
    return done


def _choice(metric: Metric) -> str:
    title = shown(metric.title)
    return title if metric.unit in (Unit.NUMBER, Unit.YES_NO) else f"{title}, {shown(metric.unit.value)}"


class AlertRuleForm(forms.ModelForm[AlertRule]):
    """A rule with its version, so that the second of two who change it is told."""

    metric = forms.ChoiceField(
        label=_("Metric"), choices=lambda: [(name, _choice(one)) for name, one in METRICS.items()], widget=Select
    )
    expected = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = AlertRule
        fields = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.version:
            self.initial["expected"] = self.instance.version


@admin.register(AlertRule)
class AlertRuleAdmin(PolicyAdmin):
    """The rules' forms; the page of alerts lists them."""

    view_verb = add_verb = change_verb = OPERATE
    form = AlertRuleForm
    list_display = ("name", "metric", "comparison", "threshold", "severity", "channel", "enabled")
    list_filter = ("severity", "enabled")
    search_fields = ("name", "description")
    fieldsets: ClassVar = (
        (None, {"fields": ("name", "description", "enabled", "expected")}),
        (_("What is watched"), {"fields": ("metric", "label", "window_minutes", "min_n")}),
        (_("When it fires"), {"fields": ("comparison", "threshold", "clear_threshold", "lasting_seconds")}),
        (_("Who is told"), {"fields": ("severity", "channel", "remind_minutes")}),
    )

    def visible(self, user: Any) -> Q:
        return Q()

    def save_model(self, request: HttpRequest, obj: AlertRule, form: Any, change: bool) -> None:
        fields = {name: form.cleaned_data[name] for name in FIELDS}
        if change:
            expected = form.cleaned_data["expected"] or 0
            change_rule(rule_id=obj.pk, fields=fields, expected=expected, acting_user=request.user)  # type: ignore[arg-type]
        else:
            obj.pk = add_rule(fields=fields, acting_user=request.user).pk  # type: ignore[arg-type]

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:telemetry_alertincident_changelist"))

    response_post_save_add = response_post_save_change
