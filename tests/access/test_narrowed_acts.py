"""Every act × role × a scope that leaves none of the cases: nothing of them shows, and a case is answered like none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.permissions import may
from ops_app.domain.organisation.rights import Rights
from ops_app.services.act import DECLARED
from ops_app.store.store import Store
from tests.access import table, world
from tests.access.examples import arguments
from tests.access.table import PEOPLE, PREFIX
from tests.access.test_acts import MISSING, _case, _shows, outcome, rehearsed, said
from tests.access.world import RELATIONS, World

__all__ = ["rehearsed"]

NOTHING_LEFT = {
    "sources": Rights(sources=frozenset({"OTHER"})),
    "units": Rights(units=frozenset({"u-none"})),
    "both": Rights(units=frozenset({"u-none"}), sources=frozenset({"SIM"})),
}

TRIED = [
    # each way on one store, and on the other the one that has the conditions of both
    pytest.param(
        kind, less, id=f"{kind}-{how}", marks=pytest.mark.slow if kind == "postgresql" and how != "both" else ()
    )
    for kind in ("sqlite", "postgresql")
    for how, less in NOTHING_LEFT.items()
]

PLAIN = {"store", "now", "today", "zone"}
"""What every act may be handed; one that is not about cases and needs more is about something else."""


@pytest.mark.parametrize(("store_url", "less"), TRIED, indirect=["store_url"])
def test_whoever_is_left_no_case_reaches_none_by_any_act(
    store: Store,
    tmp_path: Path,
    rehearsed: Callable[[], None],
    less: Rights,
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = world.made(store, tmp_path)
    rehearsed()
    cells, wrong = 0, []
    acts = table.acts()
    for name, row in table.rows("acts").items():
        for role in PEOPLE:
            if role not in row.who:
                continue
            actor = replace(made.actor(role), rights=less)
            left = may(actor, DECLARED[PREFIX + name])
            if row.kind not in {"case", "list"} and not left:
                continue
            missing = None
            if row.kind == "case" and left:
                missing = _case(name, acts[name], made, store, tmp_path, actor, MISSING)[1]
            for relation in RELATIONS if row.kind in {"case", "list"} else RELATIONS[:1]:
                case_id = made.cases[relation]
                try:
                    given = arguments(name, acts[name], made, store, tmp_path, case_id, actor.agency_code or "")
                except LookupError:
                    continue  # nothing to hand over: the act is not about cases, and takes what the table has not
                if row.kind not in {"case", "list"}:
                    given = {key: given[key] for key in _needed(acts[name])}
                    if not set(given) <= PLAIN:
                        continue
                cells += 1
                answer, error = outcome(acts[name], actor, **given)
                why = _wrong(row.kind, left, missing, answer, error, made)
                if why:
                    wrong.append((name, role.value, relation, why))
    with capsys.disabled():
        print(f"\nauthorization matrix, people whose cases are narrowed to none: {cells} cells, {len(wrong)} wrong")
    assert wrong == []


def _needed(act: Callable[..., object]) -> list[str]:
    """What must be handed to ``act``; what it may be asked beside that has defaults."""
    found = list(inspect.signature(act).parameters.values())[1:]
    return [one.name for one in found if one.default is one.empty]


def _wrong(
    kind: str, left: bool, missing: BaseException | None, answer: object, error: BaseException | None, made: World
) -> str | None:
    if not left:
        return None if isinstance(error, Refused) else f"open although it is not left: {said(error)}"
    shown = [one for one in RELATIONS if _shows(answer, made.canaries(one)) or _shows(error, made.canaries(one))]
    if shown:
        return f"it shows cases that are {shown}"
    if kind != "case":
        return None
    if said(error) != said(missing):
        return f"a case that is not left is answered otherwise than a missing one: {said(error)}, {said(missing)}"
    # some acts refuse such a person, or what was handed over, before they look for any case: alike for every case
    alike = isinstance(error, NotFound | Refused | Invalid)
    return None if alike else f"reached although it is not left: {said(error)}"
