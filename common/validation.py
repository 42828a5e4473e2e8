"""Django's validation errors as ours."""

from __future__ import annotations

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from common.errors import InvalidInput


def invalid_input_from(error: ValidationError) -> InvalidInput:
    """Return the `InvalidInput` that names each field which `full_clean` refused, with its reasons."""
    if not hasattr(error, "error_dict"):
        return InvalidInput(" ".join(error.messages))
    errors = [
        {"pointer": "" if field == NON_FIELD_ERRORS else f"/{field}", "detail": message}
        for field, messages in error.message_dict.items()
        for message in messages
    ]
    detail = " ".join(f"{e['pointer'].strip('/')}: {e['detail']}" if e["pointer"] else e["detail"] for e in errors)
    return InvalidInput(detail, errors=errors)
