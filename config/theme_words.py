"""Words of the admin's theme, which comes without German: they are translated with our own."""

from __future__ import annotations

from common.translating.words import WORDS, Words

THEME = (
    "Add row", "After you", "All applications", "Apply Filters", "Choose file to upload", "Click to cancel",
    "Click to download", "Dark", "Date",
    "Expand row", "False", "Forgotten your password or username?", "General", "Go back",
    "Image preview", "Light", "Loading more results...", "More actions", "Next", "No data", "No recent searches",
    "No results found", "No results matching your query", "Previous", "Recent searches", "Record picture",
    "Reset filters", "Return to site", "Search apps and models...", "Select all rows", "System",
    "This item will be deleted.",
    "This page yielded into no results. Create a new item or reset your filters.", "Toggle password visibility",
    "True", "Type to search", "You have been successfully logged out from the administration", "Date from", "Date to",
    "From", "To", "Select action to run", "Select action", "Select record", "Select value",
)  # fmt: skip
APPS = ("Accounts", "Plans", "Modeling", "Audit", "Telemetry", "Rollout", "Experiments")


def _words() -> tuple[str, ...]:
    return (*THEME, *APPS)


def register() -> None:
    """Name them to whoever collects texts."""
    WORDS.register("theme", Words(_words))
