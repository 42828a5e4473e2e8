"""The admin's theme: colours, sidebar groups (each role sees its own), one stylesheet."""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import reverse_lazy

from config.page_texts import page_texts_address

UNFOLD = {
    "SITE_TITLE": "Mesocycle",
    "SITE_HEADER": "Mesocycle",
    "SITE_SYMBOL": "show_chart",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("mesocycle/favicon.svg")},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("mesocycle/admin.css")],
    "SCRIPTS": [lambda request: page_texts_address(request), lambda request: static("mesocycle/admin.js")],
    "ACCOUNT": {"navigation": "config.navigation.account"},
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 280)",
            "100": "oklch(94% .03 280)",
            "200": "oklch(88% .06 280)",
            "300": "oklch(79% .1 280)",
            "400": "oklch(68% .14 280)",
            "500": "oklch(57% .17 280)",
            "600": "oklch(49% .175 280)",
            "700": "oklch(43% .16 280)",
            "800": "oklch(36% .13 280)",
            "900": "oklch(30% .1 280)",
            "950": "oklch(22% .08 280)",
        },
    },
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": "config.navigation.sidebar"},
    "LOGIN": {"redirect_after": lambda request: reverse_lazy("admin:index")},
}
