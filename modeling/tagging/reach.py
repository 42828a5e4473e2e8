"""Whether a text is one that the model can judge: English as athletes and coaches write it.

A text is within reach if enough of its words, or of the pieces of its words, occur in the seed set or stand for
an idea of the trade, and its letters are
Latin. Anything else gets `other`: a classifier of English has a probability for every text, also for one of which it
knows no word.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import mmh3

from modeling.tagging.concepts import concepts_of
from modeling.tagging.features import tokens_of

PIECE: Final = 4
LATIN_AT_LEAST: Final = 0.9
WORDS_AT_LEAST: Final = 0.6
WORDS_WITH_PIECES: Final = 0.4
PIECES_AT_LEAST: Final = 0.6


@dataclass(frozen=True)
class Reach:
    """Hashes of the words, and of the pieces of words, of the texts that the model was made from."""

    words: frozenset[int]
    pieces: frozenset[int]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Reach:
        """Return the reach of a model of these texts."""
        words = {word for text in texts for word in _words(text)}
        pieces = {piece for word in words for piece in _pieces(word)}
        return cls(frozenset(map(_hash, words)), frozenset(map(_hash, pieces)))

    def covers(self, text: str) -> bool:
        """Return whether the model may judge this text."""
        words = _words(text)
        if not words or _latin_share(text) < LATIN_AT_LEAST:
            return False
        known = sum(_hash(word) in self.words or bool(concepts_of(word)) for word in words) / len(words)
        if known >= WORDS_AT_LEAST:
            return True
        pieces = [piece for word in words for piece in _pieces(word)]
        return known >= WORDS_WITH_PIECES and _share(pieces, self.pieces) >= PIECES_AT_LEAST


def _words(text: str) -> list[str]:
    return [token for token in tokens_of(text) if token not in (".", "0")]


def _pieces(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[i : i + PIECE] for i in range(max(1, len(padded) - PIECE + 1))]


def _hash(text: str) -> int:
    return int(mmh3.hash(text, signed=False))


def _share(items: list[str], known: frozenset[int]) -> float:
    return sum(_hash(item) in known for item in items) / len(items) if items else 0.0


def _latin_share(text: str) -> float:
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return latin / len(letters) if letters else 0.0
