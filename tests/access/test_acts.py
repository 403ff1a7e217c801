"""Every service act × role × the way in which a case stands to the person: as the table says, and nothing leaks."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops_app import gateways
from ops_app.domain.errors import DomainError, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.act import DECLARED
from ops_app.store.store import Store
from ops_app.store.transaction import Transaction
from tests.access import table, world
from tests.access.examples import arguments
from tests.access.table import PREFIX, Row
from tests.access.world import RELATIONS, World

MISSING = "0" * 32
_MAY_NOT = ("It may be done by", "可由以下角色办理")


class CarriedOut(Exception):
    """The act reached its end; it was tried, so nothing of it is kept."""


def is_refusal_of_role(error: BaseException) -> bool:
    return isinstance(error, Refused) and _MAY_NOT[0] in error.en and _MAY_NOT[1] in error.zh


def outcome(act: Callable[..., Any], actor: Actor, *args: Any, **given: Any) -> tuple[object, BaseException | None]:
    """What the act answered, or what it raised."""
    try:
        return act(actor, *args, **given), None
    except (DomainError, CarriedOut, TypeError) as error:
        return None, error


def said(error: BaseException | None) -> object:
    """An answer as somebody outside would compare it."""
    if isinstance(error, DomainError):
        return type(error).__name__, error.en, error.zh, error.field
    return type(error).__name__


def test_every_act_has_a_row_and_every_row_an_act() -> None:
    acts, known = table.acts(), table.rows("acts")
    new = {name: table.suggested(name, DECLARED[PREFIX + name], act) for name, act in acts.items() if name not in known}
    assert not new, table.missing("acts", new)
    gone = sorted(set(known) - set(acts))
    unscoped = [
        name
        for name, act in acts.items()
        if table.ABOUT_CASES & set(inspect.signature(act).parameters)
        and known[name].kind not in {"case", "list", "self"}
    ]
    assert not unscoped, f"these take a case: their rows in tests/access/matrix.yml begin with case or list: {unscoped}"
    assert not gone, f"rows of acts that are no more; remove them from tests/access/matrix.yml: {gone}"


def test_every_gateway_that_takes_an_actor_has_a_row() -> None:
    found = {}
    for info in pkgutil.iter_modules(gateways.__path__):
        module = importlib.import_module(f"{gateways.__name__}.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            here = function.__module__ == module.__name__ and not name.startswith("_")
            if here and list(inspect.signature(function).parameters)[:1] == ["actor"]:
                found[f"{info.name}.{name}"] = function
    known = table.rows("gateways")
    new = {name: f"  {name}: house <the roles to which it is open>" for name in found if name not in known}
    assert not new, table.missing("gateways", new)
    assert set(known) == set(found)
    for name, row in known.items():
        nothing = dict.fromkeys(list(inspect.signature(found[name]).parameters)[1:], Path("nowhere"))
        nothing |= {name: b"%PDF-1.7 x" for name in nothing if name == "data"}
        for role in Role if row.kind != "self" else ():
            actor = Actor("x", "x", role, "AG01" if role.value.startswith("agency") else None)
            assert _is_let_in(found[name], actor, nothing) is (role in row.who), (name, role)


def _is_let_in(gateway: Callable[..., Any], actor: Actor, given: dict[str, Any]) -> bool:
    """Whether the gateway asks for more than who somebody is; what it is given is of no use, so it fails then."""
    try:
        gateway(actor, **given)
    except Exception as error:  # noqa: BLE001 - whatever it fails at with nothing in hand, it asked who first
        return not is_refusal_of_role(error)
    return True


def test_each_role_gets_through_the_acts_of_its_rows_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    """The guard stands before everything: whoever may not is refused in words before an argument is looked at."""
    cells, wrong = 0, []
    for name, act in table.acts().items():
        row = table.rows("acts")[name]
        if row.kind in {"case", "list"}:
            continue  # tried with real cases below
        for role in Role:
            for agency in ("AG01", "AG02", None, "AG-ENDED"):
                if agency is not None and role not in world.AGENCY_ROLES | world.ROLES_OF_EITHER:
                    agency = None
                cells += 1
                _, error = outcome(act, Actor("x", "x", role, agency))
                through = isinstance(error, TypeError)  # past the guard, and there it lacks its arguments
                if through is not (role in row.who) or not (through or (error and is_refusal_of_role(error))):
                    wrong.append((name, role.value, agency, said(error)))
    with capsys.disabled():
        print(f"\nauthorization matrix, acts not about cases: {cells} cells, {len(wrong)} wrong")
    assert wrong == []


def test_a_temporary_password_opens_nothing_but_the_own_account() -> None:
    for name, act in table.acts().items():
        for role in Role:
            _, error = outcome(act, Actor("x", "x", role, None, must_change_password=True))
            if table.rows("acts")[name].kind == "self":
                assert isinstance(error, TypeError), (name, role)
            else:
                assert isinstance(error, Refused), (name, role)


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on, whatever would be written is undone and ``CarriedOut`` raised instead."""
    finish = Transaction.finish

    def undone(self: Transaction) -> None:
        finish(self)
        raise CarriedOut

    return lambda: monkeypatch.setattr(Transaction, "finish", undone)


def test_cases_are_reached_as_the_table_says_and_foreign_is_missing(
    store: Store, tmp_path: Path, rehearsed: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    made = world.made(store, tmp_path)
    rehearsed()
    cells, wrong = 0, []
    acts = table.acts()
    for name, row in table.rows("acts").items():
        if row.kind != "case":
            continue
        for role in Role:
            actor = made.actor(role)
            missing = _case(name, acts[name], made, store, tmp_path, actor, MISSING)[1]
            for relation in RELATIONS:
                cells += 1
                why = _wrong(row, role, relation, missing, *_case(name, acts[name], made, store, tmp_path, actor,
                                                                  made.cases[relation]), made)  # fmt: skip
                if why:
                    wrong.append((name, role.value, relation, why))
    with capsys.disabled():
        print(f"\nauthorization matrix, acts about a case ({store.dialect}): {cells} cells, {len(wrong)} wrong")
    assert wrong == []


def _case(
    name: str, act: Callable[..., Any], made: World, store: Store, evidence: Path, actor: Actor, case_id: str
) -> tuple[object, BaseException | None]:
    return outcome(act, actor, **arguments(name, act, made, store, evidence, case_id, actor.agency_code or ""))


def _wrong(
    row: Row, role: Role, relation: str, missing: BaseException | None, answer: object, error: BaseException | None,
    made: World,
) -> str | None:  # fmt: skip
    if isinstance(error, TypeError):
        return f"it could not be called: {error}"
    if role not in row.who:
        return None if error and is_refusal_of_role(error) else f"open to a role without it: {said(error)}"
    if error is not None and is_refusal_of_role(error):
        return "closed to a role of its row"
    visible = table.sees(role)
    leaked = [other for other in RELATIONS if other not in visible and _shows(answer, made.canaries(other))]
    if leaked:
        return f"it shows cases that are {leaked}"
    if relation in visible:
        return f"not there for somebody who sees it: {said(error)}" if isinstance(error, NotFound) else None
    if said(error) != said(missing):
        return f"foreign is answered otherwise than missing: {said(error)}, {said(missing)}"
    return None if isinstance(error, NotFound) else f"reached although it is {relation}: {said(error)}"


def _shows(answer: object, canaries: tuple[str, ...]) -> bool:
    text = repr(answer)
    return any(canary in text for canary in canaries)


def test_what_finds_cases_finds_those_in_reach_and_no_other(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world.made(store, tmp_path)
    cells, wrong = 0, []
    acts = table.acts()
    for name, row in table.rows("acts").items():
        if row.kind != "list":
            continue
        for role in Role:
            actor = made.actor(role)
            for relation in RELATIONS:
                cells += 1
                answer, error = _case(name, acts[name], made, store, tmp_path, actor, made.cases[relation])
                if role not in row.who:
                    if error is None or not is_refusal_of_role(error):
                        wrong.append((name, role.value, relation, f"open to a role without it: {said(error)}"))
                    continue
                if error is not None:
                    wrong.append((name, role.value, relation, said(error)))
                for other in RELATIONS:
                    if other not in table.sees(role) and _shows(answer, made.canaries(other)):
                        wrong.append((name, role.value, relation, f"it shows a case that is {other}"))
                finds = name.rpartition(".")[2] in {"list_cases", "cases_of_ids", "search_cases"}
                if finds and relation in table.sees(role) and not _shows(answer, made.canaries(relation)):
                    wrong.append((name, role.value, relation, "it does not find what is within reach"))
    with capsys.disabled():
        print(f"\nauthorization matrix, acts that find cases ({store.dialect}): {cells} cells, {len(wrong)} wrong")
    assert wrong == []
