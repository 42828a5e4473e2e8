"""A comment as hashed features: words, pairs of words and pieces of words, with what is denied kept apart.

Features are numbers of buckets, never text, and many n-grams share a bucket: a stored model holds no word that
anybody wrote, and from its coefficients nobody can say which of the n-grams of a bucket was there. The hashing trick is
that of Weinberger et al. 2009; marking what follows a negation is that of Das & Chen 2001.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import mmh3
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from modeling.tagging.concepts import concepts_of

BUCKETS: Final = 4096
FEATURES: Final = "1"
"""Goes up when the same text gives other features, so that coefficients of before are not used with them."""
LONGEST: Final = 4000
"""Characters that are read; what follows is not."""
IDEA: Final = 0.7
"""What an idea counts, however many a text has: a second subject must not thin out the first."""
PIECES: Final = (3, 4, 5)
DENIED_AT_MOST: Final = 3
_DENIES: Final = frozenset({"no", "not", "without", "never", "nor", "neither", "nothing", "isn't", "wasn't", "aren't"})
_ENDS: Final = frozenset({"but", "just", "only", "simply", "however", "although", "plus", "because", ".", ",", ";"})
_TOKEN: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+|[.,;:!?()\n]")
_PUNCTUATION: Final = re.compile(r"[.,;:!?()\n]")

Row = tuple[NDArray[np.int64], NDArray[np.float64]]


def tokens_of(text: str) -> list[str]:
    """Return lower-case words, numbers as `0`, and marks that end a clause as `.`."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).lower().replace("’", "'")
    return [
        "." if _PUNCTUATION.fullmatch(token) else "0" if token.isdigit() else token for token in _TOKEN.findall(plain)
    ]


def with_denials(tokens: Sequence[str]) -> list[str]:
    """Return the words, those in the reach of a negation with `!` before them: `no injury` is no injury."""
    found, left = [], 0
    for token in tokens:
        if token in _ENDS:
            left = 0
        if token == ".":  # nosec B105  # a full stop
            found.append(token)
        elif token in _DENIES:
            found.append(token)
            left = DENIED_AT_MOST
        else:
            found.append(f"!{token}" if left else token)
            left = max(left - 1, 0)
    return found


def row_of(text: str) -> Row:
    """Return the buckets of a text in ascending order, and their weights.

    Words, pieces and pairs of ideas each have length 1; an idea weighs `IDEA`.
    """
    words = with_denials(tokens_of(text))
    weights: dict[int, float] = {}
    ideas = _ideas(words)
    pairs = [f"{first} {second}" for first, second in itertools.combinations(ideas, 2)]
    for kind, found in (("w", _words(words)), ("c", _pieces(words)), ("p", pairs), ("i", ideas)):
        buckets = {mmh3.hash(f"{kind}{item}", signed=False) % BUCKETS for item in found}
        for bucket in buckets:
            weight = IDEA if kind == "i" else 1.0 / np.sqrt(len(buckets))
            weights[bucket] = weights.get(bucket, 0.0) + weight
    order = sorted(weights)
    return np.array(order, dtype=np.int64), np.array([weights[bucket] for bucket in order], dtype=np.float64)


def matrix_of(rows: Sequence[Row]) -> sparse.csr_matrix:
    """Return rows as one sparse matrix, texts × buckets."""
    starts = np.cumsum([0, *(len(buckets) for buckets, _ in rows)])
    buckets = np.concatenate([row[0] for row in rows]) if rows else np.array([], dtype=np.int64)
    weights = np.concatenate([row[1] for row in rows]) if rows else np.array([], dtype=np.float64)
    return sparse.csr_matrix((weights, buckets, starts), shape=(len(rows), BUCKETS))


def _words(words: list[str]) -> list[str]:
    pairs = [f"{first} {second}" for first, second in zip(words, words[1:], strict=False) if "." not in (first, second)]
    return [word for word in words if word != "."] + pairs


def _ideas(words: list[str]) -> list[str]:
    """Return what the words stand for, in a fixed order."""
    found = set()
    for word in words:
        sign, bare = ("!", word[1:]) if word.startswith("!") else ("", word)
        found |= {sign + concept for concept in concepts_of(bare)}
    return sorted(found)


def _pieces(words: list[str]) -> list[str]:
    """Return n-grams of characters within words, so that a typo costs some of them and not all."""
    found = []
    for word in words:
        if word == ".":
            continue
        sign, bare = ("!", word[1:]) if word.startswith("!") else ("", word)
        padded = f" {bare} "
        found += [sign + padded[i : i + n] for n in PIECES for i in range(len(padded) - n + 1)]
    return found
