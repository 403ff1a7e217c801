"""Whoever changes the audit log is found out, on both stores; and nobody may change it in the first place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pysqlite3.dbapi2 as sqlite_driver
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ops_app.domain.canonical import canonical_json
from ops_app.domain.errors import Conflict
from ops_app.domain.organisation.audit import GENESIS, AuditRow, encode, first_fault, hash_of, sealed
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.audit import checkpoint_audit
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.organisation import audit
from ops_app.store.store import Store

NOW = datetime(2026, 11, 24, 3, 0, 0, 5, tzinfo=UTC)
ROWS = 12


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Store:
    """A store with a dozen audited acts, of which the first eight are signed (in two checkpoints)."""
    for number in range(1, ROWS + 1):
        with store.writing(SYSTEM, NOW + timedelta(seconds=number)) as transaction:
            transaction.audit("thing.done", "thing", str(number), after={"金额_minor": number}, reason="因为")
        if number in (4, 8):
            checkpoint_audit(SYSTEM, store, now=NOW, evidence=tmp_path)
    return store


class Intruder:
    """Somebody with the database itself in hand: triggers hold them back no longer than it takes to drop them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._open = (
            sqlite_driver.connect(str(store.file))
            if store.file
            else psycopg.connect(store.url.set(drivername="postgresql").render_as_string(hide_password=False))
        )
        drop = (
            [f"drop trigger audit_log_{name}" for name in ("no_update", "no_delete", "contiguous")]
            if store.file
            else [f"drop trigger audit_log_{name} on audit_log" for name in ("append_only", "contiguous")]
        )
        self.run(*drop)

    def run(self, *statements: str) -> None:
        cursor = self._open.cursor()
        for statement in statements:
            cursor.execute(statement)
        self._open.commit()

    def rows(self) -> list[AuditRow]:
        with self.store.reading() as connection:
            return list(audit.walk(connection))

    def replace_all(self, rows: list[AuditRow]) -> None:
        """Write the whole log anew, with hashes that are right."""
        from sqlalchemy import create_engine, insert

        from ops_app.store.tables.organisation import audit_log

        self.run("delete from audit_log")
        self._open.close()
        engine = create_engine(self.store._writers.url, module=sqlite_driver) if self.store.file else None
        with (engine or self.store._writers).begin() as connection:
            connection.execute(insert(audit_log), [vars(row) for row in rows])

    def close(self) -> None:
        self._open.close()


def rechained(rows: list[AuditRow]) -> list[AuditRow]:
    made, previous = [], GENESIS
    for seq, row in enumerate(rows, start=1):
        made.append(sealed(replace(row, seq=seq, prev_hash=previous)))
        previous = made[-1].row_hash
    return made


def edit(intruder: Intruder) -> None:
    intruder.run("update audit_log set reason = 'other' where seq = 6")


def edit_number(intruder: Intruder) -> None:
    intruder.run("update audit_log set after_json = '{\"金额_minor\":60}' where seq = 6")


def edit_time(intruder: Intruder) -> None:
    intruder.run("update audit_log set occurred_at = '2026-11-24 03:00:06.000006' where seq = 6")


def edit_with_own_hash(intruder: Intruder) -> None:
    row = sealed(replace(intruder.rows()[5], reason="other"))
    intruder.run(f"update audit_log set reason = 'other', row_hash = '{row.row_hash}' where seq = 6")


def delete(intruder: Intruder) -> None:
    intruder.run("delete from audit_log where seq = 6")


def delete_and_renumber(intruder: Intruder) -> None:
    intruder.run(
        "delete from audit_log where seq = 6",
        *(f"update audit_log set seq = {seq} where seq = {seq + 1}" for seq in range(6, ROWS)),
    )


def exchange(intruder: Intruder) -> None:
    intruder.run(*(f"update audit_log set seq = {to} where seq = {at}" for at, to in ((6, 99), (7, 6), (99, 7))))


def insert_in_between(intruder: Intruder) -> None:
    intruder.run(*(f"update audit_log set seq = {seq + 1} where seq = {seq}" for seq in range(ROWS, 5, -1)))
    columns = [name for name in AuditRow.__dataclass_fields__ if name not in ("seq", "prev_hash")]
    intruder.run(
        f"insert into audit_log (seq, prev_hash, {', '.join(columns)})"
        f" select 6, 'forged', {', '.join(columns)} from audit_log where seq = 7"
    )


def delete_the_first(intruder: Intruder) -> None:
    intruder.run("delete from audit_log where seq = 1")


def cut_the_tail(intruder: Intruder) -> None:
    intruder.run("delete from audit_log where seq > 5")


def empty(intruder: Intruder) -> None:
    intruder.run("delete from audit_log")


def write_anew_from_the_sixth_row(intruder: Intruder) -> None:
    rows = intruder.rows()
    rows[5] = replace(rows[5], reason="nothing happened")
    intruder.replace_all(rechained(rows))


def write_anew_without_the_sixth_row(intruder: Intruder) -> None:
    rows = intruder.rows()
    intruder.replace_all(rechained(rows[:5] + rows[6:]))


def replace_by_another_log(intruder: Intruder) -> None:
    intruder.replace_all(rechained([replace(row, actor_name="Somebody") for row in intruder.rows()]))


@pytest.mark.parametrize(
    ("tamper", "first_bad"),
    [
        (edit, 6),
        (edit_number, 6),
        (edit_time, 6),
        (edit_with_own_hash, 7),
        (delete, 6),
        (delete_and_renumber, 6),
        (exchange, 6),
        (insert_in_between, 6),
        (delete_the_first, 1),
        (cut_the_tail, 6),
        (empty, 1),
        (write_anew_from_the_sixth_row, 5),  # signed rows 5 to 8 hold together, so the first of them is named
        (write_anew_without_the_sixth_row, 5),
        (replace_by_another_log, 1),
    ],
)
def test_whoever_changes_the_log_is_found_out(
    log: Store, tmp_path: Path, tamper: Callable[[Intruder], None], first_bad: int
) -> None:
    assert verify_audit(log, tmp_path).state == "holds"
    intruder = Intruder(log)
    tamper(intruder)
    intruder.close()
    finding = verify_audit(log, tmp_path)
    assert finding.state == "broken"
    assert finding.detail.startswith(f"row {first_bad}:"), finding.detail


def test_an_untouched_log_holds_and_says_how_far_it_is_signed(log: Store, tmp_path: Path) -> None:
    finding = verify_audit(log, tmp_path)
    assert (finding.invariant, finding.state, finding.checked) == (8, "holds", ROWS)
    assert finding.detail == "signed up to row 8"


def test_without_checkpoints_the_finding_says_what_it_cannot_see(log: Store) -> None:
    intruder = Intruder(log)
    cut_the_tail(intruder)
    intruder.close()
    finding = verify_audit(log)
    assert (finding.state, finding.checked) == ("holds", 5)
    assert "cut tail" in finding.detail


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_log set reason = 'x' where seq = 3",
        "delete from audit_log where seq = 12",
        "delete from audit_log",
        "insert into audit_log select 20, occurred_at, actor_id, actor_name, role_code, agency_code, action,"
        " object_type, object_id, before_json, after_json, reason, request_id, 'x', 'y', null from audit_log"
        " where seq = 1",
    ],
)
def test_the_store_itself_lets_nobody_change_the_log(log: Store, statement: str, tmp_path: Path) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|follow one another"), log.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text(statement))
        transaction.audit("x", "y", "z")
    assert verify_audit(log, tmp_path).checked == ROWS


def test_a_row_is_not_replaced_by_the_back_door(log: Store, tmp_path: Path) -> None:
    back_door = (
        "insert or replace into audit_log select * from audit_log where seq = 3" if log.file else "truncate audit_log"
    )
    with pytest.raises(DBAPIError, match=r"append-only|follow one another"), log.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(text(back_door))
        transaction.audit("x", "y", "z")
    assert verify_audit(log, tmp_path).checked == ROWS


def spoil_a_signature(folder: Path) -> None:
    file = folder / "audit" / "checkpoint-000000000004.json"
    file.write_text(file.read_text().replace('"seq":4', '"seq":3'))


def remove_a_checkpoint(folder: Path) -> None:
    (folder / "audit" / "checkpoint-000000000004.json").unlink()


def remove_the_public_key(folder: Path) -> None:
    (folder / "audit" / "public_key.pem").unlink()


def break_the_json(folder: Path) -> None:
    (folder / "audit" / "checkpoint-000000000008.json").write_text("{}")


def forge_the_last_checkpoint(folder: Path) -> None:
    file = folder / "audit" / "checkpoint-000000000008.json"
    said = json.loads(file.read_text())
    said["made_at"] = "2020-01-01T00:00:00.000000Z"
    file.write_text(canonical_json(said))


@pytest.mark.parametrize(
    "spoil", [forge_the_last_checkpoint, spoil_a_signature, remove_a_checkpoint, remove_the_public_key, break_the_json]
)
def test_whoever_changes_the_checkpoints_is_found_out(
    log: Store, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(tmp_path)
    assert verify_audit(log, tmp_path).state == "broken"
    with pytest.raises(Conflict):
        checkpoint_audit(SYSTEM, log, now=NOW, evidence=tmp_path)


def test_nothing_is_signed_over_a_broken_log(log: Store, tmp_path: Path) -> None:
    intruder = Intruder(log)
    intruder.run("update audit_log set reason = 'other' where seq = 11")
    intruder.close()
    with pytest.raises(Conflict, match="row 11"):
        checkpoint_audit(SYSTEM, log, now=NOW, evidence=tmp_path)
    assert len(list((tmp_path / "audit").glob("checkpoint-*"))) == 2


def test_signing_twice_is_signing_once(log: Store, tmp_path: Path) -> None:
    first = checkpoint_audit(SYSTEM, log, now=NOW, evidence=tmp_path)
    assert first is not None
    assert first.seq == ROWS
    assert checkpoint_audit(SYSTEM, log, now=NOW, evidence=tmp_path) is None


def test_the_signing_key_is_nobody_elses_to_read(log: Store, tmp_path: Path) -> None:
    key = next((tmp_path / "keys").iterdir())
    assert key.stat().st_mode & 0o077 == 0
    assert not list((tmp_path / "audit").glob("*ed25519*"))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
ROW = st.builds(
    AuditRow,
    seq=st.integers(1, 10**12),
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    actor_id=TEXT,
    actor_name=TEXT,
    role_code=TEXT,
    agency_code=st.none() | TEXT,
    action=TEXT,
    object_type=TEXT,
    object_id=TEXT,
    before_json=st.none() | TEXT,
    after_json=st.none() | TEXT,
    reason=st.none() | TEXT,
    request_id=st.none() | TEXT,
    prev_hash=TEXT,
)


@given(ROW, ROW)
def test_two_different_rows_never_have_the_same_bytes(one: AuditRow, other: AuditRow) -> None:
    assert (encode(one) == encode(other)) == (one == other)


@given(ROW, st.integers(0, 10**6))
def test_text_moved_from_one_field_to_the_next_gives_other_bytes(row: AuditRow, at: int) -> None:
    whole = row.action + row.object_type
    cut = at % (len(whole) + 1)
    moved = replace(row, action=whole[:cut], object_type=whole[cut:])
    assert (hash_of(moved) == hash_of(row)) == (moved == row)
    assert hash_of(replace(row, reason=None)) != hash_of(replace(row, reason=""))


@given(ROW, st.text("|:,n1 \x1f\n", min_size=1, max_size=2))
def test_a_separator_inside_a_field_does_not_move_its_end(row: AuditRow, separator: str) -> None:
    one = replace(row, action=f"a{separator}b", object_type="c")
    other = replace(row, action="a", object_type=f"b{separator}c")
    assert encode(one) != encode(other)


@given(ROW, st.text("n:1", max_size=2))
def test_a_value_in_the_next_empty_field_gives_other_bytes(row: AuditRow, value: str) -> None:
    assert encode(replace(row, before_json=value, after_json=None)) != encode(
        replace(row, before_json=None, after_json=value)
    )


@given(st.lists(ROW, min_size=1, max_size=8), st.data())
def test_the_first_bad_row_is_named(rows: list[AuditRow], data: st.DataObject) -> None:
    chain = rechained(rows)
    assert first_fault(chain)[2] is None
    bad = data.draw(st.integers(0, len(chain) - 1))
    name = data.draw(st.sampled_from(["action", "object_id", "reason", "actor_id", "after_json"]))
    changed = replace(chain[bad], **{name: (getattr(chain[bad], name) or "") + "!"})
    _, _, fault = first_fault([*chain[:bad], changed, *chain[bad + 1 :]])
    assert fault is not None
    assert fault.seq == bad + 1


def test_rows_from_before_addresses_were_kept_are_spelt_as_they_were() -> None:
    row = AuditRow(
        seq=1, occurred_at=NOW, actor_id="p-1", actor_name="王", role_code="auditor", agency_code=None, action="a.b",
        object_type="thing", object_id="1", before_json=None, after_json="{}", reason=None, request_id=None,
        prev_hash=GENESIS,
    )  # fmt: skip
    moment = "2026-11-24T03:00:00.000005Z"
    assert encode(row).decode() == (
        f"recoup-audit-11:1{len(moment)}:{moment}3:p-11:王7:auditorn3:a.b5:thing1:1n2:{{}}nn64:{GENESIS}"
    )
    assert encode(replace(row, address="203.0.113.7")).decode().startswith("recoup-audit-21:1")


@pytest.mark.parametrize(("planted", "changed"), [("null", 1), ("'203.0.113.9'", 2), ("'203.0.113.9'", 3)])
def test_an_address_that_was_changed_taken_away_or_added_is_found(store: Store, planted: str, changed: int) -> None:
    for number, address in enumerate(("203.0.113.7", None, "203.0.113.8"), 1):
        with store.writing(replace(SYSTEM, address=address), NOW) as transaction:
            transaction.audit("thing.done", "thing", str(number))
    assert verify_audit(store).state == "holds"
    Intruder(store).run(f"update audit_log set address = {planted} where seq = {changed}")
    with store.reading() as connection:
        _, _, fault = first_fault(audit.walk(connection))
    assert fault is not None
    assert fault.seq == changed
