"""Finding out which sentence a text is: "This session is v3." is "This session is {name}." with name = "v3". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

PLACEHOLDER: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LEAST_LETTERS: Final = 4
"""A sentence has so many letters of its own at least: else it would be found in whatever somebody wrote."""
LEAST_WITHIN: Final = 10
"""The same of a sentence that begins and ends with a place, so that nothing holds it."""


class Sentences:
    """Sentences with `{placeholders}`, by which texts are recognised.

    Of several sentences that fit, the one is taken whose beginning and end say most, then whose words do.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        found = [(one, PLACEHOLDER.split(one)[::2]) for one in set(sentences) if PLACEHOLDER.search(one)]
        telling = [(one, parts) for one, parts in found if _tells(parts)]
        telling.sort(key=lambda pair: (-_letters([pair[1][0], pair[1][-1]]), -_letters(pair[1]), pair[0]))
        self._patterns = [(one, parts, _pattern(one)) for one, parts in telling]
        self.recognise = lru_cache(maxsize=4096)(self._recognise)

    def __len__(self) -> int:
        return len(self._patterns)

    def _recognise(self, text: str) -> tuple[str, Mapping[str, str]] | None:
        """Return the sentence and what stands in its places, None where no sentence fits."""
        for sentence, parts, pattern in self._patterns:
            if text.startswith(parts[0]) and text.endswith(parts[-1]):
                match = pattern.fullmatch(text)
                if match:
                    return sentence, match.groupdict()
        return None


def filled(sentence: str, values: Mapping[str, str]) -> str:
    """Return a sentence with its places filled; a place without a value stays as it is written."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), sentence)


def _tells(parts: list[str]) -> bool:
    held = _letters([parts[0], parts[-1]]) > 0
    return _letters(parts) >= (LEAST_LETTERS if held else LEAST_WITHIN)


def _letters(parts: list[str]) -> int:
    return sum(character.isalpha() for part in parts for character in part)


def _pattern(sentence: str) -> re.Pattern[str]:
    """Return the pattern: a place takes as little as possible, the last one whatever is left."""
    pieces, seen = [], set()
    for index, piece in enumerate(PLACEHOLDER.split(sentence)):
        if index % 2 == 0:
            pieces.append(re.escape(piece))
        elif piece in seen:
            pieces.append(f"(?P={piece})")
        else:
            seen.add(piece)
            pieces.append(f"(?P<{piece}>.+?)")
    return re.compile("".join(pieces), re.DOTALL)
