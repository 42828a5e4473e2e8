"""The admin's one base class, on the permission matrix, and the only place that imports the theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import AllValuesFieldListFilter
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget as Select

from common.errors import DomainError, NotPermitted, NotVisible, StaleVersion
from common.registries import Registry
from common.translating.showing import shown

__all__ = [
    "ACCESS", "PolicyAdmin", "RangeDateFilter", "Select", "TabularInline", "WordsFilter", "action", "display", "may",
    "words_filter", "worded", "words_of",
]  # fmt: skip

_REFUSAL = "mesocycle_refusal"  # of a request whose service has refused what a form asked for

# Filled by accounts: may this user do this verb at all (whatever the object)?
ACCESS: Registry[Callable[[Any, str], bool]] = Registry("access checks", required=("matrix",))


def may(user: Any, verb: str) -> bool:
    """Return whether the matrix grants a verb to the user's role."""
    return bool(verb) and getattr(user, "is_authenticated", False) and ACCESS.get("matrix")(user, verb)


class WordsFilter(AllValuesFieldListFilter):
    """The values of a field that has no choices of its own, in the language of who looks."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what there is to choose."""
        for choice in super().choices(changelist):
            yield {**choice, "display": worded(choice["display"])}


def words_filter(*known: str) -> type[WordsFilter]:
    """Return a filter with words that are known beforehand: asking the table for them reads all of it."""

    class Known(WordsFilter):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.lookup_choices: Any = sorted(known)

    return Known


class AtLeast(int):
    """A count that stopped at its limit: "10000+"."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages of a list of which no more than `MOST` rows are counted or turned to: whoever looks further searches."""

    MOST: ClassVar[int] = 10_000

    @cached_property
    def count(self) -> int:
        """Return how many rows there are; `AtLeast` so many where there are more."""
        if not isinstance(self.object_list, QuerySet):
            return super().count
        found = self.object_list.order_by().values("pk")[: self.MOST + 1].count()
        return AtLeast(self.MOST) if found > self.MOST else found


def _refusing(form: type[ModelForm[Any]], refusal: str) -> type[ModelForm[Any]]:
    """Return a form that is never valid, and says why."""

    class Refusing(form):  # type: ignore[misc,valid-type]
        def clean(self) -> Any:
            self.add_error(None, refusal)
            return super().clean()

    return Refusing


def worded(value: Any) -> str:
    """Return a stored word (`half_marathon`) as people read it, in the language at hand."""
    return shown(str(value).replace("_", " "))


def words_of(name: str) -> Callable[[Any, Any], str]:
    """Return a column with the words of a field that has no choices of its own."""

    @display(description=name.replace("_", " "), ordering=name)
    def column(page: Any, row: Any) -> str:
        return worded(getattr(row, name))

    return column


class PolicyAdmin(ModelAdmin):  # type: ignore[misc]
    """A ModelAdmin whose rows and rights come from an app's policies, for module, list, form and queryset alike.

    Subclasses name the verbs; a blank verb is refused to everybody. `visible` returns the rows in the user's scope.
    """

    view_verb: ClassVar[str] = ""
    add_verb: ClassVar[str] = ""
    change_verb: ClassVar[str] = ""
    compressed_fields = True
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator

    def visible(self, user: Any) -> Q:
        """Return the condition on the rows that the user may see."""
        raise NotImplementedError

    def require_view(self, request: HttpRequest) -> None:
        """Refuse a page of our own to who may not see the model at all.

        Raises:
            NotVisible: the matrix does not grant `view_verb`.
        """
        if not self.has_view_permission(request):
            raise NotVisible("There is no such page.")

    def render(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        """Return a page of our own inside the admin's frame."""
        base = {**self.admin_site.each_context(request), "opts": self.opts, "title": shown(title)}
        return TemplateResponse(request, template, {**base, **context})

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show what the service refuses in the form, with all that was typed; nothing of the change is kept.

        Who may not do it at all gets 404 or 403, as everywhere; whose page is stale gets it as it is now.
        """
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except (NotVisible, NotPermitted):
            raise
        except StaleVersion as error:
            messages.error(request, shown(error.detail))
            return HttpResponseRedirect(request.get_full_path())
        except DomainError as error:
            if request.method != "POST":
                raise
            setattr(request, _REFUSAL, shown(error.detail))
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[no-any-return]

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[ModelForm[Any]]:
        form: type[ModelForm[Any]] = super().get_form(request, *args, **kwargs)
        refusal = getattr(request, _REFUSAL, "")
        return _refusing(form, refusal) if refusal else form

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice that nobody made is none: the theme would take the first, of roles the administrator."""
        if db_field.name not in self.radio_fields and not db_field.has_default():
            kwargs.setdefault("choices", db_field.get_choices(include_blank=True))
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Write nothing: the audit log tells who did what, and Django's own log would keep names in clear for ever."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        """Write nothing, as `log_addition`."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        rows = super().get_queryset(request).filter(self.visible(request.user))
        return rows if self.has_view_permission(request) else rows.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, self.view_verb)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request.user, self.view_verb)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request.user, self.add_verb)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request.user, self.change_verb)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted here: rows that may end have a service that ends them."""
        return False
