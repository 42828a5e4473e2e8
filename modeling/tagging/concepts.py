"""Words that stand for one idea in this trade: `knee` and `ankle` are parts of a body, `Tuesday` and `weekend` days.

A few hundred comments cannot teach a model that an elbow is to injuries what a knee is. So a word also counts as its
idea, and two ideas of one comment as a pair (a body part with pain, a day with moving). What an idea says about a tag
is learnt. An entry that ends in `*` stands for every word that begins so.
"""

from __future__ import annotations

import functools
from typing import Final

CONCEPTS: Final[dict[str, str]] = {
    "body": "knee* ankle* achilles achiles tendon* calf calves shin* hip hips hamstring* groin back neck "
    "shoulder* foot feet heel* toe toes toenail* rib ribs wrist* elbow* arm quad quads glute* thigh* "
    "muscle* joint* band itb iliotibial metatarsal* plantar fasci* collarbone spine hand ligament* "
    "meniscus adductor* soleus arch",
    "legs": "leg legs",
    "pain": "pain* hurt* sore* ache aches aching achy stiff* swollen swell* burn* pinch* tight* twinge* niggl* "
    "limp* inflam* irritat* bruis* throb* tender stabbing numb*",
    "hurt": "injur* strain* sprain* fractur* tore torn tear surger* surgeon operation operated physio* crash* "
    "fell fall blister* wound* cramp* tendin* twist* rolled pulled splints reaction mri rehab limped "
    "bleeding",
    "tired": "tired tiring tiredness exhaust* fatigue* drain* wreck* shatter* knacker* wiped weary sluggish heavy "
    "flat sleep* slept asleep yawn* overtrain* overreach* recover* unrecovered hrv energy bonk* empty "
    "lead depleted cooked toast spent lethargic worn insomnia nap fried groggy",
    "lack": "busy swamped deadline* overtime meeting* commut* office job work works worked working kids children "
    "baby family lunch exam* hectic late short squeeze nanny project",
    "time": "time",
    "duration": "minute* min mins hour hours h weekday* evening* free",
    "drive": "motivat* demotivat* unmotivat* bored bores boring boredom fun desire dull chore dread* discourag* "
    "quit* interest* excite* excit* procrastinat* bothered drive drag* keen joy excuse* enthusias* lazy "
    "hate* fed enjoy* monoton* pointless uninspired mojo meh loathe* reluctant* spark heart head mental*",
    "hard": "hard tough brutal demanding intense struggl* impossible unrealistic fail* blew faded fade walked "
    "limit overload* steep quick* fast kill* ambitious overwhelm* suffer* excessive died unable "
    "aggressive punishing",
    "easy": "easy easily light lighter comfortabl* challeng* undertrained sweat* tank reserve fresh holiday "
    "plenty bored effortless* piece breez* cruis* trivial underwhelm* slow gentle",
    "raise": "harder tougher longer faster increas* raise* more step add handle stronger extra bump",
    "lower": "easier lower reduce* less shorter tone cut fewer decreas* back slower",
    "over": "too way overly far much",
    "high": "high above",
    "low": "low below little",
    "target": "pace power watts target* zone zones tempo interval* rep reps set sets volume load ramp* km ftp hr speed",
    "day": "monday* tuesday* wednesday* thursday* friday* saturday* sunday* mon tue wed thu fri sat sun weekend* "
    "tomorrow morning* day days january february march april may june july august september october "
    "november december",
    "move": "move moved moving swap* shift* switch* postpon* reschedul* push earlier later instead another spread "
    "calendar change* roster rearrang* reorganis* reorganiz* bring clash*",
    "away": "travel* trip holiday* vacation wedding birthday appointment conference dentist party hotel camp "
    "flight fly flying abroad visit* closed concert event",
    "race": "race races raced racing marathon 5k 10k",
    "gear": "bike* bicycle watch garmin strap meter powermeter trainer turbo zwift treadmill gym shoe shoes "
    "saddle wheel* tyre* tire tires tube spoke* chain derailleur gear* gps sensor* battery sync* file "
    "upload* wetsuit goggles handlebar* app computer cleat* pedal* helmet brake* crank frame charger "
    "bottle weights dumbbell* kit trainers device",
    "broken": "broke broken dead puncture* bent repair* mechanic workshop lost drops drop connect* missing leak* "
    "stopped skipping calibrat* wrong crazy disconnect* crack* snapped stolen faulty slipping recorded "
    "record",
    "sick": "sick sickness ill illness cold flu influenza fever* temperature cough* covid corona virus viral "
    "throat antibiotic* sinus* headache* migraine nause* dizz* vomit* threw diarrh* stomach infect* "
    "asthma allerg* hay germs bug poison* symptom* doctor nose snot bronchitis pneumonia tonsil* chest "
    "sneez* feverish unwell",
    "praise": "thank* thx great nice well congrat* good proud perfect fine ok lovely happy love beautiful",
    "asks": "what how where when who why which",
    "able": "can could will would please",
    "now": "again now still",
}


@functools.cache
def _lists() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return concepts by whole word, and by beginning."""
    whole: dict[str, list[str]] = {}
    begins: dict[str, list[str]] = {}
    for concept, entries in CONCEPTS.items():
        for entry in dict.fromkeys(entries.split()):
            place = begins if entry.endswith("*") else whole
            place.setdefault(entry.rstrip("*"), []).append(concept)
    return whole, begins


def concepts_of(word: str) -> list[str]:
    """Return the ideas that a lower-case word stands for."""
    whole, begins = _lists()
    bare = word.removesuffix("'s")
    found = list(whole.get(bare, ()))
    for end in range(3, len(bare) + 1):
        found += begins.get(bare[:end], ())
    return list(dict.fromkeys(found))
