"""Messages to stakeholders (H4, J6) in plain words. Pure.

What is not known is said: a gate without evidence reads "no data" or "inconclusive", never "fine"; what was made up for
a demonstration reads "synthetic".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from common.alerts import News
from rollout.gates.evidence import Outcome, Verdict
from rollout.lifecycle import Command, State
from rollout.messages.figures import arms, duration_text, measured, reach_text
from rollout.messages.view import Ended, IncidentView, Reports, Status, StepLine, Text, Week
from rollout.policy.model import Gate, Metric
from rollout.support import TOPICS, Topic

LONGEST_SUBJECT: Final = 200
SYNTHETIC: Final = "The outcomes are synthetic: made up for a demonstration, not measured."
_ORDER: Final = (Outcome.FAIL, Outcome.NO_DATA, Outcome.INCONCLUSIVE, Outcome.PASS)
_DONE: Final[dict[str, str]] = {
    Command.START: "started at",
    Command.ADVANCE: "advanced to",
    Command.STEP_BACK: "went back to",
    Command.COMPLETE: "completed at",
    Command.ROLLBACK: "is being rolled back from",
    Command.CONFIRM: "was rolled back from",
    Command.PAUSE: "was paused at",
    Command.RESUME: "was resumed at",
    Command.HOLD: "holds at",
    Command.RELEASE: "goes on at",
}


def daily_status(status: Status) -> Text:
    """Render where a rollout stands."""
    waiting = ", waits" if status.state is State.HOLDING else ""
    subject = f"{status.flag}: stage {status.stage} of {status.stages}, {_reach(status)}{waiting}"
    return _text(_marked(subject, status.synthetic), _status_lines(status))


def step_completed(step: StepLine, status: Status) -> Text:
    """Render a step that was taken, and where the rollout stands since."""
    did = f"{_DONE.get(step.command, f'{step.command}:')} “{step.to_stage or step.from_stage}”"
    lines = [f"{status.flag} {did}, by {step.by}, {_moment(step.at)}.", f"Why: {step.why}", "", *_status_lines(status)]
    return _text(_marked(f"{status.flag} {did}", status.synthetic), lines)


def incident(view: IncidentView) -> Text:
    """Render an incident: what happened, what holds now, on what evidence, and whom to call."""
    lines = [
        f"{view.title}.",
        f"Opened {_moment(view.opened)} {'by the engine' if view.automatic else 'by a person'}; {view.status}.",
        f"Now: {view.reach}. Existing plans are not touched.",
        *([SYNTHETIC] if view.synthetic else []),
        *_section("What was seen", list(_gates(view.verdicts, view.gates))),
        *_section("Timeline", [f"{_moment(at)}  {who}: {what}" for at, who, what in view.entries]),
        *([f"Cause: {view.cause}"] if view.cause else []),
        *([f"Follow-up: {view.follow_up}"] if view.follow_up else []),
        *_contacts(view.contacts),
    ]
    return _text(_marked(f"Incident: {view.flag}: {view.title}", view.synthetic), lines)


def alert(name: str, severity: str, text: str, news: News = News.RAISED) -> Text:
    """Render an alert."""
    word = {
        News.RAISED: f"Alert ({severity})",
        News.REMINDED: f"Still ({severity})",
        News.CLEARED: "Over",
        News.TEST: "Test",
    }[news]
    return _text(f"{word}: {name.replace('_', ' ')}", [text])


def critical_report(topic: Topic, flag: str, arm: str) -> Text:
    """Render that a critical support report came; what somebody wrote in it stays in the queue."""
    about = f"It counts for {flag}, {'the feature' if arm == 'new' else 'the control'}." if flag and arm else ""
    lines = [f"A critical report came: “{TOPICS[topic]}”, level 3.", about, "Read and answer it in the report queue."]
    return _text(f"Critical report: {TOPICS[topic]}", [line for line in lines if line])


def weekly(week: Week) -> Text:
    """Render the week's progress: what is live, what moved, what went wrong, what people reported."""
    lines = [f"Week {week.name}."]
    if not week.live:
        lines += ["", "No rollout is live."]
    for status in week.live:
        lines += ["", *_status_lines(status)]
    lines += _section("Steps of the week", [_step(step) for step in week.steps], none="none")
    lines += _section("Incidents of the week", _incidents(week.incidents), none="none")
    lines += ["", _reports(week.reports)]
    count = len(week.live)
    return _text(f"Rollouts in {week.name}: {count} live, {len(week.incidents)} incidents", lines)


def post_rollout_report(ended: Ended) -> Text:
    """Render the report of a run that ended: how, when, by which steps, with which evidence."""
    status = ended.status
    how = {State.COMPLETED: "completed", State.ROLLED_BACK: "was rolled back"}.get(status.state, str(status.state))
    span = f"Started {_moment(ended.started)}, " if ended.started else "Never started; "
    took = f" ({duration_text(status.at - ended.started)})" if ended.started else ""
    lines = [
        f"{status.flag} {how} under the policy {status.policy}.",
        f"{span}ended {_moment(status.at)}{took}.",
        *([SYNTHETIC] if status.synthetic else []),
        *_section("Steps", [_step(step) for step in ended.steps], none="none"),
        *_section("The last stage", [*arms(status.tallies)]),
        *_section("Gates at the end", list(_gates(status.verdicts, status.gates)), none="none had to be judged"),
        *_section("Incidents", _incidents(ended.incidents), none="none"),
        "",
        _reports(ended.reports),
    ]
    return _text(_marked(f"{status.flag} {how}: report", status.synthetic), lines)


def _status_lines(status: Status) -> Iterator[str]:
    yield f"{status.flag}, policy {status.policy}"
    if status.synthetic:
        yield SYNTHETIC
    left = f", at least {duration_text(status.time_left)} left" if status.time_left is not None else ""
    state = status.state.replace("_", " ").capitalize()
    reach = _reach(status) if status.killed else f"on for {_reach(status)}"
    yield f"Stage {status.stage} of {status.stages}, “{status.stage_title}”: {reach}. {state}{left}."
    if status.waits_for:
        yield f"Waits for: {status.waits_for}"
    yield from _section("Since the stage's evidence counts", [*arms(status.tallies)])
    yield from _section("Gates", list(_gates(status.verdicts, status.gates)), none="not judged yet")


def _reach(status: Status) -> str:
    return "killed, off for everybody" if status.killed else reach_text(status.thousandths, status.groups)


def _gates(verdicts: Sequence[Verdict], gates: Mapping[str, Gate]) -> Iterator[str]:
    """Yield a line a gate, the bad and the unknown first."""
    for verdict in sorted(verdicts, key=lambda found: _ORDER.index(found.outcome)):
        gate = gates.get(verdict.gate)
        title = gate.title if gate is not None and gate.title else verdict.gate
        yield f"{verdict.outcome.replace('_', ' '):<13}{title}: {_seen(verdict, gate.metric if gate else None)}"


def _seen(verdict: Verdict, metric: Metric | None) -> str:
    """Return what a verdict rests on, never a number without its n."""
    if verdict.outcome is Outcome.NO_DATA or verdict.observed is None:
        return verdict.why or "nothing was measured"
    other = verdict.control
    control = f", control {measured(other, metric)} (n {verdict.n_control:,})" if other is not None else ""
    why = f"; {verdict.why}" if verdict.why else ""
    return f"{measured(verdict.observed, metric)} (n {verdict.n:,}){control}{why}"


def _step(step: StepLine) -> str:
    flag = f"{step.flag} " if step.flag else ""
    did = _DONE.get(step.command, f"{step.command}:")
    return f"{_moment(step.at)}  {flag}{did} “{step.to_stage or step.from_stage}”, by {step.by}: {step.why}"


def _incidents(found: Sequence[tuple[datetime, str, str]]) -> list[str]:
    return [f"{_moment(at)}  {flag}: {title}" for at, flag, title in found]


def _reports(reports: Reports) -> str:
    total = sum(reports.by_level.values())
    if not total:
        return "Support reports: none."
    levels = ", ".join(f"level {level}: {count}" for level, count in sorted(reports.by_level.items()))
    return f"Support reports: {total} ({levels}), {reports.critical} critical."


def _section(title: str, lines: Sequence[str], *, none: str = "") -> list[str]:
    if not lines and not none:
        return []
    return ["", f"{title}:", *(f"  {line}" for line in lines or [none])]


def _contacts(contacts: Mapping[str, str]) -> list[str]:
    return _section("Contacts", [f"{role}: {who}" for role, who in contacts.items()])


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _marked(subject: str, synthetic: bool) -> str:
    return f"[synthetic] {subject}" if synthetic else subject


def _text(subject: str, lines: Sequence[str] | Iterator[str]) -> Text:
    return Text(" ".join(subject.split())[:LONGEST_SUBJECT], "\n".join(lines))
