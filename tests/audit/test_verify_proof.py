"""An athlete downloads one file and checks it with Python alone."""

from __future__ import annotations

import base64
import copy
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Role
from audit.heads import SigningKeys, TreeHead, key_id
from audit.keys import signing_keys
from tests.audit.log import sealed
from tests.factories import api_of, make_user
from tests.plans.review import Review, make_review, replace_op
from tests.support.databases import ROOT

SCRIPT = ROOT / "docs" / "verify_proof.py"


def module() -> Any:
    spec = importlib.util.spec_from_file_location("verify_proof", SCRIPT)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


verify_proof = module()


def check(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script without any package but the standard library's."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def review(committed_database: str) -> Review:
    return make_review()


def accepted(review: Review) -> dict[str, Any]:
    edit = review.patch([replace_op(review.editable()[0], "title", "Läufe – locker")])
    assert edit.status_code == 200, edit.content
    assert review.submit(reason="coach_judgement").status_code == 200
    assert review.decide("accept").status_code == 200
    sealed()
    answer = review.as_athlete.get(f"{review.url}/proof")
    assert answer.status_code == 200, answer.content
    assert answer["Content-Disposition"].startswith("attachment")
    return answer.json()


def test_the_file_proves_what_was_accepted(review: Review, tmp_path: Path) -> None:
    before = review.as_athlete.get(f"{review.url}/proof")
    assert before.status_code == 404  # the athlete does not see a plan that was not submitted
    before = review.as_coach.get(f"{review.url}/proof")
    assert (before.status_code, before.json()["type"]) == (409, "/problems/wrong-state/")
    proof = accepted(review)
    assert proof["version_number"] == 2
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof))
    done = check(path, "--key", signing_keys().public_key(1).hex())
    assert done.returncode == 0, done.stderr
    assert f"version 2 of plan {review.plan_id}" in done.stdout
    assert proof["content_sha256"] in done.stdout
    assert str(review.user.pk) in done.stdout
    assert done.stderr == ""
    unpinned = check(path)
    assert (unpinned.returncode, proof["public_key"] in unpinned.stderr) == (0, True)
    stranger = check(path, "--key", "00" * 32)
    assert (stranger.returncode, "another public key" in stranger.stderr) == (1, True)
    assert check(tmp_path / "nowhere").returncode == 2
    for name, change, says in WRONG:
        wrong = copy.deepcopy(proof)
        change(wrong)
        path.write_text(json.dumps(wrong))
        done = check(path)
        assert (done.returncode, says in done.stderr) == (1, True), (name, done.stderr)


def test_who_may_not_see_the_plan_gets_no_proof(review: Review) -> None:
    accepted(review)
    assert review.as_coach.get(f"{review.url}/proof").status_code == 200
    for role in (Role.ATHLETE, Role.COACH):
        assert api_of(make_user(role)).get(f"{review.url}/proof").status_code == 404


def event_with(proof: dict[str, Any], **changes: Any) -> None:
    event = json.loads(base64.b64decode(proof["event"]))
    event.update(changes)
    proof["event"] = base64.b64encode(json.dumps(event, sort_keys=True, separators=(",", ":")).encode()).decode()


def other_key(proof: dict[str, Any]) -> None:
    """Sign the head with another key, and name it as such."""
    keys = SigningKeys({1: b"z" * 32})
    head = TreeHead.from_json(proof["head"])
    head = TreeHead(**{**head.__dict__, "key_id": key_id(keys.public_key(1))})
    proof["head"] = TreeHead(**{**head.__dict__, "signature": keys.sign(head)}).as_json()


def flip(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


def first_session(proof: dict[str, Any]) -> dict[str, Any]:
    return next(iter(proof["content"]["sessions"].values()))


def with_session_changed(proof: dict[str, Any]) -> None:
    first_session(proof)["title"] += "!"


def rehashed(proof: dict[str, Any]) -> None:
    with_session_changed(proof)
    text = verify_proof.canonical(proof["content"])
    proof["content_sha256"] = verify_proof.sha256(text.encode()).hex()


Change = Callable[[dict[str, Any]], Any]
WRONG: list[tuple[str, Change, str]] = [
    ("format", lambda p: p.update(format="x"), "this is no"),
    ("content", with_session_changed, "does not have the hash"),
    ("content and hash", rehashed, "another content_sha256"),
    ("version number", lambda p: p.update(version_number=1), "another version_number"),
    ("version id", lambda p: p.update(version_id=p["plan_id"]), "another version_id"),
    ("plan id", lambda p: p.update(plan_id=p["version_id"]), "no acceptance of this plan"),
    ("action", lambda p: event_with(p, action="plan.submit"), "no acceptance"),
    ("actor", lambda p: event_with(p, actor_id=p["plan_id"]), "not in the log"),
    ("moment", lambda p: event_with(p, occurred_at="2020-01-01T00:00:00.000000Z"), "not in the log"),
    ("index", lambda p: p.update(leaf_index=0), "NOT PROVEN"),
    ("negative index", lambda p: p.update(leaf_index=-1), "no leaf"),
    ("index past the end", lambda p: p.update(leaf_index=p["tree_size"]), "no leaf"),
    ("tree size", lambda p: p.update(tree_size=p["tree_size"] + 1), "not in the log"),
    ("path cut", lambda p: p["inclusion_proof"].pop(), "does not fit"),
    ("path longer", lambda p: p["inclusion_proof"].append("00" * 32), "does not fit"),
    ("path short hash", lambda p: p["inclusion_proof"].insert(0, "00"), "does not fit"),
    ("path flipped", lambda p: p["inclusion_proof"].insert(0, flip(p["inclusion_proof"].pop(0))), "not in the log"),
    ("root", lambda p: p["head"].update(root_hash=flip(p["head"]["root_hash"])), "not in the log"),
    ("sealed at", lambda p: p["head"].update(sealed_at="2020-01-01T00:00:00.000000Z"), "signature"),
    ("head number", lambda p: p["head"].update(number=99), "signature"),
    ("head extra", lambda p: p["head"].update(more=1), "signature"),
    ("signature", lambda p: p["head"].update(signature=flip(p["head"]["signature"])), "signature"),
    ("short signature", lambda p: p["head"].update(signature="00"), "signature"),
    ("head format", lambda p: p["head"].update(format="x"), "not signed by this public key"),
    ("other key", other_key, "not signed by this public key"),
    ("public key", lambda p: p.update(public_key=flip(p["public_key"])), "not signed by this public key"),
    ("missing", lambda p: p.pop("head"), "incomplete"),
    ("not hex", lambda p: p.update(public_key="xyz"), "malformed"),
    ("a list", lambda p: p.update(event=[]), "malformed"),
]


# RFC 8032, section 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe246"
        "55141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
        "0d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
        "27beceea1ec40a",
    ),
]


@pytest.mark.pure
@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_published_signatures_hold(secret: str, public: str, message: str, signature: str) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    assert key.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    arguments = [bytes.fromhex(value) for value in (public, message, signature)]
    assert verify_proof.signature_holds(*arguments)
    assert not verify_proof.signature_holds(arguments[0], arguments[1] + b"x", arguments[2])


@pytest.mark.pure
@settings(max_examples=60)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.data())
def test_signatures_hold_where_the_librarys_do(seed: bytes, message: bytes, data: st.DataObject) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    assert verify_proof.signature_holds(public, message, signature)
    part = data.draw(st.sampled_from(["public", "message", "signature"]))
    parts = {"public": public, "message": message, "signature": signature}
    if parts[part]:
        place, bit = data.draw(st.integers(0, len(parts[part]) - 1)), data.draw(st.integers(0, 7))
        changed = bytearray(parts[part])
        changed[place] ^= 1 << bit
        parts[part] = bytes(changed)
        assert verify_proof.signature_holds(parts["public"], parts["message"], parts["signature"]) == library(**parts)


def library(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.pure
def test_a_signature_that_is_too_large_by_the_groups_order_is_refused() -> None:
    """RFC 8032, section 5.1.7: S is below L, or one signature could be written in two ways."""
    public, message, signature = (bytes.fromhex(value) for value in RFC_8032[2][1:])
    s = int.from_bytes(signature[32:], "little") + verify_proof.L
    assert not verify_proof.signature_holds(public, message, signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.pure
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 31, b"\xff" * 32, (2**255 - 19).to_bytes(32, "little"), (2).to_bytes(32, "little"),
             (1 | 1 << 255).to_bytes(32, "little")]
)  # fmt: skip
def test_what_is_no_point_is_no_key(data: bytes) -> None:
    assert verify_proof.decoded(data) is None
    assert not verify_proof.signature_holds(data, b"", bytes(64))
