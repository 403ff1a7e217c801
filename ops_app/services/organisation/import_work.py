"""The work on imports, done by the system: what reading found, what loading came to, what was taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops_app.domain.organisation.imports import ImportMove, ImportState, NoSuchImport, move
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.imports import change_import, change_totals, refuse_used
from ops_app.store.organisation import imports
from ops_app.store.organisation.imports import OBJECT, Import, RowCorrection
from ops_app.store.store import Store, Transaction


@dataclass(frozen=True)
class ReadOutcome:
    """What reading found, corrections counted in; ``refusal`` (code, English, 中文) where the whole file is refused."""

    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    refusal: tuple[str, str, str] | None
    found_sum: str | None = None
    """The sum of the file's amount in major units, where a sum was typed beside it."""


@dataclass(frozen=True)
class LoadOutcome:
    """What loading came to. ``repeated``: the file was known already and nothing was done."""

    file_id: str
    rows_in: int
    rows_accepted: int
    rows_quarantined: int
    rows_repeated: int
    repeated: bool
    outcomes: Mapping[int, str]


@act("system.run")
def waiting_imports(actor: Actor, store: Store, *, now: datetime) -> list[Import]:
    """Imports that wait for work, oldest first."""
    with store.reading() as connection:
        return imports.waiting(connection)


@act("system.run")
def import_to_work(actor: Actor, store: Store, *, now: datetime, import_id: str) -> tuple[Import, list[RowCorrection]]:
    """An import with its corrections; raises ``NoSuchImport``."""
    with store.reading() as connection:
        one = imports.by_id(connection, import_id)
        if one is None:
            raise NoSuchImport
        return one, imports.corrections(connection, import_id)


@act("system.run")
def note_read(actor: Actor, store: Store, *, now: datetime, one: Import, found: ReadOutcome) -> Import:
    """Enter what reading found, if the import still is as it was when the reading began."""
    code, en, zh = found.refusal or (None, None, None)
    return _moved(
        actor,
        store,
        now,
        one,
        ImportMove.READ,
        "import.read",
        rows_in=found.rows_in,
        rows_accepted=found.rows_accepted,
        rows_quarantined=found.rows_quarantined,
        refusal=code,
        refusal_en=en,
        refusal_zh=zh,
        found_sum=found.found_sum,
    )


@act("system.run")
def state_totals(
    actor: Actor, store: Store, *, now: datetime, import_id: str, typed_rows: int | None, typed_sum: str | None
) -> Import:
    """Type the control totals of an import from the command line; it is read next.

    Raises ``NoSuchImport``, and ``ImportMoveNotAllowed`` once it was confirmed.
    """
    with store.writing(actor, now) as transaction:
        return change_totals(transaction, _known(transaction, import_id), typed_rows, typed_sum)


@act("system.run")
def note_applying(
    actor: Actor, store: Store, *, now: datetime, one: Import, file_id: str, repeats_before: int
) -> Import:
    """Enter what is about to be loaded: a process killed after the load and before ``note_applied`` finds its own file
    in the warehouse and not one that was known before."""
    with store.writing(actor, now) as transaction:
        values = {"file_id": file_id, "repeats_before": repeats_before, "applied_at": now}
        changed = change_import(transaction, one, values)
        transaction.audit("import.applying", OBJECT, one.import_id, after={"file_id": file_id})
    return changed


@act("system.run")
def note_applied(
    actor: Actor, store: Store, *, now: datetime, one: Import, did: LoadOutcome, said: tuple[str, str] | None = None
) -> Import:
    """Enter that the import was loaded, or that its content was known already; ``said`` (English, 中文) is told with
    it."""
    values = _counts(did) | (dict(zip(("said_en", "said_zh"), said, strict=True)) if said else {})
    if did.repeated:
        return _moved(actor, store, now, one, ImportMove.REPEAT, "import.repeated", **values)
    return _moved(
        actor,
        store,
        now,
        one,
        ImportMove.APPLY,
        "import.applied",
        outcomes=did.outcomes,
        **values,
    )


@act("system.run")
def note_replayed_rows(actor: Actor, store: Store, *, now: datetime, one: Import, did: LoadOutcome) -> Import:
    """Enter what became of the corrections of an applied import."""
    return _moved(actor, store, now, one, ImportMove.REPLAY, "import.replayed", outcomes=did.outcomes, **_counts(did))


@act("system.run")
def note_sent_back(actor: Actor, store: Store, *, now: datetime, one: Import, en: str, zh: str) -> Import:
    """Enter that loading came to something else than the preview, so that nothing was loaded; a person looks again.
    What was given up meanwhile is theirs to discard or confirm anew."""
    back = {"file_id": None, "applied_at": None, "repeats_before": None, "given_up_at": None}
    return _moved(actor, store, now, one, ImportMove.SEND_BACK, "import.sent_back", said_en=en, said_zh=zh, **back)


@act("system.run")
def note_dropped(actor: Actor, store: Store, *, now: datetime, one: Import) -> Import:
    """Enter that a confirmed import was given up and that nothing of it is in the warehouse."""
    back = {"file_id": None, "applied_at": None, "repeats_before": None, "said_en": None, "said_zh": None}
    return _moved(actor, store, now, one, ImportMove.DROP, "import.discarded", **back)


@act("system.run")
def note_waiting(actor: Actor, store: Store, *, now: datetime, import_id: str, en: str, zh: str) -> None:
    """Enter why an import still waits (a run is under way); it is applied by that run's successor or a new try."""
    with store.writing(actor, now) as transaction:
        one = _known(transaction, import_id)
        change_import(transaction, one, {"said_en": en, "said_zh": zh})
        transaction.audit("import.waits", OBJECT, import_id, reason=en)


@act("system.run")
def check_unused(actor: Actor, store: Store, *, now: datetime, import_id: str, run_id: str) -> None:
    """Raise ``ImportUsed`` where a run has read the rows since; asked under the lease of ``run_id``, when no other run
    can begin."""
    with store.reading() as connection:
        one = imports.by_id(connection, import_id)
        if one is None:
            raise NoSuchImport
        refuse_used(connection, one, run_id)


@act("system.run")
def note_reversed(actor: Actor, store: Store, *, now: datetime, one: Import) -> Import:
    """Enter that every row of the import was taken out of the warehouse."""
    return _moved(actor, store, now, one, ImportMove.TAKE_BACK, "import.reversed")


@act("system.run")
def note_kept(actor: Actor, store: Store, *, now: datetime, one: Import, en: str, zh: str) -> Import:
    """Enter that the import stays, and why."""
    return _moved(actor, store, now, one, ImportMove.KEEP, "import.kept", said_en=en, said_zh=zh)


def _counts(did: LoadOutcome) -> dict[str, Any]:
    return {
        "file_id": did.file_id,
        "rows_in": did.rows_in,
        "rows_accepted": did.rows_accepted,
        "rows_quarantined": did.rows_quarantined,
        "rows_repeated": did.rows_repeated,
    }


def _known(transaction: Transaction, import_id: str) -> Import:
    one = imports.by_id(transaction.connection, import_id, lock=True)
    if one is None:
        raise NoSuchImport
    return one


def _moved(
    actor: Actor,
    store: Store,
    now: datetime,
    one: Import,
    what: ImportMove,
    action: str,
    *,
    outcomes: Mapping[int, str] | None = None,
    **values: object,
) -> Import:
    """Move an import that nobody changed since the work on it began, with what the work found."""
    state: ImportState = move(one.state, what)
    with store.writing(actor, now) as transaction:
        imports.note_outcomes(transaction.connection, one.import_id, outcomes or {})
        changed = change_import(transaction, one, {"state": state.value, **values})
        after = changed.facts() | ({"corrections": len(outcomes)} if outcomes else {})
        reason = values.get("said_en")
        transaction.audit(action, OBJECT, one.import_id, after=after, reason=str(reason) if reason else None)
    return changed
