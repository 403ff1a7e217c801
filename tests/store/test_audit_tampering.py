"""The audit log against whoever has the database in hand: kinds of tampering × random places, each found and named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete, event, insert, text, update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json
from ops_app.domain.organisation.audit import AuditRow, sealed
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.organisation.audit import checkpoint_audit
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.organisation import audit
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.store.test_audit_chain import Intruder

NOW = datetime(2026, 11, 24, 3, 0, 0, 5, tzinfo=UTC)
ROWS, SIGNED_EVERY = 60, 12
TEXTS = (
    "actor_id",
    "actor_name",
    "role_code",
    "action",
    "object_type",
    "object_id",
    "after_json",
    "reason",
    "row_hash",
)
STREAM = random.Random(20261124)


@dataclass
class Attack:
    """The log as it was, somebody with a connection to it, and the folder of checkpoints."""

    rows: list[AuditRow]
    connection: Connection
    evidence: Path

    def set(self, seq: int, **values: object) -> None:
        self.connection.execute(update(audit_log).where(audit_log.c.seq == seq).values(**values))

    def write(self, rows: list[AuditRow]) -> None:
        self.connection.execute(delete(audit_log))
        self.connection.execute(insert(audit_log), [vars(row) for row in rows])


def edit(at: Attack, place: int) -> int:
    column = STREAM.choice(TEXTS)
    old = str(getattr(at.rows[place - 1], column))
    at.set(place, **{column: STREAM.choice([old[:-1], "y" + old[1:]])})
    return place


def remove(at: Attack, place: int) -> int:
    at.connection.execute(delete(audit_log).where(audit_log.c.seq == place))
    if STREAM.random() < 0.5:  # and close the gap
        at.write([row if row.seq < place else replace(row, seq=row.seq - 1) for row in at.rows if row.seq != place])
    return place


def put_in(at: Attack, place: int) -> int:
    """A forged row; or one that is sealed onto the row before it and before the next, which then is another itself."""
    before = at.rows[place - 2].row_hash if place > 1 else "0" * 64
    rest = [replace(row, seq=row.seq + 1) for row in at.rows[place - 1 :]]
    is_sealed = STREAM.random() < 0.5
    forged = replace(at.rows[place - 1], object_id="forged", prev_hash=before if is_sealed else "f" * 64)
    if is_sealed:
        forged = sealed(forged)
        rest[0] = replace(rest[0], prev_hash=forged.row_hash)
    at.write([*at.rows[: place - 1], forged, *rest])
    if is_sealed and place % SIGNED_EVERY == 0:
        return place - SIGNED_EVERY + 1  # it took the place of a signed row: all that was signed with that one is named
    return place + is_sealed


def reorder(at: Attack, place: int) -> int:
    other = STREAM.choice([seq for seq in range(1, ROWS + 1) if seq != place])
    first, second = sorted((place, other))
    rows = list(at.rows)
    rows[first - 1] = replace(at.rows[second - 1], seq=first)
    rows[second - 1] = replace(at.rows[first - 1], seq=second)
    at.write(rows)
    return first


def cut_the_tail(at: Attack, place: int) -> int:
    at.connection.execute(delete(audit_log).where(audit_log.c.seq >= place))
    return place


def replace_a_checkpoint(at: Attack, place: int) -> int:
    """Another signature, another hash, another row, or one by a key of one's own; the log itself is as it was."""
    seq = -(-place // SIGNED_EVERY) * SIGNED_EVERY
    file = at.evidence / "audit" / f"checkpoint-{seq:012d}.json"
    said = json.loads(file.read_text(encoding="utf-8"))
    how = STREAM.choice(["signature", "row_hash", "made_at", "own key"])
    if how == "signature":
        said["signature"] = said["signature"][:-2] + ("00" if said["signature"][-2:] != "00" else "01")
    else:
        said["row_hash" if how == "own key" else how] = "f" * 64
    if how == "own key":
        signed = {name: value for name, value in said.items() if name != "signature"}
        said["signature"] = Ed25519PrivateKey.generate().sign(canonical_json(signed).encode()).hex()
    file.write_text(canonical_json(said) + "\n", encoding="utf-8")
    return seq


def change_time(at: Attack, place: int) -> int:
    at.set(place, occurred_at=at.rows[place - 1].occurred_at + timedelta(microseconds=STREAM.choice([-1, 1, 10**9])))
    return place


def exchange_fields(at: Attack, place: int) -> int:
    """Who did what to what changes places between two rows; times, numbers and hashes stay."""
    other = STREAM.choice([seq for seq in range(1, ROWS + 1) if seq != place])
    one, two = at.rows[place - 1], at.rows[other - 1]
    names = ("object_id", "reason", "after_json")
    at.set(place, **{name: getattr(two, name) for name in names})
    at.set(other, **{name: getattr(one, name) for name in names})
    return min(place, other)


KINDS: tuple[Callable[[Attack, int], int], ...] = (
    edit, remove, put_in, reorder, cut_the_tail, replace_a_checkpoint, change_time, exchange_fields,
)  # fmt: skip


@pytest.fixture
def log(store: Store, tmp_path: Path) -> Iterator[Store]:
    """Audited acts, all of them signed, in a store without its triggers; the signing key is elsewhere."""
    for number in range(1, ROWS + 1):
        with store.writing(SYSTEM, NOW + timedelta(seconds=number)) as transaction:
            transaction.audit("thing.done", "thing", f"t{number}", after={"n_minor": number}, reason=f"因为 {number}")
        if number % SIGNED_EVERY == 0:
            checkpoint_audit(SYSTEM, store, now=NOW, evidence=tmp_path)
    shutil.rmtree(tmp_path / "keys")
    intruder = Intruder(store)
    intruder.close()
    if store.file:  # the disk need not keep what is put back a moment later
        store._writers.dispose()
        event.listen(store._writers, "connect", lambda opened, _: opened.execute("pragma synchronous = off"))
    return store


def tried(log: Store, evidence: Path, kind: Callable[[Attack, int], int], place: int, rows: list[AuditRow]) -> Any:
    """One attack, what the verifier says of it, and everything put back; ``None`` when it was found and named."""
    files = {path: path.read_bytes() for path in (evidence / "audit").glob("checkpoint-*.json")}
    with log._writers.begin() as connection:
        first_bad = kind(Attack(rows, connection, evidence), place)
    finding = verify_audit(log, evidence)
    with log._writers.begin() as connection:
        Attack(rows, connection, evidence).write(rows)
    for path, content in files.items():
        path.write_bytes(content)
    found = finding.state == "broken" and finding.detail.startswith(f"row {first_bad}:")
    return None if found else (kind.__name__, place, first_bad, finding.state, finding.detail)


def _each_kind(log: Store, evidence: Path, places: int, capsys: pytest.CaptureFixture[str]) -> None:
    with log.reading() as connection:
        rows = list(audit.walk(connection))
    assert verify_audit(log, evidence).state == "holds", "the public key alone is enough"
    missed = []
    for kind in KINDS:
        missed += [it for _ in range(places) if (it := tried(log, evidence, kind, STREAM.randint(1, ROWS), rows))]
    with capsys.disabled():
        done = len(KINDS) * places
        print(f"\naudit tampering ({log.dialect}): {len(KINDS)} kinds × {places} places = {done}, missed {len(missed)}")
    assert missed == []
    assert verify_audit(log, evidence).state == "holds", "everything was put back"


def test_every_kind_of_tampering_is_found_and_its_first_row_named(
    log: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _each_kind(log, tmp_path, 12, capsys)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_every_kind_of_tampering_is_found_in_a_thousand_places(
    log: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _each_kind(log, tmp_path, 1_000, capsys)


def test_what_is_no_row_at_all_is_named_and_stops_no_verifier(log: Store, tmp_path: Path) -> None:
    if log.dialect != "sqlite":
        return  # PostgreSQL keeps no such value
    with log._writers.begin() as connection:
        connection.execute(text("update audit_log set occurred_at = 'yesterday' where seq = 37"))
    finding = verify_audit(log, tmp_path)
    assert (finding.state, finding.detail) == ("broken", "row 37: row 37 cannot be read")


def test_a_log_signed_anew_by_another_key_is_found_with_a_public_key_kept_elsewhere(log: Store, tmp_path: Path) -> None:
    folder, kept = tmp_path / "audit", tmp_path / "kept.pem"
    shutil.copy(folder / "public_key.pem", kept)
    own = Ed25519PrivateKey.generate()
    (folder / "public_key.pem").write_bytes(
        own.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for path in sorted(folder.glob("checkpoint-*.json")):
        path.unlink()
    with log.reading() as connection:
        seq, row_hash = audit.head(connection)
    said = {"format": "recoup-checkpoint-1", "seq": seq, "row_hash": row_hash, "made_at": NOW, "previous": None}
    signed = json.loads(canonical_json(said))
    signature = own.sign(canonical_json(signed).encode()).hex()
    (folder / f"checkpoint-{seq:012d}.json").write_text(canonical_json({**signed, "signature": signature}))
    assert verify_audit(log, tmp_path).state == "holds", "whoever replaces key and checkpoints fools who believes both"
    finding = verify_audit(log, tmp_path, kept)
    assert (finding.state, finding.detail.split(":")[0]) == ("broken", f"row {seq}")
