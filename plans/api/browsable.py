"""The browsable API as a coach uses it: links to follow, a form for each action on a plan, errors in words.

Ids are typed or filled in, never chosen from a list of every row. A page is rendered after its unit of work has ended,
so that everything here is made from the answer itself; nothing is read from the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

from django.http import QueryDict
from django.urls import resolve, reverse
from rest_framework import serializers
from rest_framework.request import Request

from accounts.access import matrix_grants
from common import clock
from common.browsable import API_PAGES, Form, Input, Page
from plans.api import review_serializers as s
from plans.api import training_serializers as t

PLAN_PAGES: Final = ("plan-versions", "plan-comments", "plan-changelog")
EXAMPLE_KINDS: Final = ("easy", "long", "tempo", "interval", "repetition")


# url name → title, serializer, what somebody should know before sending it
ACTIONS: Final[dict[str, tuple[str, type[serializers.Serializer[Any]], str]]] = {
    "plan-submit": ("Submit to the athlete", s.SubmitInSerializer, "The head version becomes coach-reviewed."),
    "plan-approve": (
        "Approve or request changes",
        s.ApproveInSerializer,
        "The athlete's own word; an administrator may say it for them, with a comment.",
    ),
    "plan-comments": ("Comment", s.CommentInSerializer, "On the plan as a whole, or on a session by its id."),
    "plan-regenerate": ("Generate again", s.RegenerateInSerializer, "From today's data; the coach's edits stay."),
    "plan-withdraw": ("Withdraw", s.WithdrawInSerializer, "A published version stays what the athlete trains by."),
    "plan-look": ("Mark as looked at", s.LookInSerializer, "Lists then show what is new to you."),
    "plan-comment-resolve": ("Settle the thread", s.NothingInSerializer, ""),
    "plan-feedback": ("Rate the cycle", t.FeedbackInSerializer, ""),
    "session-completion": ("Complete the session", t.CompletionInSerializer, ""),
    "session-move": ("Move the session", t.MoveInSerializer, "Within its week."),
    "me-results": ("Add a race result", t.ResultInSerializer, ""),
    "me-calendar": ("Make a calendar address", s.NothingInSerializer, "It is shown once."),
}
ON_A_PLAN: Final = ("plan-submit", "plan-approve", "plan-comments", "plan-regenerate", "plan-withdraw")
AFTER_AN_ACTION: Final = ("plan-submit", "plan-approve", "plan-withdraw")


def page_of(request: Request, data: Any, is_error: bool) -> Page:
    """Return links and forms of an answer, by the name of its address."""
    match = request.resolver_match
    name, ids = (match.url_name or "", dict(match.kwargs)) if match else ("", {})
    problem = data if is_error and isinstance(data, dict) else None
    links = list(_links(name, ids, None if problem else data))
    if not request.user.is_authenticated:
        return Page(links, [], problem)
    return Page(links, list(_forms(request, name, ids, None if problem else data)), problem)


def _links(name: str, ids: dict[str, Any], data: Any) -> Iterator[tuple[str, str]]:
    if name == "plans" and isinstance(data, dict):
        for plan in data.get("results", []):
            label = f"{plan['athlete_name']}: {plan['race']} on {plan['race_date']} ({plan['status']})"
            yield label, reverse("plan", args=[plan["id"]])
        return
    yield "All plans", reverse("plans")
    if "plan_id" not in ids:
        return
    if name != "plan":
        yield "This plan", reverse("plan", args=[ids["plan_id"]])
    if _is_plan(data) and data["head_version"]:
        number, head = data["head_version"]["version_number"], data["head_version"]["id"]
        yield f"Version {number}: read and edit", reverse("plan-version", args=[ids["plan_id"], head])
    for page in PLAN_PAGES:
        if page != name:
            yield page.removeprefix("plan-").capitalize(), reverse(page, args=[ids["plan_id"]])
    if name == "plan-versions" and isinstance(data, list):
        for row in data:
            url = reverse("plan-version", args=[ids["plan_id"], row["id"]])
            yield f"Version {row['version_number']} ({row['status']})", url


def _forms(request: Request, name: str, ids: dict[str, Any], data: Any) -> Iterator[Form]:
    """Yield the forms that the role may send: actions on a plan where the answer is one, else the page's own."""
    for form in _all_forms(request, name, ids, data):
        verb = resolve(form.url).func.view_class.verbs.get(form.method)  # type: ignore[attr-defined]  # of `as_view`
        if verb is None or matrix_grants(request.user, verb):
            yield form


def _all_forms(request: Request, name: str, ids: dict[str, Any], data: Any) -> Iterator[Form]:
    if _is_plan(data) and (name == "plan" or name in AFTER_AN_ACTION):
        for action in ON_A_PLAN:
            yield _form(action, {"plan_id": ids["plan_id"]}, _known(data))
    elif name == "plan-version":
        yield from _version_forms(request, ids, data)
    elif name == "plan-what-if":
        yield _what_if(ids["plan_id"], _typed(request) or _example_operations(None))
    elif name == "plans":
        note = "athlete_id may be left out by an athlete, who asks for themselves."
        yield Form("Ask for a plan", reverse("plans"), note, body=_typed(request) or _example_wish())
    elif name in ACTIONS:
        yield _form(name, ids, _posted(request))


def _version_forms(request: Request, ids: dict[str, Any], data: Any) -> Iterator[Form]:
    """Yield the edit and the what-if, on a session of this version; after a refusal, what was typed."""
    example = _example(data) if isinstance(data, dict) else _typed(request)
    if not example:
        return
    url = reverse("plan-version", args=[ids["plan_id"], data["id"] if isinstance(data, dict) else ids["version_id"]])
    note = "Names sessions by id: a part of one changes those fields, null removes it, a whole one adds it."
    yield Form("Edit", url, note, body=example, method="PATCH")
    if isinstance(data, dict):
        yield _what_if(ids["plan_id"], _example_operations(data))


def _what_if(plan_id: Any, body: str) -> Form:
    return Form("What if", reverse("plan-what-if", args=[plan_id]), "Nothing is stored.", body=body)


def _form(action: str, ids: dict[str, Any], values: Mapping[str, Any]) -> Form:
    title, serializer, note = ACTIONS[action]
    inputs = tuple(_input(name, found, values.get(name)) for name, found in serializer().fields.items())
    return Form(title, reverse(action, kwargs=ids), note, inputs)


def _input(name: str, found: Any, value: Any) -> Input:
    choices = [(str(key), str(label)) for key, label in getattr(found, "choices", {}).items()]
    if choices and not found.required and found.allow_blank:
        choices = [("", "–"), *choices]
    default = found.default if found.default is not serializers.empty and not callable(found.default) else ""
    return Input(
        name=name,
        label=str(found.label or name.replace("_", " ").capitalize()),
        kind=_kind(name, found),
        value=str(default if value is None else value),
        help_text=str(found.help_text or ""),
        required=bool(found.required),
        choices=tuple(choices),
    )


def _kind(name: str, found: Any) -> str:
    if getattr(found, "choices", None):
        return "choice"
    if isinstance(found, serializers.DateField):
        return "date"
    return "lines" if name in ("comment", "message", "note") else "text"


def _is_plan(data: Any) -> bool:
    return isinstance(data, dict) and {"etag", "head_version", "race_date"} <= data.keys()


def _known(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form on a plan is filled in with: the version that the person sees on the page."""
    head = plan["head_version"] or {}
    known = {"version_id": head.get("id"), "content_sha256": head.get("content_sha256")}
    return {**known, "expected_etag": plan["etag"]}


def _posted(request: Request) -> Mapping[str, Any]:
    """Return what somebody typed into this form before it was refused."""
    data = getattr(request, "_full_data", None)
    return data if isinstance(data, QueryDict) else {}


def _typed(request: Request) -> str:
    """Return the JSON document that was sent to this page and refused."""
    data = getattr(request, "_full_data", None)
    is_document = isinstance(data, dict | list) and not isinstance(data, QueryDict) and data
    return json.dumps(data, indent=2, ensure_ascii=False) if is_document else ""


def _session(version: Any) -> dict[str, Any]:
    """Return a session for an example: the last but one that is training, which lies ahead if any does."""
    rows = [row for week in (version or {}).get("weeks", []) for row in week["sessions"]]
    training = [row for row in rows if row["kind"] in EXAMPLE_KINDS]
    return training[-2] if len(training) > 1 else {"session_id": "SESSION-ID", "title": "Hills"}


def _example_wish() -> str:
    wish = {"athlete_id": "ATHLETE-ID", "race_date": (clock.today() + timedelta(weeks=12)).isoformat()}
    return json.dumps({**wish, "race_distance": "10k", "goal_time": None}, indent=2)


def _example(version: Mapping[str, Any]) -> str:
    session = _session(version)
    edit = {"sessions": {session["session_id"]: {"title": session["title"]}}}
    example = {"expected_etag": version["etag"], "reason": "coach_judgement", "note": "", **edit}
    return json.dumps(example, indent=2, ensure_ascii=False)


def _example_operations(version: Any) -> str:
    session = _session(version)
    operation = {"op": "replace", "path": f"/sessions/{session['session_id']}/load", "value": session.get("load", 40.0)}
    return json.dumps({"operations": [operation]}, indent=2)


API_PAGES.register("plans", page_of)
