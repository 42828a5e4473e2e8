"""Rollouts, incidents and listeners for tests about what people are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from common import clock
from common.actors import actor_id
from common.context import unit_of_work
from common.management.base import COMMAND_LINE
from rollout.lifecycle import State
from rollout.models import Flag, Rollout, RolloutStep
from rollout.policy.load import SHIPPED

KEY = "plan.model_driven_generation"


def make_rollout(*, state: State = State.RUNNING, stage: int = 3, **fields: Any) -> Rollout:
    """Return a run of the shipped five-stage policy, at its fourth stage (50 %)."""
    text = (SHIPPED / "five-stage.toml").read_text(encoding="utf-8")
    with unit_of_work(COMMAND_LINE):
        flag, _ = Flag.objects.update_or_create(
            name=KEY, defaults={"enabled": True, "rollout_thousandths": 50_000, "requires_tier": ""}
        )
        run = Rollout.objects.create(
            flag=flag,
            policy_name="five-stage",
            policy_text=text,
            policy_sha256="0" * 64,
            state=state.value,
            stage=stage,
            reason="try it",
            requested_by_id=actor_id(COMMAND_LINE),
            starts_at=clock.now(),
            fresh_from=clock.now(),
            **fields,
        )
        Flag.objects.filter(pk=flag.pk).update(rollout_id=run.pk, rollout_stage=stage)
        return run


def make_step(rollout: Rollout, command: str, **fields: Any) -> RolloutStep:
    """Return the next step of a run."""
    with unit_of_work(COMMAND_LINE):
        return RolloutStep.objects.create(
            rollout=rollout,
            number=rollout.steps.count() + 1,
            at=clock.now(),
            command=command,
            from_state="running",
            to_state=rollout.state,
            from_stage=max(rollout.stage - 1, 0),
            to_stage=rollout.stage,
            actor="service:engine",
            why=fields.pop("why", "every criterion is met"),
            **fields,
        )


@dataclass
class Listener:
    """A web hook on this machine: what it got, and which statuses it answers first (200 from then on)."""

    port: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.got]


@contextmanager
def listening(*answers: int) -> Iterator[Listener]:
    """Listen until the block ends."""
    heard = Listener(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = heard.answers.pop(0) if heard.answers else 200
            if status == 200:
                heard.got.append(json.loads(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
