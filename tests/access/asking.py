"""How each route is asked, and what its answer amounts to."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final

from django.contrib.messages import constants, get_messages

from tests.access.world import EXPERIMENT, World, undone

API: Final = "api/v1/"
OFREP: Final = "ofrep/"
OBJECTS: Final = {
    "auditevent": "event",
    "athletegrant": "access",
    "plangrant": "share",
    "notification": "note",
    "user": "user",
    "coachlink": "link",
    "team": "team",
    "flag": "flag",
    "experiment": "experiment",
    "announcement": "announcement",
    "rolloutmessage": "message",
    "deadletter": "letter",
    "alertrule": "rule",
    "athlete": "athlete",
    "activity": "activity",
    "test": "test",
    "threshold": "threshold",
    "testproposal": "proposal",
    "plan": "plan",
}
"""Which word fills `object_id` on a model's pages."""
PARTS: Final = {
    "key": "plan.model_driven_generation",
    "athlete_id": "{athlete}",
    "pk": "{athlete}",
    "plan_id": "{plan}",
    "version_id": "{head}",
    "session_id": "{session}",
    "comment_id": "{comment}",
    "job_id": "{job}",
    "feed_id": "{feed}",
    "event_id": "{event}",
    "row_id": "{activity}",
    "run_id": "{job}",
    "kind": "activity",
    "purpose": "experiments",
    "slug": "forbidden",
    "uidb64": "MQ",
    "token": "{token}",
    "content_type_id": "1",
    "url": "nothing",
}
PATHS: Final = {
    "athlete-grant": "api/v1/athletes/{athlete}/grants/{access}",
    "plan-share": "api/v1/plans/{plan}/shares/{share}",
    "experiment": f"api/v1/experiments/{EXPERIMENT}",
    "session-workout": "api/v1/sessions/{session}/workout.fit",
    "password_reset_confirm": "password/choose/MQ/set-password/",
    "admin:app_list": "admin/plans/",
    "admin/(?P<url>.*)$": "admin/nothing",
    "audit-inclusion-proof": "api/v1/audit/proofs/inclusion?event={event}",
    "audit-consistency-proof": "api/v1/audit/proofs/consistency?first=1",
    "metrics-csv": "admin/metrics/overview/week.csv",
    "metrics-service-csv": "admin/service-health/latest.csv",
    "admin:telemetry_deadletter_retry": "admin/telemetry/deadletter/{letter}/retry/",
    "admin:telemetry_alertincident_silence": "admin/telemetry/alertincident/rule/{rule}/silence/",
    "admin:telemetry_alertincident_unsilence": "admin/telemetry/alertincident/rule/{rule}/unsilence/",
    **{
        f"admin:{name}": f"admin/rollout/report/{{report}}/{step}/"
        for name, step in (
            ("rollout_report_change", "change"),
            ("report_take", "take"),
            ("report_raise", "raise"),
            ("report_resolve", "resolve"),
        )
    },
    "admin:search": "admin/search/?s=Quxworth",
    "admin:autocomplete": "admin/autocomplete/?app_label=plans&model_name=plangrant&field_name=content_object&term=Qux",
}
_GRANT: Final = {"user_id": "{colleague}", "expires_at": "{week}", "reason": "cover"}
BODIES: Final[dict[tuple[str, str], Any]] = {
    ("athlete-grants", "POST"): _GRANT,
    ("activities", "POST"): {"activities": [{"day": "{yesterday}", "load": 30}]},
    ("tests", "POST"): {"day": "{yesterday}", "value": 48, "kind": "race"},
    ("thresholds", "POST"): {"sport": "running", "valid_from": "{yesterday}", "max_hr": 191},
    ("correction", "POST"): {"reason": "wrong watch"},
    ("plans", "POST"): {"athlete_id": "{athlete}", "race_date": "{later}", "race_distance": "10k"},
    ("plan-version", "PATCH"): {"sessions": {"{session}": {"title": "Hills"}}, "expected_etag": "{etag}"},
    ("plan-what-if", "POST"): {"operations": []},
    ("plan-look", "POST"): {"version_number": 1},
    ("plan-submit", "POST"): {"expected_etag": "{etag}"},
    ("plan-withdraw", "POST"): {"expected_etag": "{etag}"},
    ("plan-regenerate", "POST"): {"expected_etag": "{etag}"},
    ("plan-approve", "POST"): {
        "decision": "accept", "comment": "so", "version_id": "{head}", "content_sha256": "{sha}",
    },
    ("plan-comments", "POST"): {"message": "Good?"},
    ("plan-comment-tags", "PUT"): {"tags": ["injury", "time"]},
    ("plan-shares", "POST"): _GRANT,
    ("plan-feedback", "POST"): {"score": 4},
    ("session-completion", "POST"): {"status": "skipped"},
    ("session-move", "POST"): {"plan_id": "{plan}", "day": "{next_day}"},
    ("me-results", "POST"): {"race": "5k", "day": "{yesterday}", "time": "25:00"},
    ("me-settings", "PATCH"): {"units": "imperial"},
    ("me-preferences", "PATCH"): {"units": "imperial"},
    ("me-consent", "PUT"): {"granted": True, "text_version": "2026-01"},
    ("notifications-read", "POST"): {"all": True},
    ("assignments", "POST"): {"experiment_key": EXPERIMENT, "subject_id": "{athlete}"},
    ("assignments-bulk", "POST"): {"experiment_key": EXPERIMENT, "subjects": [{"subject_id": "{athlete}"}]},
    ("exposures", "POST"): {
        "experiment_key": EXPERIMENT, "subject_id": "{athlete}", "variant": "a", "source_id": "{job}",
    },
    ("reports", "POST"): {"topic": "error", "text": "It fails.", "athlete_id": "{athlete}"},
    ("ofrep-flag", "POST"): {"context": {"targetingKey": "{athlete}"}},
    ("ofrep-flags", "POST"): {"context": {"targetingKey": "{athlete}"}},
    ("admin:accounts_notification_read", "POST"): {"all": "1"},
    ("admin:telemetry_deadletter_retry", "POST"): {"reason": "mended"},
    ("admin:telemetry_alertincident_silence", "POST"): {"reason": "pipes are changed", "hours": "4"},
    ("admin:telemetry_alertincident_channel", "POST"): {"group": "team"},
    ("admin:athlete_test", "POST"): {"day": "{yesterday}", "value": "48", "kind": "race"},
    ("admin:athlete_threshold", "POST"): {"valid_from": "{yesterday}", "max_hr": "191"},
    ("admin:athlete_plan", "POST"): {"race_date": "{later}", "race_distance": "10k"},
    ("admin:athlete_proposals", "POST"): {"do": "find"},
    ("admin:plans_plangrant_add", "POST"): {
        "content_object": "{plan}", "user": "{colleague}", "expires_at_0": "{later}", "expires_at_1": "00:00:00",
        "because": "cover",
    },
    ("admin:accounts_coachlink_change", "POST"): {"active_until": "{later}"},
    ("admin:accounts_user_change", "POST"): {"role": "coach"},
    ("admin:modeling_activity_change", "POST"): {"reason": "wrong watch", "take_out": "on"},
}  # fmt: skip
"""Minimal bodies that reach authorisation: whoever is let in may still be told 400, 409 or 428."""


def path_of(name: str, pattern: str, words: dict[str, str]) -> str:
    """Return a route's address with Ann's ids in it."""
    model = name.split("_")[1] if name.startswith("admin:") and name.count("_") == 2 else pattern.split("/")[-3:][0]
    parts = {**PARTS, "object_id": "{" + OBJECTS.get(model, "user") + "}"}
    template = PATHS.get(name) or re.sub(r"<(?:\w+:)?(\w+)>", lambda match: parts[match[1]], pattern)
    return "/" + filled(template, words)


def filled(value: Any, words: dict[str, str]) -> Any:
    """Put the words into a body or an address."""
    text = json.dumps(value)
    for name, word in words.items():
        text = text.replace(f"{{{name}}}", json.dumps(word)[1:-1])
    return json.loads(text)


def ask(world: World, column: str, name: str, pattern: str, method: str) -> str:
    """Ask a route as somebody, and take back what it did; `name@draft` asks about the plan that Ann does not know,
    `name@erased` about somebody whom the coach and the team had too, and who was erased."""
    bare, _, variant = name.partition("@")
    words = world.words
    if variant == "draft":
        words = {**words, "plan": words["draft"], "head": words["draft_head"]}
    if variant == "erased":
        names = {"athlete": "erased", **{name: f"erased_{name}" for name in ("plan", "head", "session", "etag")}}
        words = {**words, **{name: words[of] for name, of in names.items()}}
    path, is_api = path_of(bare, pattern, words), pattern.startswith((API, OFREP))
    client: Any = (world.api if is_api else world.pages)[column]
    body = filled(BODIES.get((bare, method), {}), words)
    cookies = copy.deepcopy(client.cookies)
    with undone():
        if method == "GET":
            answer = client.get(path)
        elif is_api:
            answer = getattr(client, method.lower())(path, body, format="json")
        else:
            answer = getattr(client, method.lower())(path, body) if method == "POST" else client.generic(method, path)
        found = outcome(world, path, method, answer)
    client.cookies = cookies
    return found


def outcome(world: World, path: str, method: str, answer: Any) -> str:
    """Return the class of an answer, as `tests/access/table.py` explains them."""
    status, to = answer.status_code, answer.headers.get("Location", "")
    if status in (401, 403, 404, 405) or status >= 500:
        return str(status)
    if status == 302:
        if "/login/" in to:
            return "log"
        if to == "/admin/" and path not in ("/", "/admin/", "/admin/login/") and _has_warning(answer):
            return "404"
    if method == "POST" and status == 200 and (answer.context or {}).get("errors"):
        return "say"
    if status >= 400 or method != "GET" or any(word in path for word in world.ids):
        return "ok"
    content = answer.content.decode(errors="replace")
    return "ok" if any(mark in content for mark in world.marks) else "nil"


def _has_warning(answer: Any) -> bool:
    """Return whether the admin says that there is no such row."""
    return any(message.level >= constants.WARNING for message in get_messages(answer.wsgi_request))
