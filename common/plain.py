"""Values as JSON holds them: identifiers and moments become text."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder


def plain(value: Any) -> Any:
    """Return a value of dicts, lists and scalars as reading it back from a JSON column would.

    Raises:
        TypeError: something in it is no JSON.
        ValueError: a number is not finite.
    """
    return json.loads(json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False))
