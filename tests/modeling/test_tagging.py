"""What a comment is about: the text model by itself."""

from __future__ import annotations

import copy
import json
import math
from collections import Counter

import numpy as np
import pytest

from modeling.tagging.evaluation import MARGIN, compared, evaluation, judged_seed, scores
from modeling.tagging.features import BUCKETS, LONGEST, row_of, tokens_of, with_denials
from modeling.tagging.fitting import fit, folds, seed_model
from modeling.tagging.keywords import tags_by_words
from modeling.tagging.model import DamagedModel, document_of, model_from, sha256_of
from modeling.tagging.seed import Example, held_out, seed, seed_reach, seed_sha256
from modeling.tagging.tags import LABELS, MEANS, MODELLED, OTHER, TAGS, fault_of, in_order

pytestmark = pytest.mark.pure

OUT_OF_REACH = {
    "German": [
        "Mein Knie tut seit Dienstag weh",
        "Ich bin total müde und habe keine Zeit",
        "Die Intervalle waren zu hart",
    ],
    "Spanish": ["Me duele la rodilla desde el martes", "Estoy muy cansado esta semana", "No tengo tiempo"],
    "French": ["J'ai mal au genou depuis mardi", "Je suis très fatigué cette semaine", "C'était trop facile pour moi"],
    "Italian": ["Mi fa male il ginocchio", "Non ho tempo questa settimana"],
    "Dutch": ["Mijn knie doet pijn", "Ik ben moe en heb geen tijd"],
    "Japanese": ["膝が痛いです", "疲れました 休みたい"],
    "Russian": ["Колено болит со вторника"],
    "emoji": ["😀😀😀", "🤕🦵"],
    "gibberish": ["asdf qwer zxcv uiop", "xkcd blorf snarg wibble", "lorem ipsum dolor sit amet consectetur"],
    "nothing": ["", "   ", "...!!", "12345", "\x00\x01"],
    "endless": ["a" * 10_000, "aaaa " * 2_000],
}


def tags(text: str) -> set[str]:
    return {one.tag for one in seed_model().tags_of(text, seed_reach())}


@pytest.fixture(scope="module")
def judged():
    return judged_seed()


def test_the_seed_set_is_large_enough_and_has_every_tag():
    examples = seed()
    count = Counter(tag for example in examples for tag in example.tags)
    assert len(examples) >= 400 and len({example.text for example in examples}) == len(examples)
    assert set(count) == set(TAGS) and min(count.values()) >= 40 and count[OTHER] >= 60
    assert sum(len(example.tags) == 2 for example in examples) >= 50
    assert not {example.text for example in held_out()} & {example.text for example in examples}
    assert LABELS.keys() == MEANS.keys()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("My knee hurts and I have no time on Friday", {"injury", "time"}),
        ("tired and sick", {"fatigue", "illness"}),
        ("the session was too easy and I was bored", {"too_easy", "motivation"}),
        ("no injury, just tired", {"fatigue"}),
        ("Not ill, just had no time", {"time"}),
        ("nothing hurts, I am simply exhausted", {"fatigue"}),
        ("my achiles tendn is painfull", {"injury"}),
        ("I have been vomitting since lunch", {"illness"}),
        ("can I ride on Sunday instead", {"schedule"}),
        ("the battery of my watch is dead", {"equipment"}),
        ("Thanks, see you tomorrow", {"other"}),
    ],
)
def test_tags_of_plain_comments(text, wanted):
    assert tags(text) == wanted


def test_what_is_denied_is_another_feature():
    assert with_denials(tokens_of("no injury, just tired")) == ["no", "!injury", ".", "just", "tired"]
    assert with_denials(tokens_of("I am not sick but worn out"))[-3:] == ["but", "worn", "out"]
    assert tags("I have an injury") == {"injury"} and "injury" not in tags("I have no injury")


@pytest.mark.parametrize("language", OUT_OF_REACH)
def test_what_the_model_cannot_read_is_other_without_a_probability(language):
    for text in OUT_OF_REACH[language]:
        (only,) = seed_model().tags_of(text, seed_reach())
        assert (only.tag, only.probability) == (OTHER, None), text


def test_a_very_long_english_comment_is_judged_by_its_beginning():
    text = "My knee hurts again. " * 500
    assert len(text) > 10_000 and tags(text) == {"injury"}
    ours, cut = row_of(text), row_of(text[:LONGEST])
    assert all(np.array_equal(first, second) for first, second in zip(ours, cut, strict=True))


def test_most_english_is_within_reach():
    reach = seed_reach()
    assert np.mean([reach.covers(example.text) for example in held_out()]) > 0.8


def test_probabilities_are_probabilities_and_tags_never_none():
    model, reach = seed_model(), seed_reach()
    for example in held_out():
        given = model.tags_of(example.text, reach)
        assert given and fault_of([one.tag for one in given]) == ""
        said = [one.probability for one in given if one.probability is not None]
        assert all(0 <= value <= 1 for value in said) and said == sorted(said, reverse=True)


def test_the_same_examples_give_the_same_model():
    first, second = fit(seed()), fit(seed())
    digests = {sha256_of(document_of(m, seed_sha256=seed_sha256(), corrections=0)) for m in (first, second)}
    assert len(digests) == 1


def test_a_tag_without_examples_is_refused():
    with pytest.raises(ValueError, match="each tag"):
        fit([example for example in seed() if "illness" not in example.tags])


def stored():
    document = document_of(seed_model(), seed_sha256=seed_sha256(), corrections=0)
    return json.loads(json.dumps(document)), sha256_of(document)


def test_a_document_gives_the_model_back_and_holds_no_word():
    document, sha256 = stored()
    back = model_from(document, sha256)
    for example in seed()[::7]:
        assert back.tags_of(example.text, seed_reach()) == seed_model().tags_of(example.text, seed_reach())
    text = json.dumps(document)
    assert not [word for word in ("knee", "achilles", "treadmill", "fever", "exhausted") if word in text]
    assert max(max(part["buckets"]) for part in document["tags"].values()) < BUCKETS


def _changed(document, tag, name, value):
    other = copy.deepcopy(document)
    other["tags"][tag][name] = value
    return other


def test_a_damaged_document_is_refused_whatever_is_wrong_with_it():
    document, sha256 = stored()
    for damaged in (None, [], {}, "x", _changed(document, "injury", "intercept", 0.123)):
        with pytest.raises(DamagedModel, match="damaged"):
            model_from(damaged, sha256)
    # Even with the hash that fits, numbers must be numbers.
    for name, value in (
        ("buckets", [BUCKETS]),
        ("buckets", [-1]),
        ("buckets", [1, 2]),
        ("coefficients", ["x"]),
        ("threshold", None),
        ("slope", "1e999"),
    ):
        damaged = _changed(document, "time", name, value)
        if name == "buckets":
            damaged["tags"]["time"]["coefficients"] = [0.5]
        with pytest.raises(DamagedModel):
            model_from(damaged, sha256_of(damaged))
    missing = {**document, "tags": {tag: document["tags"][tag] for tag in MODELLED[1:]}}
    with pytest.raises(DamagedModel):
        model_from(missing, sha256_of(missing))
    for part in ("format", "features", "buckets"):
        older = {**document, part: 0}
        with pytest.raises(DamagedModel, match="another release"):
            model_from(older, sha256_of(older))


def test_no_group_is_learnt_from_and_asked_about():
    groups = [example.group for example in seed()]
    seen = []
    for learn, hold in folds(groups):
        assert not {groups[i] for i in learn} & {groups[i] for i in hold}
        seen += list(hold)
    assert sorted(seen) == list(range(len(groups)))


def test_the_model_beats_words_and_guessing_on_held_out_groups(judged):
    found = evaluation(seed(), judged)
    ours, words, guess = (found[way] for way in ("model", "words", "most_frequent"))
    assert ours["mean"]["f1_low"] > words["mean"]["f1"] > guess["mean"]["f1"]
    for tag in TAGS:
        assert ours[tag]["f1_low"] <= ours[tag]["f1"] <= ours[tag]["f1_high"]
        assert ours[tag]["f1"] > words[tag]["f1"], tag
    assert all(
        found["calibration"]["brier"][tag] < 0.5 * found["calibration"]["brier_of_share"][tag] for tag in MODELLED
    )
    table = found["calibration"]["reliability"]
    assert sum(row["count"] for row in table) == (len(judged) - found["calibration"]["out_of_reach"]) * len(MODELLED)
    # No row is further off than what chance allows (four standard errors of a share).
    assert all(abs(row["said"] - row["was"]) < 4 * math.sqrt(0.25 / row["count"]) for row in table)


def test_the_model_beats_words_on_comments_that_nothing_was_chosen_with():
    fresh = held_out()
    ours = scores(fresh, [tags(example.text) for example in fresh])["mean"]["f1"]
    assert ours > 0.65 and ours > scores(fresh, [tags_by_words(example.text) for example in fresh])["mean"]["f1"] + 0.1


def test_scores_are_what_they_say():
    examples = [Example("a", ("injury",), "1"), Example("b", ("injury", "time"), "2"), Example("c", ("other",), "3")]
    found = scores(examples, [("injury",), ("time",), ("injury",)])
    assert (found["injury"]["precision"], found["injury"]["recall"], found["injury"]["f1"]) == (0.5, 0.5, 0.5)
    assert found["time"]["f1"] == 1.0 and found["other"]["f1"] == 0.0
    assert found["mean"]["f1"] == pytest.approx((0.5 + 1.0) / 10)


def test_a_worse_model_is_not_accepted_and_an_equal_one_is(judged):
    said = [one.tags for one in judged]
    same = compared(seed(), said, said)
    assert (same.difference, same.low, same.accepted) == (0.0, 0.0, True)
    worse = compared(seed(), [(OTHER,) if i % 4 == 0 else one for i, one in enumerate(said)], said)
    assert worse.low < -MARGIN and not worse.accepted and worse.sentence().startswith("worse")


def test_corrections_change_an_answer():
    text = "the wobbly thing happened again on the way home"
    assert "illness" not in tags(text) and seed_reach().covers(text)
    learnt = fit([*seed(), *(Example(text, ("illness",), "of somebody", 3.0) for _ in range(2))])
    assert "illness" in {one.tag for one in learnt.tags_of(text, seed_reach())}


def test_faults_of_sets_of_tags():
    assert fault_of(["injury", "time"]) == "" == fault_of([OTHER])
    assert "at least one" in fault_of([])
    assert "laziness is no tag" in fault_of(["laziness"])
    assert "stands alone" in fault_of([OTHER, "time"])
    assert in_order(["time", "injury", "time"]) == ("injury", "time")
