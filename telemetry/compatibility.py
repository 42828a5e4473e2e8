"""May a new version of a schema replace the earlier one for everybody who reads the events. Pure.

What a reader relies on stays: each property under its name and with its types, those that were always there, the values
that earlier events may have. New are only optional properties, further values of an enumeration (a reader tolerates
what it does not know) and wider bounds. Everything else is a new type of event under another name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_WORDS: Final = frozenset({"$schema", "$id", "title", "description"})
_UPPER: Final = ("maximum", "maxLength", "maxItems")
_LOWER: Final = ("minimum", "minLength", "minItems")
_SAME: Final = ("format", "pattern", "additionalProperties")
KEYWORDS: Final = _WORDS | {"type", "enum", "items", "properties", "required", *_UPPER, *_LOWER, *_SAME}
"""What a schema of ours may say: nothing that this comparison would overlook."""


def breaks(old: Schema, new: Schema, *, at: str = "data") -> list[str]:
    """Return what a reader of `old` would miss or mistake in `new`, one sentence each; empty where nothing."""
    found = [*_types(old, new, at), *_values(old, new, at), *_bounds(old, new, at)]
    found += [f"{at} has another {word}" for word in _SAME if old.get(word) != new.get(word)]
    if ("items" in old) != ("items" in new):
        found.append(f"{at} says something else of its items")
    elif "items" in old:
        found += breaks(old["items"], new["items"], at=f"{at}[]")
    return found + _properties(old, new, at)


def unknown_keywords(schema: Schema, *, at: str = "data") -> list[str]:
    """Return the keywords that `breaks` does not compare, one sentence each."""
    found = [f"{at} uses {word}, which is not compared" for word in sorted(schema.keys() - KEYWORDS)]
    for name, inner in schema.get("properties", {}).items():
        found += unknown_keywords(inner, at=f"{at}.{name}")
    return found + (unknown_keywords(schema["items"], at=f"{at}[]") if "items" in schema else [])


def types_of(schema: Schema) -> frozenset[str]:
    """Return the JSON types that a schema allows, `null` among them."""
    named = schema.get("type", ())
    return frozenset([named] if isinstance(named, str) else named)


def _types(old: Schema, new: Schema, at: str) -> list[str]:
    before, after = types_of(old), types_of(new)
    if before == after:
        return []
    return [f"{at} was {_listed(before)} and is {_listed(after)}"]


def _values(old: Schema, new: Schema, at: str) -> list[str]:
    if "enum" not in new:
        return []
    if "enum" not in old:
        return [f"{at} was free and is an enumeration"]
    gone = [value for value in old["enum"] if value not in new["enum"]]
    return [f"{at} has lost {_listed(gone)}"] if gone else []


def _bounds(old: Schema, new: Schema, at: str) -> list[str]:
    found = []
    tighter: tuple[tuple[tuple[str, ...], Callable[[Any, Any], bool]], ...] = (
        (_UPPER, lambda before, after: after < before),
        (_LOWER, lambda before, after: after > before),
    )
    for words, is_tighter in tighter:
        for word in words:
            if word in new and (word not in old or is_tighter(old[word], new[word])):
                found.append(f"{at} has a narrower {word}")
    return found


def _properties(old: Schema, new: Schema, at: str) -> list[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed, needs = set(old.get("required", ())), set(new.get("required", ()))
    found = [f"{at}.{name} is gone" for name in before if name not in after]
    found += [f"{at}.{name} was always there and need not be any more" for name in sorted(needed - needs)]
    found += [f"{at}.{name} is required, which earlier events lack" for name in sorted(needs - needed)]
    for name in before:
        if name in after:
            found += breaks(before[name], after[name], at=f"{at}.{name}")
    return found


def _listed(values: Any) -> str:
    return " or ".join(sorted(map(str, values))) or "anything"
