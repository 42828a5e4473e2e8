"""Virtual users: what coaches, athletes and operators do, one after the other, as a seeded random programme says.

Each write carries a mark that is its own (a note, a duration, a reason), so that what is found afterwards can be told
to be there once: the key's.
"""

from __future__ import annotations

import itertools
import random
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.chaos.client import Client, Operator
from tests.chaos.ledger import Outcome
from tests.chaos.world import Person

THINK_SECONDS = (0.3, 2.0)
JOB_SECONDS = 240.0
_marks = itertools.count(1)
_EXPECTED = re.compile(r'name="expected" value="(\d+)"')
_DECIDE = re.compile(r'action="/admin/(rollout/approval/([0-9a-f-]{36})/decide/)"')

Action = Callable[[], None]


class VirtualUser(threading.Thread):
    """One person at work until told to stop; `actions` are (weight, what)."""

    def __init__(self, client: Client, seed: int) -> None:
        super().__init__(daemon=True)
        self.client, self.rng = client, random.Random(seed)
        self.stopping = threading.Event()
        self.broken: list[str] = []

    def actions(self) -> list[tuple[int, Action]]:
        """What this person does, by weight."""
        raise NotImplementedError

    def run(self) -> None:
        """Work; an answer that does not look as documented ends nobody's work but is told of."""
        chosen = self.actions()
        while not self.stopping.is_set():
            (_, action) = self.rng.choices(chosen, weights=[weight for weight, _ in chosen])[0]
            try:
                action()
            except Exception as error:
                self.broken.append(f"{type(self).__name__}.{action.__name__}: {type(error).__name__}: {error}"[:300])
            self.stopping.wait(self.rng.uniform(*THINK_SECONDS))


class Coach(VirtualUser):
    """Lists what awaits review, reads it, edits sessions, comments, submits."""

    def actions(self) -> list[tuple[int, Action]]:
        """Mostly reviewing."""
        return [(2, self.list_pending), (6, self.edit), (3, self.submit), (2, self.comment)]

    def list_pending(self) -> None:
        """Look at the list."""
        self.client.read("plans", status="pending")

    def edit(self) -> None:
        """Change the note of a session to come, under the head's tag."""
        plan = self._plan("pending") or self._plan("published")
        version = self._head(plan)
        today = datetime.now(UTC).date().isoformat()
        sessions = [one for week in (version or {}).get("weeks", []) for one in week["sessions"]]
        open_ = [one for one in sessions if one["day"] > today and one["kind"] not in ("race", "rest")]
        if plan is None or not open_:
            return
        key = str(uuid4())
        path = f"/sessions/{self.rng.choice(open_)['session_id']}/prescribed_work/notes"
        operations = [{"op": "add", "path": path, "value": _note(key), "reason": "athlete_preference"}]
        self.client.write(
            "edit", "PATCH", f"plans/{plan['id']}/versions/{plan['head_version']['id']}", operations, _version_facts,
            key, If_Match=plan["etag"], Prefer="return=minimal",
        )  # fmt: skip

    def submit(self) -> None:
        """Submit what is pending."""
        plan = self._plan("pending")
        if plan is not None and plan["head_version"]:
            head = plan["head_version"]["id"]
            body = {"comment": "", "reason": "athlete_preference", "expected_etag": plan["etag"]}
            self.client.write(
                "submit", "POST", f"plans/{plan['id']}/submit", body,
                lambda found, key: {"plan_id": plan["id"], "version_id": head},
            )  # fmt: skip

    def comment(self) -> None:
        """Say something about a plan."""
        plan = self._plan("")
        if plan is not None:
            self.client.write(
                "comment", "POST", f"plans/{plan['id']}/comments", {"message": "How did this week feel?"},
                lambda found, key: {"id": (found or {}).get("id")},
            )  # fmt: skip

    def _plan(self, status: str) -> Any:
        page = self.client.read("plans", **({"status": status} if status else {}))
        return self.rng.choice(page["results"][:6]) if page and page["results"] else None

    def _head(self, plan: Any) -> Any:
        if not plan or not plan["head_version"]:
            return None
        return self.client.read(f"plans/{plan['id']}/versions/{plan['head_version']['id']}")


class Runner(VirtualUser):
    """An athlete: reads the week, decides about plans, reports sessions, imports activities, asks for plans."""

    def __init__(self, client: Client, seed: int, person: Person) -> None:
        super().__init__(client, seed)
        self.athlete_id, self.plan_id = person.athlete_id, person.plan_id
        # A new plan that is accepted takes the place of the one whose sessions are over, and nothing can be reported.
        self.accepts_all = self.rng.random() < 0.25

    def actions(self) -> list[tuple[int, Action]]:
        """Mostly training."""
        return [(4, self.read), (3, self.decide), (6, self.complete), (3, self.bring), (1, self.ask)]

    def read(self) -> None:
        """Look at the week and the plans."""
        self.client.read("me/week")
        self.client.read("plans")

    def decide(self) -> None:
        """Accept what was submitted, or ask for changes."""
        page = self.client.read("plans", status="coach_reviewed")
        if not page or not page["results"]:
            return
        plan = page["results"][0]
        head = plan["head_version"]
        may_accept = self.accepts_all or plan["id"] == self.plan_id
        decision = "accept" if may_accept and self.rng.random() < 0.7 else "request_changes"
        comment = "" if decision == "accept" else "Too much on Tuesdays."
        body = {"decision": decision, "version_id": head["id"], "content_sha256": head["content_sha256"]}
        self.client.write(
            decision, "POST", f"plans/{plan['id']}/approve", {**body, "comment": comment},
            lambda found, key: {"plan_id": plan["id"], "version_id": head["id"]},
        )  # fmt: skip

    def complete(self) -> None:
        """Report on a session that is over."""
        today = datetime.now(UTC).date()
        begin = (today - timedelta(days=12)).isoformat()
        query = {"from": begin, "until": (today - timedelta(days=1)).isoformat()}
        dues = self.client.read(f"athletes/{self.athlete_id}/schedule", **query)
        rows = [row for row in dues or [] if row["kind"] not in ("rest", "race")]
        if rows:
            session_id = self.rng.choice(rows)["session_id"]
            minutes = 30 + next(_marks) / 1000
            self.client.write(
                "completion", "POST", f"sessions/{session_id}/completion", {"status": "done", "duration_min": minutes},
                lambda found, key: {
                    "id": (found or {}).get("id"), "session_id": session_id, "athlete_id": self.athlete_id,
                    "duration_min": minutes,
                },
            )  # fmt: skip

    def bring(self) -> None:
        """Import an activity; the same one again is known, so it needs no key."""
        # Minutes apart, since two of one day and nearly one duration are one activity; the fraction is the mark. It is
        # never zero: the athletes' made-up histories have whole seconds.
        mark = next(_marks)
        seconds = 600 + mark % 200 * 60 + mark / 100 + 0.005
        day = (date.today() - timedelta(days=self.rng.randint(30, 180))).isoformat()
        activity = {"day": day, "sport": "running", "duration_s": seconds, "distance_m": 5000, "rpe": 4}
        self.client.write(
            "import", "POST", f"athletes/{self.athlete_id}/activities", {"activities": [activity]},
            lambda found, key: {"athlete_id": self.athlete_id, "duration_s": seconds},
        )  # fmt: skip

    def ask(self) -> None:
        """Ask for a plan, and follow the request until it has ended."""
        ahead = date.today() + timedelta(weeks=self.rng.randint(8, 14))
        body = {"race_date": (ahead + timedelta(days=6 - ahead.weekday())).isoformat(), "race_distance": "10k"}
        found = self.client.write(
            "generation", "POST", "plans", body, lambda found, key: {"job_id": (found or {}).get("id")}
        )
        deadline = time.monotonic() + JOB_SECONDS
        while found and found["status"] not in ("done", "failed") and time.monotonic() < deadline:
            if self.stopping.wait(2.0):
                return
            found = self.client.read(f"plan-requests/{found['id']}") or found


class Ops(VirtualUser):
    """An operator in front of the rollout's pages."""

    client: Operator

    def __init__(self, client: Operator, seed: int, rollout_id: str) -> None:
        super().__init__(client, seed)
        self.rollout_id = rollout_id

    def actions(self) -> list[tuple[int, Action]]:
        """Mostly watching."""
        return [(3, self.look), (2, self.pause), (3, self.resume), (2, self.advance), (2, self.agree)]

    def look(self) -> None:
        """Watch the run."""
        self.client.page("rollout/rollout/")
        self.client.page(f"rollout/rollout/{self.rollout_id}/live/")

    def pause(self) -> None:
        """Hold the run."""
        self._command("pause", "On hold.")

    def resume(self) -> None:
        """Let it go on."""
        self._command("resume", "Running again.")

    def advance(self) -> None:
        """Ask for the next stage; a second person has to agree."""
        self._command("advance", "Advanced.")

    def agree(self) -> None:
        """Approve what another operator asked for."""
        page = self.client.page("rollout/approval/")
        for found in _DECIDE.finditer(page):
            form = page[found.end() : page.find("</form>", found.end())]
            if 'value="approve"' in form:
                mark = f"chaos {uuid4()}"
                after = self.client.submit(found[1], page, {"do": "approve", "comment": mark})
                self._noted("approval", mark, "Approved, and done." in after, after, {"approval_id": found[2]})
                return

    def _command(self, name: str, said: str) -> None:
        path = f"rollout/rollout/{self.rollout_id}/"
        page = self.client.page(f"{path}change/")
        form = page.find(f'name="command" value="{name}"')
        expected = _EXPECTED.search(page, form) if form >= 0 else None
        if expected is None:
            return
        mark = f"chaos {uuid4()}"
        body = {"command": name, "expected": expected[1], "reason": mark}
        after = self.client.submit(f"{path}command/", page, body)
        self._noted("rollout step", mark, said in after, after, {"rollout_id": self.rollout_id, "command": name})

    def _noted(self, kind: str, mark: str, is_done: bool, page: str, facts: dict[str, Any]) -> None:
        """A page that says neither is not proof of a refusal: the message is shown once, and may be lost."""
        outcome = Outcome.REFUSED if page else Outcome.UNKNOWN
        if is_done:
            outcome = Outcome.ACKNOWLEDGED
        elif "the wish is in the inbox" in page and facts.get("command") == "advance":
            outcome = Outcome.WISHED
        self.client.noted(kind, mark, outcome, facts)


def _note(key: str) -> str:
    return f"chaos {key}"


def _version_facts(found: Any, key: str) -> dict[str, Any]:
    names = ("id", "plan_id", "version_number", "content_sha256")
    return {"note": _note(key), **{name: (found or {}).get(name) for name in names}}
