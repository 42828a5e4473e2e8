#!/usr/bin/env python3
"""Check the proof that a plan which was accepted is in Mesocycle's audit log. Needs Python 3.9 or newer, nothing else.

    python3 verify_proof.py plan-proof.json --key PUBLIC_KEY

What is checked: the plan in the file has the hash that the acceptance names; the acceptance, as it was recorded, is a
leaf of the Merkle tree (RFC 9162, section 2.1.3.2) whose root a tree head names; and the head is signed by the public
key (Ed25519, RFC 8032, section 5.1.7). The key in the file proves nothing by itself: get it from somebody whom you
trust (`manage.py audit public-key`), or compare it with what you were given before.

Exit status: 0 proven; 1 not proven, and why; 2 the file cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys

PROOF_FORMAT = "mesocycle-plan-proof/1"
HEAD_FORMAT = "mesocycle-tree-head/1"
ACTION = "plan.approve"


class NotProven(Exception):
    """The message says what does not hold."""


# Ed25519, RFC 8032, section 5.1. Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, x·y = T/Z (section 5.1.4).

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(scalar, point):
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decoded(data):
    """Return the point that 32 bytes encode, None where there is none (section 5.1.3)."""
    if len(data) != 32:
        return None
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


BASE = decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_holds(public_key, message, signature):
    """Return whether an Ed25519 signature (64 bytes) of a message is by this key (32 bytes; section 5.1.7)."""
    if len(signature) != 64:
        return False
    key, commitment = decoded(public_key), decoded(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    k = int.from_bytes(digest, "little") % L
    return same(times(s, BASE), add(commitment, times(k, key)))


# The Merkle tree, RFC 9162, section 2.1.


def sha256(data):
    return hashlib.sha256(data).digest()


def root_from(index, size, leaf, proof):
    """Return the root that an audit path leads to (section 2.1.3.2)."""
    if not 0 <= index < size:
        raise NotProven(f"a log of {size} events has no leaf {index}")
    number, last, result = index, size - 1, leaf
    for element in proof:
        if len(element) != 32 or last == 0:
            raise NotProven("the inclusion proof does not fit the leaf's place")
        if number & 1 or number == last:
            result = sha256(b"\x01" + element + result)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            result = sha256(b"\x01" + result + element)
        number, last = number >> 1, last >> 1
    if last:
        raise NotProven("the inclusion proof does not fit the leaf's place")
    return result


# The proof.


def canonical(value):
    """Return JSON as it is hashed: keys sorted, no blanks, 24.0 as 24."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def plain(value):
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check(proof, key=None):
    """Return what was proven, as text; `key`: the public key in hex, if it is known from elsewhere."""
    if proof["format"] != PROOF_FORMAT:
        raise NotProven(f"this is no {PROOF_FORMAT}")
    if sha256(canonical(proof["content"]).encode("utf-8")).hex() != proof["content_sha256"]:
        raise NotProven("the plan in the file does not have the hash that the file names")
    data = base64.b64decode(proof["event"], validate=True)
    event = json.loads(data)
    said = event["metadata_json"]
    if event["action"] != ACTION or event["target_type"] != "plan" or event["target_id"] != proof["plan_id"]:
        raise NotProven("the event is no acceptance of this plan")
    for name in ("version_id", "version_number", "content_sha256"):
        if said[name] != proof[name]:
            raise NotProven(f"the acceptance names another {name}")
    head = proof["head"]
    path = [bytes.fromhex(element) for element in proof["inclusion_proof"]]
    root = root_from(proof["leaf_index"], head["tree_size"], sha256(b"\x00" + data), path)
    if proof["tree_size"] != head["tree_size"] or root.hex() != head["root_hash"]:
        raise NotProven("the acceptance is not in the log that the head is of")
    check_head(head, proof["public_key"], key)
    return (
        f"Proven: version {said['version_number']} of plan {event['target_id']} (content {said['content_sha256']}) "
        f"was accepted at {event['occurred_at']} by {event['actor_id']}. It is event {proof['leaf_index'] + 1} of "
        f"{head['tree_size']} in the log that was sealed at {head['sealed_at']} with key {head['key_id']}."
    )


def check_head(head, public_key, key):
    """Check a tree head's signature."""
    if key is not None and key.strip().lower() != public_key.lower():
        raise NotProven("the file names another public key than the one that you gave")
    raw = bytes.fromhex(public_key)
    if head["format"] != HEAD_FORMAT or head["key_id"] != sha256(raw).hex()[:32]:
        raise NotProven("the head is not signed by this public key")
    signed = {name: value for name, value in head.items() if name != "signature"}
    message = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode("ascii")
    if not signature_holds(raw, message, bytes.fromhex(head["signature"])):
        raise NotProven("the signature of the head does not hold")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the proof, as downloaded")
    parser.add_argument("--key", help="the public key in hex, as you know it from elsewhere")
    options = parser.parse_args()
    try:
        with open(options.file, encoding="utf-8") as file:
            proof = json.load(file)
    except (OSError, ValueError) as error:
        print(f"cannot read {options.file}: {error}", file=sys.stderr)
        return 2
    try:
        print(check(proof, options.key))
    except NotProven as error:
        print(f"NOT PROVEN: {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        print(f"NOT PROVEN: the file is incomplete or malformed ({type(error).__name__}: {error})", file=sys.stderr)
        return 1
    if options.key is None:
        print(f"The key came with the file: compare {proof['public_key']} with the one you know.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
