"""What the source itself must hold: who may open a connection, make a secret, read XML or mark HTML as safe."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.databases import ROOT

pytestmark = [pytest.mark.pure, pytest.mark.once]

APPS: Final = ("accounts", "audit", "common", "config", "experiments", "modeling", "plans", "rollout", "telemetry")
TALKERS: Final = {
    "boto3": {"audit/archive/stores.py"},
    "botocore": {"audit/archive/stores.py"},
    "apprise": {"rollout/delivery.py"},
    "mlflow": {"modeling/tracking.py"},
    "confluent_kafka": {"telemetry/sinks/kafka.py"},
    "redis": {"config/settings/base.py", "rollout/fanout.py", "telemetry/monitored.py"},
    "psycopg": {
        "common/backup/database.py",
        "common/backup/restore.py",
        "common/management/commands/setup_database.py",
        "common/provisioning.py",
        "experiments/services/assign.py",
        "telemetry/warehousing/postgres.py",
    },
    "http.client": {"telemetry/probing.py"},
    "socket": {"common/beat.py", "common/sampling.py", "rollout/processes.py"},
    **dict.fromkeys(
        ("requests", "httpx", "aiohttp", "urllib3", "urllib.request", "smtplib", "ftplib", "fsspec"),
        set(),
    ),
}
"""Modules that open connections, and where each may stand: to addresses that the environment names, never a request."""
GUARDED: Final = {
    **dict.fromkeys(("pickle", "marshal", "shelve", "joblib", "lxml", "ctypes"), set()),
    "tarfile": {"common/backup/files.py"},
    "xml": {"modeling/history/xml.py", "plans/export/zwo.py"},
    "random": {"telemetry/relay.py", "telemetry/services/relay.py"},
    "subprocess": {"common/backup/database.py", "common/sampling.py", "plans/management/commands/demo.py"},
}
"""Modules that make trouble of what they read, and where each may stand: an exception's name, writing, jitter, fixed
commands, parts of a backup under its HMAC."""
CALLS: Final = {"eval": set(), "exec": set(), "mark_safe": {"rollout/markdown.py"}, "RawSQL": set(), "extra": set()}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield path and tree of every module of the product."""
    for app in APPS:
        for path in sorted(Path(ROOT, app).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trees() -> list[tuple[str, ast.Module]]:
    return list(sources())


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield every module that is imported, also within a function; `a.b` as a and a.b."""
    for node in ast.walk(tree):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            yield name.partition(".")[0]
            yield name


@pytest.mark.parametrize("allowed", [TALKERS, GUARDED], ids=["connections", "parsers"])
def test_modules_stand_only_where_they_are_known(trees: Any, allowed: dict[str, set[str]]) -> None:
    found: dict[str, set[str]] = {name: set() for name in allowed}
    for path, tree in trees:
        for name in found.keys() & set(imported(tree)):
            found[name].add(path)
    assert {name: paths - allowed[name] for name, paths in found.items() if paths - allowed[name]} == {}


def test_calls_that_run_or_trust_text_stand_only_where_they_are_known(trees: Any) -> None:
    wrong = []
    for path, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "id", None) or getattr(node.func, "attr", "")
                if called in CALLS and path not in CALLS[called] and not (called == "extra" and node.args):
                    wrong.append(f"{path}:{node.lineno} {called}")
                wrong += [f"{path}:{node.lineno} shell" for word in node.keywords if word.arg == "shell"]
    assert wrong == []


def test_templates_escape_what_they_show() -> None:
    wrong = []
    for app in APPS:
        for path in Path(ROOT, app).rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            wrong += [f"{path.name}: {word}" for word in ("|safe", "autoescape off", "|safeseq") if word in text]
    assert wrong == []


def test_no_body_of_the_api_takes_an_address() -> None:
    """Nobody tells the server what to fetch (SSRF): no field of a request is a URL or a host."""
    from drf_spectacular.generators import SchemaGenerator

    schema = SchemaGenerator().get_schema(request=None, public=True)
    taken = {
        name
        for path in schema["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for name in _fields(content["schema"], schema)
    }
    assert len(taken) > 40
    assert [name for name in taken if {"url", "uri", "host", "endpoint", "webhook"} & set(name.split("_"))] == []


def _fields(part: Any, schema: Any) -> Iterator[str]:
    """Yield the names of a schema's fields, and "url" for each text that is said to be an address."""
    stack, seen = [part], set()
    while stack:
        one = stack.pop()
        name = one.get("$ref", "")
        if name in seen:
            continue
        seen |= {name} if name else set()
        one = schema["components"]["schemas"][name.rpartition("/")[2]] if name else one
        yield from one.get("properties", {})
        yield from ["url"] if one.get("format") in ("uri", "url", "hostname", "ipv4") else []
        stack += [*one.get("properties", {}).values(), *one.get("allOf", ()), *one.get("oneOf", ())]
        stack += [value for key in ("items", "additionalProperties") if isinstance(value := one.get(key), dict)]
