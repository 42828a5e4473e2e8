"""The simplest thing that could do: words that stand for a tag. The model must beat it to be worth its place."""

from __future__ import annotations

import re
from typing import Final

from modeling.tagging.tags import OTHER, in_order

WORDS: Final[dict[str, str]] = {
    "injury": r"injur\w*|pain\w*|hurts?|sore|strain\w*|sprain\w*|swollen|achilles|knee|shins?|fracture|tendon",
    "fatigue": r"tired|fatigue\w*|exhaust\w*|energy|recover\w*|sleep\w*|drained|wrecked|heavy legs|worn out",
    "time": r"no time|little time|more time|enough time|short on time|busy|minutes|hours?|deadlines?|overtime",
    "motivation": r"motivat\w*|bored|boring|no fun|desire|interest|discouraged|chore|dread",
    "too_hard": r"too (?:hard|much|fast|tough|high)|brutal|struggl\w*|impossible|failed|could not (?:hold|finish)",
    "too_easy": r"too easy|too light|too low|too little|more load|harder|do more|comfortable|not hard",
    "schedule": r"moved?|swap\w*|shift|reschedule|travel\w*|trip|holiday|(?:mon|tues|wednes|thurs|fri|satur|sun)day",
    "equipment": r"broken?|broke|battery|power ?meter|watch|strap|bike|puncture|flat tyres?|gps|trainer|shoes|sync",
    "illness": r"sick|ill|illness|cold|flu|fever|cough\w*|covid|virus|throat|antibiotics|headache|vomit\w*",
}
_PATTERNS: Final = {tag: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for tag, words in WORDS.items()}


def tags_by_words(text: str) -> tuple[str, ...]:
    """Return the tags whose words a text has, `other` where it has none."""
    return in_order([tag for tag, pattern in _PATTERNS.items() if pattern.search(text)]) or (OTHER,)
