"""Logging: structlog over the standard library; people read lines, machines read JSON (`LOG_FORMAT=json`)."""

from __future__ import annotations

from typing import Any

import structlog

from common.log_context import RouteForAddress, add_actor
from config.settings import env

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    add_actor,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]

structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": _SHARED,
        },
        "line": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.dev.ConsoleRenderer(colors=False),
            "foreign_pre_chain": _SHARED,
        },
    },
    "filters": {"route": {"()": RouteForAddress}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.text("LOG_FORMAT", "line"),
            "filters": ["route"],
        },
    },
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "WARNING")},
    "loggers": {
        "mesocycle": {"level": env.text("LOG_LEVEL", "INFO")},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
