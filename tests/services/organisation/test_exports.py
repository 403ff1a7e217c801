"""Exports as governed acts, on both stores: asked for, released by another, made once, fetched by a link that dies."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from ops_app.domain.errors import DomainError, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.exports import (
    APPROVAL_LIFE,
    MOST_FETCHES,
    ApprovalNeeded,
    ExportState,
    GrownTooMuch,
    MoveNotAllowed,
    NoSuchExport,
    NotTheExport,
)
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.gateways import export_files
from ops_app.gateways.export_files import Made
from ops_app.services.organisation import approvals, exports, people
from ops_app.services.organisation import export_releasing as releasing
from ops_app.services.organisation.exports import Asked, Export
from ops_app.store.store import Store
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation.approving import a_person
from tests.services.organisation.conftest import NOW, someone

ROWS_WITHOUT_APPROVAL = 1_000
MANY = ROWS_WITHOUT_APPROVAL + 1
LINK_LIFE = timedelta(hours=24)
ADMINISTRATOR = someone(Role.ADMINISTRATOR)


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_person(store, "maker", Role.ANALYST)


@pytest.fixture
def checker(store: Store) -> Actor:
    return a_person(store, "checker", Role.MANAGER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "exports"


def asked(**changes: object) -> Asked:
    made = Asked("cases", "Cases", {"state": "open", "text": ""}, MANY, "csv", "audit of the month", "/cases?x=1")
    return replace(made, **changes)


def release(store: Store, checker: Actor, one: Export, now=NOW) -> None:
    (request,) = approvals.requests_on(checker, store, now=now, object_type="export", object_id=one.number)
    approvals.approve(
        checker, store, now=now, request_id=request.request_id, expected_version=request.version,
        content_hash=request.content_hash, key=uuid4().hex,
    )  # fmt: skip


def released(store: Store, maker: Actor, checker: Actor) -> Export:
    one = releasing.request_export(maker, store, now=NOW, asked=asked())
    release(store, checker, one)
    return read(store, maker, one)


def ready(store: Store, maker: Actor, checker: Actor, folder: Path, data: bytes = b"rows") -> Export:
    one = released(store, maker, checker)
    return export_files.make_file(maker, store, folder, now=NOW, export=one, make=lambda: Made(data, MANY))[0]


def read(store: Store, maker: Actor, one: Export) -> Export:
    rows = exports.list_my_exports(maker, store, now=NOW).rows
    return next(row for row in rows if row.export_id == one.export_id)


def fetch(store: Store, actor: Actor, folder: Path, export_id: str, now=NOW) -> bytes:
    return export_files.fetch_file(actor, store, folder, now=now, export_id=export_id)[1]


def audited(store: Store) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars()
        return [action for action in rows if action.startswith(("export.", "rows."))]


def test_few_rows_are_handed_over_with_a_reason(store: Store, maker: Actor) -> None:
    one = exports.record_export(maker, store, now=NOW, asked=asked(rows=ROWS_WITHOUT_APPROVAL))
    assert one.filters == {"state": "open"}
    assert one.file_name.endswith(f"{one.number}.csv")
    assert audited(store) == ["rows.export"]
    with pytest.raises(ApprovalNeeded):
        exports.record_export(maker, store, now=NOW, asked=asked())
    assert len(exports.list_my_exports(maker, store, now=NOW).rows) == 1


def test_many_small_exports_of_a_day_need_approval_as_a_large_one_does(
    store: Store, maker: Actor, checker: Actor
) -> None:
    half = asked(rows=ROWS_WITHOUT_APPROVAL // 2)
    later = NOW + timedelta(hours=1)
    exports.record_export(maker, store, now=NOW, asked=half)
    assert exports.rows_without_approval(maker, store, now=later) == ROWS_WITHOUT_APPROVAL // 2
    exports.record_export(maker, store, now=later, asked=half)
    assert exports.rows_without_approval(maker, store, now=later) == 0
    with pytest.raises(ApprovalNeeded, match="left to you of 1000 within 24 hours"):
        exports.record_export(maker, store, now=later, asked=asked(rows=1))
    assert exports.rows_without_approval(checker, store, now=later) == ROWS_WITHOUT_APPROVAL  # each has their own
    assert releasing.request_export(maker, store, now=later, asked=asked(rows=1)).kept_state is ExportState.REQUESTED
    next_day = NOW + timedelta(hours=24)
    assert exports.rows_without_approval(maker, store, now=next_day) == ROWS_WITHOUT_APPROVAL // 2
    exports.record_export(maker, store, now=next_day, asked=half)


def test_exports_at_the_same_moment_are_counted_one_after_another(store: Store, maker: Actor) -> None:
    """Six presses of 400 rows at once: two leave."""
    answers: list[object] = []

    def press() -> None:
        try:
            answers.append(exports.record_export(maker, store, now=NOW, asked=asked(rows=400)))
        except ApprovalNeeded as error:
            answers.append(error)

    threads = [threading.Thread(target=press) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [isinstance(one, Export) for one in answers].count(True) == 2
    assert len(answers) == 6


@pytest.mark.parametrize(
    ("field", "changes"),
    [("reason", {"reason": " "}), ("reason", {"reason": "ok"}), ("reason", {"reason": "x" * 301}),
     ("reason", {"reason": "a\x00bc"}), ("file_format", {"file_format": "pdf"})],
)  # fmt: skip
def test_an_export_says_why_and_in_which_format(store: Store, maker: Actor, field: str, changes: dict) -> None:
    for act, rows in ((exports.record_export, 1), (releasing.request_export, MANY)):
        with pytest.raises(Invalid) as refused:
            act(maker, store, now=NOW, asked=asked(rows=rows, **changes))
        assert refused.value.field == field


def test_many_rows_are_released_by_another_made_once_and_fetched(
    store: Store, maker: Actor, checker: Actor, folder: Path
) -> None:
    one = releasing.request_export(maker, store, now=NOW, asked=asked())
    assert one.state(NOW) is ExportState.REQUESTED
    with pytest.raises(MoveNotAllowed):
        export_files.make_file(maker, store, folder, now=NOW, export=one, make=lambda: Made(b"", 0))
    release(store, checker, one)
    one = read(store, maker, one)
    assert one.state(NOW) is ExportState.RELEASED
    made, data = export_files.make_file(maker, store, folder, now=NOW, export=one, make=lambda: Made(b"rows", MANY))
    assert (data, made.state(NOW)) == (b"rows", ExportState.READY)
    with pytest.raises(MoveNotAllowed):
        export_files.make_file(maker, store, folder, now=NOW, export=one, make=lambda: Made(b"other", MANY))
    assert fetch(store, maker, folder, one.export_id) == b"rows"
    (kept,) = folder.iterdir()
    assert kept.name.startswith(one.export_id)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert audited(store) == ["export.requested", "export.released", "export.made", "export.fetched"]


def test_the_same_rows_asked_for_again_are_the_same_request(store: Store, maker: Actor) -> None:
    first = releasing.request_export(maker, store, now=NOW, asked=asked())
    again = releasing.request_export(maker, store, now=NOW, asked=asked(reason="another reason"))
    assert again.export_id == first.export_id
    assert releasing.request_export(maker, store, now=NOW, asked=asked(filters={})).export_id != first.export_id
    found = exports.own_export_like(
        maker, store, now=NOW, what="cases", filters={"text": "", "state": "open"}, file_format="csv"
    )
    assert found == first


def test_nobody_releases_their_own_export(store: Store, checker: Actor) -> None:
    one = releasing.request_export(checker, store, now=NOW, asked=asked())
    with pytest.raises(OwnRequest):
        release(store, checker, one)
    arguments = one.facts() | {"title": one.title}
    with pytest.raises(Refused), store.writing(checker, NOW) as transaction:
        releasing.run_release(transaction, arguments)


def test_an_approver_reads_what_will_be_made_and_nothing_smaller(store: Store, maker: Actor, checker: Actor) -> None:
    one = releasing.request_export(maker, store, now=NOW, asked=asked())
    (request,) = approvals.requests_on(checker, store, now=NOW, object_type="export", object_id=one.number)
    approvals.return_request(
        checker, store, now=NOW, request_id=request.request_id, expected_version=request.version,
        content_hash=request.content_hash, reason="fewer rows please", key="r",
    )  # fmt: skip
    again = {"now": NOW, "request_id": request.request_id, "expected_version": request.version + 1, "reason": "again"}
    for tampered in ({"rows": 10}, {"filters": {}}, {"title": "Harmless"}):
        with pytest.raises(NotTheExport):
            approvals.resubmit(maker, store, arguments={**request.arguments, **tampered}, key=uuid4().hex, **again)
    assert read(store, maker, one).state(NOW) is ExportState.REQUESTED
    approvals.resubmit(maker, store, arguments=request.arguments, key="same", **again)
    release(store, checker, one)
    assert read(store, maker, one).state(NOW) is ExportState.RELEASED
    with pytest.raises(NotTheExport), store.writing(checker, NOW) as transaction:
        releasing.run_release(transaction, {**request.arguments, "rows": 10})


def test_a_rejected_request_has_ended_and_may_be_asked_anew(store: Store, maker: Actor, checker: Actor) -> None:
    one = releasing.request_export(maker, store, now=NOW, asked=asked())
    (request,) = approvals.requests_on(checker, store, now=NOW, object_type="export", object_id=one.number)
    approvals.reject(
        checker, store, now=NOW, request_id=request.request_id, expected_version=request.version,
        content_hash=request.content_hash, reason="not needed", key="r",
    )  # fmt: skip
    assert read(store, maker, one).state(NOW) is ExportState.ENDED
    assert releasing.request_export(maker, store, now=NOW, asked=asked()).export_id != one.export_id


def test_an_approval_waits_only_so_long_and_for_so_many_rows(
    store: Store, maker: Actor, checker: Actor, folder: Path
) -> None:
    one = released(store, maker, checker)
    with pytest.raises(GrownTooMuch):
        export_files.make_file(maker, store, folder, now=NOW, export=one, make=lambda: Made(b"", MANY * 2))
    late = NOW + APPROVAL_LIFE
    with pytest.raises(MoveNotAllowed):
        export_files.make_file(maker, store, folder, now=late, export=one, make=lambda: Made(b"", MANY))
    with pytest.raises(MoveNotAllowed):
        exports.finish_export(maker, store, now=late, export_id=one.export_id, rows=MANY, sha256="0" * 64, size=1)


def test_a_link_dies_at_its_moment(store: Store, maker: Actor, checker: Actor, folder: Path) -> None:
    one = ready(store, maker, checker, folder)
    assert fetch(store, maker, folder, one.export_id, NOW + LINK_LIFE - timedelta(seconds=1))
    with pytest.raises(NoSuchExport):
        fetch(store, maker, folder, one.export_id, NOW + LINK_LIFE)


def test_a_link_is_used_up(store: Store, maker: Actor, checker: Actor, folder: Path) -> None:
    one = ready(store, maker, checker, folder)
    got: list[object] = []

    def take() -> None:
        try:
            got.append(fetch(store, maker, folder, one.export_id))
        except DomainError as refused:
            got.append(refused)

    takers = [threading.Thread(target=take) for _ in range(MOST_FETCHES + 3)]
    for each in takers:
        each.start()
    for each in takers:
        each.join()
    assert got.count(b"rows") <= MOST_FETCHES
    for _ in range(MOST_FETCHES):
        take()
    assert got.count(b"rows") == MOST_FETCHES
    assert audited(store).count("export.fetched") == MOST_FETCHES


def test_a_link_works_for_nobody_else_and_all_refusals_are_alike(
    store: Store, maker: Actor, checker: Actor, folder: Path
) -> None:
    one = ready(store, maker, checker, folder)
    waiting = releasing.request_export(maker, store, now=NOW, asked=asked(filters={}))
    other = a_person(store, "other", Role.ANALYST)
    moved = replace(maker, role=Role.SUPERVISOR)
    fallen = replace(maker, role=Role.COLLECTOR, agency_code="A01")
    tries = [
        (other, one.export_id), (checker, one.export_id), (moved, one.export_id), (fallen, one.export_id),
        (maker, "0" * 32), (maker, one.number), (maker, ""), (maker, "../../ops.db"), (maker, waiting.export_id),
    ]  # fmt: skip
    answers = set()
    for actor, export_id in tries:
        with pytest.raises(NotFound) as refused:
            fetch(store, actor, folder, export_id)
        answers.add((type(refused.value), refused.value.en, refused.value.zh))
    assert len(answers) == 1
    assert "export.fetched" not in audited(store)
    with pytest.raises(NotFound):
        exports.finish_export(other, store, now=NOW, export_id=one.export_id, rows=1, sha256="0" * 64, size=1)


@pytest.mark.parametrize("what", ["deactivated", "role changed", "role changed back"])
def test_access_that_ends_ends_the_link(store: Store, maker: Actor, checker: Actor, folder: Path, what: str) -> None:
    one = ready(store, maker, checker, folder)
    waiting = releasing.request_export(maker, store, now=NOW, asked=asked(filters={}))
    common = {"now": NOW, "person_id": maker.person_id, "reason": "moved"}
    if what == "deactivated":
        people.deactivate_person(ADMINISTRATOR, store, version=1, **common)
    else:
        people.change_role(ADMINISTRATOR, store, version=1, role=Role.AUDITOR, **common)
    if what == "role changed back":
        people.change_role(ADMINISTRATOR, store, version=2, role=Role.ANALYST, **common)
    with pytest.raises(NoSuchExport):
        fetch(store, maker, folder, one.export_id)
    assert read(store, maker, one).ended_because == what.replace(" back", "").replace(" ", "_")
    with pytest.raises(NotCarriedOut):
        release(store, checker, waiting)
    assert audited(store).count("export.ended") == 2


def test_a_file_that_was_changed_or_is_gone_is_not_given(
    store: Store, maker: Actor, checker: Actor, folder: Path
) -> None:
    one = ready(store, maker, checker, folder)
    (path,) = folder.iterdir()
    path.write_bytes(b"rows of somebody else")
    with pytest.raises(NoSuchExport):
        fetch(store, maker, folder, one.export_id)
    path.unlink()
    with pytest.raises(NoSuchExport):
        fetch(store, maker, folder, one.export_id)


def test_files_of_dead_links_are_swept_and_living_ones_stay(
    store: Store, maker: Actor, checker: Actor, folder: Path
) -> None:
    one = ready(store, maker, checker, folder)
    (living,) = folder.iterdir()
    stray = folder / f"{uuid4().hex}.0123456789abcdef.export"
    stray.write_bytes(b"never finished")
    long_after = NOW + timedelta(days=3650)
    assert export_files.sweep(maker, store, folder, now=NOW) == 0
    assert fetch(store, maker, folder, one.export_id) == b"rows"
    assert export_files.sweep(maker, store, folder, now=long_after) == 2
    assert not living.exists()
    assert not stray.exists()


@pytest.mark.parametrize("agency", [None, "A01"])
@pytest.mark.parametrize("role", [Role.COLLECTOR, Role.FIELD_VISITOR])
def test_collectors_and_field_visitors_take_no_rows(role: Role, agency: str | None) -> None:
    for act in (exports.record_export, releasing.request_export, exports.finish_export, exports.list_my_exports):
        with pytest.raises(Refused):
            act(someone(role, agency), None, now=NOW)


def test_the_page_of_one_is_of_ones_own(store: Store, maker: Actor, checker: Actor) -> None:
    releasing.request_export(maker, store, now=NOW, asked=asked())
    assert exports.list_my_exports(maker, store, now=NOW).total == 1
    assert exports.list_my_exports(checker, store, now=NOW).total == 0
    with pytest.raises(Invalid):
        exports.list_my_exports(maker, store, now=NOW, page=0)


@pytest.mark.parametrize(
    "wrong",
    ["state = 'gone'", "file_format = 'exe'", "fetches = -1", "released_by = requested_by", "state = 'released'",
     "state = 'ready'", "state = 'ended'"],
)  # fmt: skip
def test_the_store_itself_refuses_what_must_not_be(store: Store, maker: Actor, wrong: str) -> None:
    releasing.request_export(maker, store, now=NOW, asked=asked())
    with pytest.raises(Exception, match=r"(?i)check"), store._writers.begin() as connection:
        connection.execute(text(f"update exports set {wrong}"))


def test_links_end_with_the_agency_too(store: Store, maker: Actor) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        assert exports.end_exports_of(transaction, agency_code="A01", because="placement_ended") == 0
        assert exports.end_exports_of(transaction, person_id=maker.person_id, because="left") == 0
        with pytest.raises(ValueError, match="whose"):
            exports.end_exports_of(transaction, because="nothing")
    one = releasing.request_export(maker, store, now=NOW, asked=asked())
    with store.writing(SYSTEM, NOW) as transaction:
        assert exports.end_exports_of(transaction, person_id=maker.person_id, because="left") == 1
    assert read(store, maker, one).state(NOW) is ExportState.ENDED
