"""What pages may load and run (Content Security Policy, level 3): our own origin, no inline script anywhere.

The admin's theme and the API's browsable pages set styles in place; `config.csp` adds what the theme's scripts want.
"""

from __future__ import annotations

from typing import Any, Final

from csp.constants import NONE, SELF, UNSAFE_INLINE

CONTENT_SECURITY_POLICY: Final[dict[str, Any]] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
