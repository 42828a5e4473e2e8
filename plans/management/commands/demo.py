"""A demo that runs at once: people, synthetic athletes, models, plans, a server."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandParser

from common.errors import NotPermitted
from common.management.base import MesocycleCommand
from plans.demo.people import ATHLETES
from plans.services.make_demo import Demo, make_demo


class Command(MesocycleCommand):
    """Migrate, fill with synthetic data, run what is scheduled, and serve."""

    help = "Set up a demo with synthetic data (a second run changes nothing) and serve it on http://127.0.0.1:8000."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add how to serve."""
        super().add_arguments(parser)
        parser.add_argument("--no-serve", action="store_true", help="set up only")
        parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1 (default: %(default)s)")

    def run(self, **options: Any) -> int | None:
        """Set up, print, serve."""
        if settings.ENVIRONMENT_NAME != "local":
            raise NotPermitted("the demo's passwords are public; it runs with ENVIRONMENT_NAME=local only")
        call_command("migrate", verbosity=0, interactive=False)
        with self.progress() as bar, _unbroken():
            task = bar.add_task("athletes", total=len(ATHLETES))
            demo = make_demo(progress=lambda name: bar.update(task, advance=1, description=name))
        self._show(demo, options["port"], serve=not options["no_serve"])
        if options["no_serve"]:
            return None
        return _serve(options["port"])

    def _show(self, demo: Demo, port: int, *, serve: bool) -> None:
        if self.as_json:
            self.emit({"accounts": demo.accounts, "athletes": demo.athletes, "plans": demo.plans})
            return
        self.table(demo.accounts, title="Log in with")
        self.stdout.write(f"{len(demo.athletes)} synthetic athletes, {len(demo.plans)} plans.")
        if serve:
            self.stdout.write(f"Serving on http://127.0.0.1:{port} (API: /api/docs/); end with Ctrl+C.")


@contextmanager
def _unbroken() -> Iterator[None]:
    """Keep the log from breaking into the progress bar with a line for each plan; warnings still do."""
    logger = logging.getLogger("mesocycle")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _serve(port: int) -> int:
    """Run the schedule beside the server until the server or this command ends; neither outlives it."""
    settings_module = os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings.local")
    # Links in mail and calendars lead to this server, unless somebody said where.
    public_url = os.environ.get("PUBLIC_URL", "").strip() or f"http://127.0.0.1:{port}"
    env = {"WEB_ACCESS_LOG": "no", **os.environ, "DJANGO_SETTINGS_MODULE": settings_module, "PUBLIC_URL": public_url}
    web = [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]
    web += ["-b", f"127.0.0.1:{port}", "-w", "2", "--timeout", "120"]
    commands = [[sys.executable, "manage.py", "run_scheduled"], web]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for command in commands:
            processes.append(subprocess.Popen(command, cwd=settings.BASE_DIR, env=env))  # nosec B603  # fixed words
        return processes[-1].wait()
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=10)
