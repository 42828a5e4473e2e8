"""Published vectors of Murmur3; places that are uniform and tell nothing of each other, at a million ids."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from mmh3 import mmh3_32_uintdigest
from scipy import stats

from common.shares import FULL
from experiments.hashing import Buckets, Salts, buckets_of, murmur3, salts_of
from tests.experiments.making import athlete_id, running

pytestmark = pytest.mark.pure
N = 1_000_000
CHANCE = stats.norm.sf(5)
"""How rarely a good hash would miss one of the limits: five sigma."""

# Ian Boyd's vectors, made with Appleby's C++ reference (stackoverflow.com/a/31929528); mmh3 and others test by them.
VECTORS = [
    ("", 0, 0),
    ("", 1, 0x514E28B7),
    ("", 0xFFFFFFFF, 0x81F16F39),
    ("ffffffff", 0, 0x76293B50),
    ("21436587", 0, 0xF55B516B),
    ("21436587", 0x5082EDEE, 0x2362F9DE),
    ("214365", 0, 0x7E4A8634),
    ("2143", 0, 0xA0F7B07A),
    ("21", 0, 0x72661CF4),
    ("00000000", 0, 0x2362F9DE),
    ("000000", 0, 0x85F0B427),
    ("0000", 0, 0x30F4C306),
    ("00", 0, 0x514E28B7),
]
TEXTS = [
    ("", 0x9747B28C, 0xEBB6C228),
    ("a", 0x9747B28C, 0x7FA09EA6),
    ("aa", 0x9747B28C, 0x5D211726),
    ("aaa", 0x9747B28C, 0x283E0130),
    ("aaaa", 0x9747B28C, 0x5A97808A),
    ("abc", 0x9747B28C, 0xC84A62DD),
    ("abcd", 0x9747B28C, 0xF0478627),
    ("Hello, world!", 0x9747B28C, 0x24884CBA),
    ("ππππππππ", 0x9747B28C, 0xD58063C1),
    ("abc", 0, 0xB3DD93FA),
    ("The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
]


@pytest.mark.parametrize(("data", "seed", "expected"), VECTORS)
def test_bytes_hash_as_published(data, seed, expected):
    assert mmh3_32_uintdigest(bytes.fromhex(data), seed) == expected


@pytest.mark.parametrize(("text", "seed", "expected"), TEXTS)
def test_texts_hash_as_published(text, seed, expected):
    assert murmur3(text, seed) == expected


def test_the_verification_value_of_the_reference_is_met():
    """SMHasher's VerificationTest of MurmurHash3_x86_32: hashes of 0, 01, 0102 … hashed again."""
    hashes = [mmh3_32_uintdigest(bytes(range(n)), 256 - n).to_bytes(4, "little") for n in range(256)]
    assert mmh3_32_uintdigest(b"".join(hashes), 0) == 0xB0F57EE3


def test_salts_are_four_and_follow_from_the_frozen_configuration():
    one = running(layer={"key": "generation", "from": 0, "to": 50})
    assert one.salts == salts_of(key="plan-pipeline", layer="generation", version=one.version)
    assert len(set(one.salts)) == 4
    second = running(layer={"key": "generation", "from": 0, "to": 50}, phase=2)
    assert (second.salts.holdout, second.salts.layer) == (one.salts.holdout, one.salts.layer)
    assert second.salts.traffic != one.salts.traffic
    assert second.salts.variant != one.salts.variant


def test_a_place_is_the_hash_of_the_id_by_its_salt():
    salts = Salts(1, 2, 3, 0x9747B28C)
    assert buckets_of("Hello, world!", salts) == Buckets(*(murmur3("Hello, world!", salt) % FULL for salt in salts))
    assert buckets_of("Hello, world!", salts).variant == 0x24884CBA % 100_000


@pytest.fixture(scope="module")
def places() -> dict[str, np.ndarray]:
    """The places of a million athletes for each salt of two experiments in two layers, and of one's second phase."""
    layers = [{"key": key, "from": 0, "to": 100} for key in ("generation", "review")]
    experiments = {
        "first": running(key="first", layer=layers[0]),
        "other": running(key="other", layer=layers[1]),
    }
    ids = [athlete_id(number) for number in range(N)]
    found = {}
    for name, configuration in experiments.items():
        flat = chain.from_iterable(buckets_of(one, configuration.salts) for one in ids)
        table = np.fromiter(flat, dtype=np.int32, count=4 * N).reshape(N, 4)
        found |= {f"{name} {salt}": table[:, i] for i, salt in enumerate(Salts._fields)}
    salt = running(key="first", layer=layers[0], phase=2).salts.variant
    found["second phase variant"] = np.fromiter((murmur3(one, salt) % FULL for one in ids), dtype=np.int32, count=N)
    return found


def test_places_are_uniform(places):
    for name, found in places.items():
        assert (found.min(), found.max()) == (0, FULL - 1), name
        counts = np.bincount(found // 100, minlength=1000)
        assert stats.chisquare(counts).pvalue > CHANCE, name


def test_no_place_tells_another(places):
    """Between holdout, layer, traffic and variant, between two experiments, and between two phases of one."""
    pairs = list(combinations(places, 2))
    assert len(pairs) == 36
    for one, other in pairs:
        table = np.bincount(places[one] // 5_000 * 20 + places[other] // 5_000, minlength=400).reshape(20, 20)
        assert stats.chi2_contingency(table).pvalue > CHANCE, (one, other)
        assert abs(np.corrcoef(places[one], places[other])[0, 1]) < 5 / np.sqrt(N), (one, other)


def test_whom_a_small_share_lets_in_are_spread_over_all_variants(places):
    """Unleash's mistake: one hash for both let all of the first percent into the first variant."""
    let_in = places["first traffic"] < 1_000
    counts = np.bincount(places["first variant"][let_in] // 10_000, minlength=10)
    assert counts.sum() > 9_500
    assert stats.chisquare(counts).pvalue > CHANCE
