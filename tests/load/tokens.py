"""Copies of rows as text: which words of a row stand for the copied people and plans, and what they become. Pure.

Rows are read as PostgreSQL's COPY writes them. A word is an id, the SHA-256 of a plan's content, a ciphertext, or one
of two marks; whatever is not known stays as it is, wherever it stands: in a key, a reference, or inside JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Final

COPY: Final = "copy00000"
"""What stands in names and addresses for a copy's number."""
COMMIT_ORDER: Final = "@commit-order@"
"""What stands in audit events for the transaction that inserts them."""

_UUID: Final = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
_WORD: Final = re.compile(rf"({_UUID}|\b[0-9a-f]{{64}}\b|\\\\x[0-9a-f]+|{COPY}|{COMMIT_ORDER})")


@dataclass(frozen=True)
class Pattern:
    """A text with gaps: `texts[0] words[0] texts[1] words[1] … texts[-1]`."""

    texts: tuple[str, ...]
    words: tuple[str, ...]

    def filled(self, becomes: Mapping[str, str]) -> str:
        """Return the text with each word replaced.

        Raises:
            KeyError: `becomes` lacks a word.
        """
        out = [""] * (len(self.texts) + len(self.words))
        out[::2] = self.texts
        out[1::2] = [becomes[word] for word in self.words]
        return "".join(out)


def pattern(text: str, known: Collection[str]) -> Pattern:
    """Return a text with gaps where it says one of the known words."""
    parts = _WORD.split(text)
    texts, words, held = [], [], [parts[0]]
    for word, after in zip(parts[1::2], parts[2::2], strict=True):
        if word in known:
            texts.append("".join(held))
            words.append(word)
            held = [after]
        else:
            held += [word, after]
    texts.append("".join(held))
    return Pattern(tuple(texts), tuple(words))


def copied_id(text: str, number: int) -> str:
    """Return the id of a row's copy: its first 64 bits, which tell when it was made and keep the order of a plan's
    rows, and 62 that follow from the id and the copy's number."""
    tail = blake2b(text.encode(), digest_size=8, salt=number.to_bytes(16)).hexdigest()
    return f"{text[:20]}{tail[:3]}-{tail[3:15]}"


def copied_name(number: int) -> str:
    """Return what stands for `COPY` in a copy."""
    return f"copy{number:05d}"


def renamed(ids: Iterable[str], number: int) -> dict[str, str]:
    """Return what the ids and `COPY` become in a copy."""
    return {**{one: copied_id(one, number) for one in ids}, COPY: copied_name(number)}


def rehashed(documents: Mapping[str, Pattern], becomes: Mapping[str, str]) -> dict[str, str]:
    """Return what the SHA-256 of each document becomes, `documents` by the SHA-256 that they have."""
    return {known: sha256(one.filled(becomes).encode()).hexdigest() for known, one in documents.items()}


def bytea(value: bytes) -> str:
    """Return bytes as COPY writes them."""
    return f"\\\\x{value.hex()}"


Encrypt = Callable[[str, str], bytes]
"""From a subject's id and a text to a ciphertext."""


def encrypted(texts: Mapping[str, tuple[str, str]], becomes: Mapping[str, str], encrypt: Encrypt) -> dict[str, str]:
    """Return what each ciphertext becomes; `texts` has its subject and its text."""
    return {word: bytea(encrypt(becomes[subject], text)) for word, (subject, text) in texts.items()}
