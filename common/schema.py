"""What every operation of the API may answer, said once: problems (RFC 9457) by status."""

from __future__ import annotations

from typing import Any, Final

from common.problem import CONTENT_TYPE

_COMPONENT: Final = "Problem"
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457; `type` names the problem and is a page that explains it. Extension members may follow.",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) as a URI fragment."},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": True,
}
_ALWAYS: Final = {
    "400": "The request is malformed or a value is refused; `errors` points at it.",
    "401": "No valid access token.",
    "403": "Visible, but not yours to do.",
    "404": "There is no such thing, or you may not see it.",
    "406": "No such representation.",
    "429": "Too many requests; Retry-After says when to come again.",
}
_WITH_A_BODY: Final = {
    "409": "The state of things does not allow it.",
    "413": "The request is too large.",
    "415": "Unsupported media type.",
    "422": "The Idempotency-Key was used for another request.",
}
_WITH_A_TAG: Final = {
    "412": "Somebody saved since you read it; `current_etag` names the present version.",
    "428": "Say with If-Match what the change is based on.",
}
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Give each operation its problem answers (a drf-spectacular post-processing hook)."""
    result.setdefault("components", {}).setdefault("schemas", {})[_COMPONENT] = _PROBLEM
    for path in result["paths"].values():
        for method in _METHODS:
            if method in path:
                _add(path[method], method)
    return result


def _add(operation: dict[str, Any], method: str) -> None:
    content = {CONTENT_TYPE: {"schema": {"$ref": f"#/components/schemas/{_COMPONENT}"}}}
    takes_tag = any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ()))
    statuses = {**_ALWAYS, "409": _WITH_A_BODY["409"]}
    if method != "get":
        statuses |= _WITH_A_BODY
    if takes_tag or method == "patch":
        statuses |= _WITH_A_TAG
    for status, description in statuses.items():
        operation["responses"].setdefault(status, {"description": description, "content": content})
