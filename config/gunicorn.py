"""How gunicorn serves the web process: everything from the environment, logs as structlog writes them, a drain.

The master reads this file by its path and imports nothing else of ours: a reload (HUP) starts workers that import the
application anew, so that new code and settings take effect without the port ever closing.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
from gunicorn.glogging import Logger

_ROOT = Path(__file__).resolve().parents[1]


def _number(name: str, default: int) -> int:
    """Return a variable as a whole number; gunicorn shows what it raises and ends."""
    raw = os.environ.get(name, "").strip()
    try:
        return int(raw) if raw else default
    except ValueError as error:
        raise ValueError(f"{name} must be a whole number, not {raw!r}") from error


bind = os.environ.get("WEB_BIND", "").strip() or f"127.0.0.1:{_number('PORT', 8000)}"
workers = _number("WEB_CONCURRENCY", 2)
# Threads, since `Prefer: wait` and uploads by slow clients wait without working; also what keeps connections alive.
worker_class = "gthread"
threads = _number("WEB_THREADS", 4)
timeout = _number("WEB_TIMEOUT", 60)
# Longer than the longest `Prefer: wait`, shorter than what systemd gives (`TimeoutStopSec`).
graceful_timeout = _number("WEB_GRACEFUL_TIMEOUT", 45)
keepalive = _number("WEB_KEEPALIVE", 5)
max_requests = _number("WEB_MAX_REQUESTS", 5000)
max_requests_jitter = max_requests // 5
# Not before the fork: a reload would go on with the old code, and threads (flags), connections to PostgreSQL and what
# metrics counted in the master would be copied, not made.
preload_app = False
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nosec B108  # files of gunicorn alone, unlinked at once
forwarded_allow_ips = os.environ.get("TRUSTED_PROXIES", "").strip() or "127.0.0.1,::1"

drain_seconds = _number("WEB_DRAIN_SECONDS", 0)
_var = Path(os.environ.get("MESOCYCLE_VAR", "").strip() or _ROOT / "var")
_drain = Path(os.environ.setdefault("DRAIN_FILE", str(_var / f"draining-{bind.replace('/', '_').replace(':', '_')}")))

_before = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
_is_json = os.environ.get("LOG_FORMAT", "").strip() == "json"
_renderer = structlog.processors.JSONRenderer() if _is_json else structlog.dev.ConsoleRenderer(colors=False)
_tells_access = os.environ.get("WEB_ACCESS_LOG", "yes").strip().lower() not in ("0", "false", "no", "off")
logconfig_dict: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structlog": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": _renderer,
            "foreign_pre_chain": _before,
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        "gunicorn.access": {"level": "INFO" if _tells_access else "ERROR", "handlers": ["stderr"], "propagate": False},
    },
}


class AccessLogger(Logger):
    """Gunicorn's logger, with one line a request that names the route, not the address.

    Addresses hold what nobody may read in a log: tokens of calendars and password resets, names in a query.
    """

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        """Write the line; the middleware left route and request id in `environ`."""
        if not self.access_log.isEnabledFor(logging.INFO):
            return
        self.access_log.info(
            "request",
            extra={
                "method": environ.get("REQUEST_METHOD", ""),
                "route": environ.get("mesocycle.route", "(none)"),
                "status": int(str(resp.status).split(None, 1)[0]),
                "bytes": getattr(resp, "sent", 0),
                "milliseconds": round(request_time.total_seconds() * 1000, 1),
                "request_id": environ.get("mesocycle.request_id", ""),
                "pid": os.getpid(),
            },
        )


logger_class = AccessLogger


def when_ready(server: Any) -> None:
    """Take a stale drain away; where a drain takes time, begin it at SIGTERM and stop afterwards.

    While the drain file stands `/health/ready` answers 503, so that a load balancer sends nothing new, and everything
    that still comes is answered. A second SIGTERM stops at once.
    """
    _drain.unlink(missing_ok=True)
    stop = signal.getsignal(signal.SIGTERM)
    if drain_seconds <= 0 or not callable(stop):
        return

    def drain(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, stop)
        _drain.parent.mkdir(parents=True, exist_ok=True)
        _drain.touch()
        timer = threading.Timer(drain_seconds, os.kill, (os.getpid(), signal.SIGTERM))
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, drain)


def post_worker_init(worker: Any) -> None:
    """Import what the first request would: a worker that was reloaded answers at once; say by which flags it decides.

    Flags are watched by threads: here, never where `config.wsgi` is loaded. A master that loads it (`--preload`) would
    fork while they run, and a lock that one of them holds at that moment is never given back in the child.
    """
    from django.urls import get_resolver

    from rollout.selectors import LIVE

    _ = get_resolver().url_patterns
    LIVE.begin()


def on_exit(server: Any) -> None:
    """Leave no drain behind."""
    _drain.unlink(missing_ok=True)
