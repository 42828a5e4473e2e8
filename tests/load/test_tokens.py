"""What becomes of ids, hashes and ciphertexts in copies of the templates."""

from __future__ import annotations

import uuid
from hashlib import sha256

import pytest

from tests.load.tokens import COPY, bytea, copied_id, encrypted, pattern, rehashed, renamed

pytestmark = pytest.mark.pure

PLAN, SESSION, SERVICE = (str(uuid.UUID(int=n << 80 | 7 << 76 | 0b10 << 62 | n)) for n in (1, 2, 3))


def test_known_words_become_others_wherever_they_stand_and_the_rest_stays() -> None:
    row = f'{PLAN}\t{{"of": "{SESSION}"}}\t{SERVICE}\tcoach.{COPY}@load.example\n'
    becomes = renamed([PLAN, SESSION], 7)
    copied = pattern(row, becomes.keys()).filled(becomes)
    assert copied == f'{becomes[PLAN]}\t{{"of": "{becomes[SESSION]}"}}\t{SERVICE}\tcoach.copy00007@load.example\n'
    assert pattern(row, ()).filled({}) == row


def test_copied_ids_keep_version_variant_and_order_and_differ_by_copy() -> None:
    made = {copied_id(one, number) for one in (PLAN, SESSION) for number in range(50)}
    assert len(made) == 100
    assert {(one.version, one.variant) for one in map(uuid.UUID, made)} == {(7, uuid.RFC_4122)}
    assert copied_id(PLAN, 3) == copied_id(PLAN, 3) < copied_id(SESSION, 3)


def test_a_content_is_hashed_as_it_reads_in_the_copy() -> None:
    text = f'{{"sessions":{{"{SESSION}":{{}}}}}}'
    known, becomes = sha256(text.encode()).hexdigest(), renamed([SESSION], 1)
    found = rehashed({known: pattern(text, becomes.keys())}, becomes)
    assert found == {known: sha256(text.replace(SESSION, becomes[SESSION]).encode()).hexdigest()}
    assert pattern(f"v\t{known}", found.keys()).filled(found) == f"v\t{found[known]}"


def test_a_ciphertext_is_made_anew_for_the_copied_subject() -> None:
    becomes = renamed([PLAN], 2)
    found = encrypted({bytea(b"\x01old"): (PLAN, "easy")}, becomes, lambda whose, text: f"{whose} {text}".encode())
    assert found == {bytea(b"\x01old"): bytea(f"{becomes[PLAN]} easy".encode())}
    old = bytea(b"\x01old")
    assert pattern(f"a\t{old}", found.keys()).words == (old,)
