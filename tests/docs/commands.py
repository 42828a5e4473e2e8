"""Find the management commands that pages name, and say what of them does not exist. No command is run."""

from __future__ import annotations

import argparse
import re
import shlex
from functools import cache

from django.core.management import get_commands, load_command_class

OURS = ("common", "audit", "telemetry", "accounts", "modeling", "rollout", "experiments", "plans")
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_END = re.compile(r"&&|[;|<>#()]|\$\(")
_VARIABLE = re.compile(r"^[A-Z][A-Z0-9_]*=")


@cache
def our_commands() -> frozenset[str]:
    """Return the names of the commands of our apps."""
    return frozenset(name for name, app in get_commands().items() if isinstance(app, str) and app in OURS)


def named_commands(page: str) -> list[list[str]]:
    """Return the words of each command in a page: behind `manage.py`, or with a verb behind one of our commands."""
    texts = [line for block in _FENCE.findall(page) for line in re.sub(r"\\\n", " ", block).splitlines()]
    texts += [" ".join(text.split()) for text in _INLINE.findall(_FENCE.sub("", page))]
    return [words for text in texts for words in _commands_of(text)]


def _commands_of(text: str) -> list[list[str]]:
    found = []
    for part in _parts(text.replace("\\|", "|").replace("[", " ").replace("]", " ")):
        words = [word for word in part if not _VARIABLE.match(word)]
        if words[:1] == ["manage"]:  # the tour's alias
            found.append(words[1:])
        elif "manage.py" in words:
            found.append(words[words.index("manage.py") + 1 :])
        elif len(words) > 1 and words[0] in our_commands() and _has_verb(words):
            found.append(words)
    return [words for words in found if words and not words[0].startswith("$@")]  # a shell function that takes any


def _parts(text: str) -> list[list[str]]:
    """Return the words of a shell line, command by command; alternatives (`a|b`) stay one word."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    parts: list[list[str]] = [[]]
    for word in words:
        if _END.fullmatch(word):
            parts.append([])
        elif word.endswith(";"):
            parts[-1].append(word[:-1])
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _has_verb(words: list[str]) -> bool:
    return words[1].startswith("--") or any(verb in verbs_of(parser_of(words[0])) for verb in words[1].split("|"))


@cache
def parser_of(command: str) -> argparse.ArgumentParser:
    """Return a command's parser. Raises KeyError: there is no such command."""
    app = get_commands()[command]
    loaded = load_command_class(app, command) if isinstance(app, str) else app
    return loaded.create_parser("manage.py", command)


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return a parser's verbs with theirs; empty where it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def faults_of(words: list[str]) -> list[str]:
    """Return what a command names that does not exist: itself, its verb, an option."""
    command, *rest = words
    if command in ("COMMAND", "…"):
        return []
    try:
        parser = parser_of(command)
    except KeyError:
        return [f"no command {command}"]
    parsers, faults = [parser], []
    verbs = verbs_of(parser)
    if verbs and rest and not rest[0].startswith("--") and rest[0] != "…":
        wanted = [verb.rstrip(",") for verb in rest[0].split("|")]
        faults += [f"no verb {command} {verb}" for verb in wanted if verb and verb not in verbs and not verb.isupper()]
        parsers += [verbs[verb] for verb in wanted if verb in verbs]
    known = {option for each in parsers for option in each._option_string_actions}
    options = {part.split("=")[0] for word in rest for part in word.split("|") if part.startswith("--")}
    return [*faults, *(f"{command}: no option {option}" for option in sorted(options - known))]
