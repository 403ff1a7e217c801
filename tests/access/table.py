"""The table of who may do what, read from ``matrix.yml``, and the row that a missing one should be."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ops_app import services
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.act import DECLARED

FILE = Path(__file__).with_name("matrix.yml")
PREFIX = "ops_app.services."
PEOPLE = tuple(role for role in Role if role is not Role.SYSTEM)
ABOUT_CASES = {"case_id", "case_ids", "ids"}


@dataclass(frozen=True)
class Row:
    """What kind of thing it is, and the roles to which it is open."""

    kind: str
    who: frozenset[Role]


@cache
def whole() -> dict[str, Any]:
    """The file."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return found


@cache
def rows(section: str) -> Mapping[str, Row]:
    """The rows of ``acts``, ``pages``, ``routes`` or ``gateways``; asked for in each of ten thousand cells."""
    return {name: _row(name, text) for name, text in whole()[section].items()}


def sees(role: Role) -> frozenset[str]:
    """The relations in which a case is before somebody of ``role``."""
    return frozenset((whole()["sees"].get(role.value) or "").split())


def _row(name: str, text: str) -> Row:
    kind, *words = text.split()
    if kind not in whole()["kinds"]:
        raise ValueError(f"{name}: the first word of a row is one of {', '.join(whole()['kinds'])}, not {kind}")
    groups = whole()["groups"]
    codes = [code for word in words for code in (groups[word].split() if word in groups else [word])]
    return Row(kind, frozenset(Role(code) for code in codes))


def acts() -> dict[str, Callable[..., Any]]:
    """Every service act of the house, by its name without ``ops_app.services.``."""
    for module in pkgutil.walk_packages(services.__path__, PREFIX):
        importlib.import_module(module.name)
    found = {}
    for qualified in DECLARED:
        if qualified.startswith(PREFIX):
            module, _, name = qualified.rpartition(".")
            found[qualified.removeprefix(PREFIX)] = getattr(importlib.import_module(module), name)
    return found


def in_words(roles: frozenset[Role]) -> str:
    """Roles as a row has them: whole groups by their names."""
    left, words = set(roles), []
    for name, codes in whole()["groups"].items():
        members = {Role(code) for code in codes.split()}
        if members <= left:
            words.append(name)
            left -= members
    return " ".join([*words, *(role.value for role in Role if role in left)])


def suggested(name: str, permission: str, act: Callable[..., Any] | None = None) -> str:
    """The row that is missing, ready to be checked by a person and put in."""
    kind = "house"
    if act is not None and ABOUT_CASES & set(inspect.signature(act).parameters):
        kind = "case"
    return f"  {name}: {kind} {in_words(GRANTS[permission])}"


def missing(section: str, wanted: dict[str, str]) -> str:
    """Why the test fails when rows are missing (name → the row to add), said so that it can be pasted."""
    listed = "\n".join(line for _, line in sorted(wanted.items()))
    return (
        f"\n{len(wanted)} without a row. Check each of these lines (who is it for? is it about cases?) and add it to"
        f" `{section}:` in tests/access/matrix.yml:\n{listed}\n"
    )
