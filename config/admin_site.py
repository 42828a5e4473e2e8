"""The admin site: every page runs whole inside the user's unit of work."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from common.context import unit_of_work
from common.errors import NotPermitted, NotVisible
from common.translating.names import translate_names
from config import theme_words
from config.navigation import sidebar

if TYPE_CHECKING:
    from unfold.forms import AuthenticationForm


OUR_APPS: Final = ("audit", "telemetry", "accounts", "modeling", "rollout", "experiments", "plans")


class MesocycleAdminConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "config.admin_site.MesocycleAdminSite"

    def ready(self) -> None:
        """Register the pages, then let their names be translated."""
        super().ready()
        translate_names(OUR_APPS)
        theme_words.register()


class MesocycleAdminSite(UnfoldAdminSite):
    """Opens the unit of work around each view, and renders inside it: templates query lazily."""

    @property
    def login_form(self) -> type[AuthenticationForm]:  # type: ignore[override]
        """Return the counted form; it needs models, which are not there yet when this module is read."""
        from config.log_in import CountedLoginForm

        return CountedLoginForm

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        def in_unit(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return run(request, *args, **kwargs)
            except NotVisible as error:
                raise Http404(error.detail) from error
            except (NotPermitted, PermissionDenied) as error:
                _record(error, request)
                raise PermissionDenied(str(error)) from error

        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated or getattr(view, "own_transaction", False):
                return view(request, *args, **kwargs)
            read_only = request.method in ("GET", "HEAD") and not getattr(view, "writes_when_safe", False)
            with unit_of_work(request.user, read_only=read_only):
                response = view(request, *args, **kwargs)
                if isinstance(response, TemplateResponse):
                    response.render()
                return response

        return super().admin_view(update_wrapper(in_unit, view), cacheable)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Land where the role works: a coach on their athletes."""
        groups = sidebar(request)
        return HttpResponseRedirect(groups[0]["items"][0]["link"]) if groups else super().index(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """Change one's own password, by the service that ends every other session."""
        from django.contrib.auth.views import PasswordChangeView

        from config.passwords import OwnPasswordForm

        page = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            template_name=self.password_change_template or "registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return page(request)

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in staff roles; athletes use the API and the mobile client."""
        return request.user.is_active and bool(getattr(request.user, "is_staff", False))


def _record(error: NotPermitted | PermissionDenied, request: HttpRequest) -> None:
    """Record what was refused, now that its unit of work has rolled back; imported late, as the form above."""
    from common.api import record_denial

    record_denial(error if isinstance(error, NotPermitted) else NotPermitted(str(error)), request)
