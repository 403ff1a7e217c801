"""Imports in the store: the table of moves, versions that tell, what is audited, what the store itself refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.imports import (
    MOVES,
    CodeTooLong,
    ImportChanged,
    ImportMove,
    ImportMoveNotAllowed,
    ImportState,
    ImportUsed,
    NoSuchImport,
    agency_of_source,
    checked_file_name,
    date_in_name,
    move,
    source_of_agency,
)
from ops_app.domain.organisation.people import AGENCY_ROLES, SYSTEM, Actor, Role
from ops_app.services.organisation import import_work, imports, runs
from ops_app.services.organisation.import_work import LoadOutcome, ReadOutcome
from ops_app.services.organisation.imports import FileHereAlready, Import, Upload
from ops_app.store.store import Store
from ops_app.store.tables.imports import imports as table
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import a_collector

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
WHY = "a good reason"


@pytest.fixture
def operator(store: Store) -> Actor:
    return a_collector(store, "olga", role=Role.OPERATOR)


def upload(name: str = "repayments_2026-11-23.csv", content: str = "a", feed: str = "repayments") -> Upload:
    return Upload(name, content * 64, 10, date(2026, 11, 23), "standard", feed, feed, "SIM")


def entered(store: Store, actor: Actor, given: Upload | None = None, key: str = "k1") -> Import:
    return imports.enter_import(
        actor, store, now=NOW, today=TODAY, import_id=imports.new_import_id(), upload=given or upload(), key=key
    )


def previewed(store: Store, actor: Actor, **other: object) -> Import:
    one = entered(store, actor, **other)  # type: ignore[arg-type]
    return import_work.note_read(SYSTEM, store, now=NOW, one=one, found=ReadOutcome(10, 8, 2, None))


def applied(store: Store, actor: Actor, **other: object) -> Import:
    one = previewed(store, actor, **other)
    one = imports.confirm_import(actor, store, now=NOW, import_id=one.import_id, expected_version=one.version)
    one = import_work.note_applying(SYSTEM, store, now=NOW, one=one, file_id="f" * 64, repeats_before=0)
    did = LoadOutcome("f" * 64, 10, 8, 2, 0, False, {})
    return import_work.note_applied(SYSTEM, store, now=NOW, one=one, did=did)


def test_every_pair_of_state_and_move_is_allowed_or_refused_as_the_table_says() -> None:
    for state, what in product(ImportState, ImportMove):
        if what in MOVES[state]:
            assert move(state, what) is MOVES[state][what]
        else:
            with pytest.raises(ImportMoveNotAllowed):
                move(state, what)


def test_an_import_goes_its_way_and_every_step_is_audited_without_a_value_of_any_row(
    store: Store, operator: Actor
) -> None:
    one = previewed(store, operator)
    one = imports.correct_import_row(
        operator, store, now=NOW, import_id=one.import_id, expected_version=one.version, line_no=3,
        columns={"amount"}, decision="replay", corrected={"amount": "1234567.89"}, reason=WHY,
    )  # fmt: skip
    assert one.state is ImportState.READING
    one = import_work.note_read(SYSTEM, store, now=NOW, one=one, found=ReadOutcome(10, 9, 1, None))
    one = imports.confirm_import(operator, store, now=NOW, import_id=one.import_id, expected_version=one.version)
    one = import_work.note_applying(SYSTEM, store, now=NOW, one=one, file_id="f" * 64, repeats_before=0)
    did = LoadOutcome("f" * 64, 10, 9, 1, 0, False, {3: "accepted"})
    one = import_work.note_applied(SYSTEM, store, now=NOW, one=one, did=did)
    one = imports.ask_reversal(
        operator, store, now=NOW, import_id=one.import_id, expected_version=one.version, reason=WHY
    )
    one = import_work.note_reversed(SYSTEM, store, now=NOW, one=one)
    assert one.state is ImportState.REVERSED
    with store.reading() as connection:
        said = connection.execute(
            select(audit_log.c.action, audit_log.c.after_json).where(audit_log.c.object_type == "import")
        ).all()  # fmt: skip
    assert [action.removeprefix("import.") for action, _ in said] == [
        "uploaded", "read", "corrected", "read", "confirmed", "applying", "applied", "reversal_asked", "reversed",
    ]  # fmt: skip
    assert not any("1234567.89" in str(after) for _, after in said)
    (row,) = imports.read_corrections(operator, store, now=NOW, import_id=one.import_id)
    assert (row.outcome, row.corrected) == ("accepted", {"amount": "1234567.89"})


def test_the_second_of_two_people_is_told_who_changed_it(store: Store, operator: Actor) -> None:
    other = a_collector(store, "oscar", role=Role.OPERATOR)
    one = previewed(store, operator)
    common = {"now": NOW, "import_id": one.import_id, "expected_version": one.version}
    imports.confirm_import(other, store, **common)
    with pytest.raises(ImportChanged, match="Oscar changed this import meanwhile; it is waiting to be applied"):
        imports.discard_import(operator, store, reason=WHY, **common)


def test_the_same_key_is_one_import_and_the_same_bytes_are_refused_until_it_is_over(
    store: Store, operator: Actor
) -> None:
    one = entered(store, operator)
    assert entered(store, operator) == one
    with pytest.raises(FileHereAlready, match="Nothing was done"):
        entered(store, operator, key="k2")
    with pytest.raises(Conflict):
        entered(store, operator, upload(content="b"))
    imports.discard_import(operator, store, now=NOW, import_id=one.import_id, expected_version=1, reason=WHY)
    assert entered(store, operator, key="k3").import_id != one.import_id


def test_an_import_is_used_by_any_run_under_way_since_it_was_applied_but_not_by_earlier_or_other_imports(
    store: Store, operator: Actor
) -> None:
    early = runs.start_run(SYSTEM, store, now=NOW - timedelta(hours=1), kind="day", business_date=TODAY)
    runs.end_run(SYSTEM, store, now=NOW - timedelta(minutes=1), run_id=early, succeeded=True, detail={})
    one = applied(store, operator)
    common = {"now": NOW, "import_id": one.import_id, "expected_version": one.version, "reason": WHY}
    other = runs.start_run(SYSTEM, store, now=NOW, kind="import", business_date=TODAY)
    runs.end_run(SYSTEM, store, now=NOW, run_id=other, succeeded=True, detail={})
    import_work.check_unused(SYSTEM, store, now=NOW, import_id=one.import_id, run_id=other)
    later = runs.start_run(SYSTEM, store, now=NOW + timedelta(minutes=1), kind="intraday", business_date=TODAY)
    import_work.check_unused(SYSTEM, store, now=NOW, import_id=one.import_id, run_id=later)
    with pytest.raises(ImportUsed):
        imports.ask_reversal(operator, store, **common)
    runs.end_run(SYSTEM, store, now=NOW + timedelta(minutes=2), run_id=later, succeeded=False, detail={})
    with pytest.raises(ImportUsed, match="intraday of 2026-11-24"):
        imports.ask_reversal(operator, store, **common)


@pytest.mark.parametrize("feed", ["loan_totals", "loan_keys"])
def test_feeds_from_which_others_are_worked_out_never_go_back(store: Store, operator: Actor, feed: str) -> None:
    one = applied(store, operator, given=upload(feed=feed))
    with pytest.raises(ImportUsed, match="worked out from this feed"):
        imports.ask_reversal(
            operator, store, now=NOW, import_id=one.import_id, expected_version=one.version, reason=WHY
        )


@pytest.mark.parametrize(
    "role", sorted(set(Role) - {Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE, Role.SYSTEM} - AGENCY_ROLES)
)
def test_nobody_else_imports_and_a_missing_import_is_no_import(store: Store, operator: Actor, role: Role) -> None:
    one = previewed(store, operator)
    stranger = Actor("p-x", "X", role)
    for act in (imports.confirm_import, imports.discard_import, imports.ask_reversal):
        more = {} if act is imports.confirm_import else {"reason": WHY}
        with pytest.raises(Refused):
            act(stranger, store, now=NOW, import_id=one.import_id, expected_version=one.version, **more)
    with pytest.raises(NoSuchImport):
        imports.read_import(operator, store, now=NOW, import_id="0" * 32)


@pytest.fixture
def agent(store: Store) -> Actor:
    return a_collector(store, "gao", "AG01", Role.AGENCY_SUPERVISOR)


def of_agency(code: str = "AG01", feed: str = "notes", content: str = "a") -> Upload:
    given = upload(name="notes_2026-11-23.csv", feed=feed, content=content)
    return replace(given, template="agency", source_code=f"AG-{code}")


def test_an_agency_reaches_what_it_brought_itself_and_nothing_else(store: Store, operator: Actor, agent: Actor) -> None:
    theirs = previewed(store, operator)
    one = entered(store, agent, of_agency(), key="k1")  # a key of its own, though the other house used it
    assert (one.agency_code, one.source_code) == ("AG01", "AG-AG01")
    hers = replace(agent, agency_code="AG02")
    acts = {"confirm_import": {}, "discard_import": {"reason": WHY}, "ask_reversal": {"reason": WHY},
            "type_totals": {"typed_rows": 1, "typed_sum": None}}  # fmt: skip
    for stranger, import_id in ((agent, theirs.import_id), (hers, one.import_id), (hers, "0" * 32)):
        for name, more in acts.items():
            with pytest.raises(NoSuchImport):
                getattr(imports, name)(stranger, store, now=NOW, import_id=import_id, expected_version=1, **more)
        with pytest.raises(NoSuchImport):
            imports.read_import(stranger, store, now=NOW, import_id=import_id)
    assert [row.import_id for row in imports.list_imports(agent, store, now=NOW).rows] == [one.import_id]
    assert imports.list_imports(hers, store, now=NOW).total == 0
    assert imports.list_imports(operator, store, now=NOW).total == 2
    assert imports.read_import(operator, store, now=NOW, import_id=one.import_id) == one


@pytest.mark.parametrize(
    "given", [upload(), of_agency(code="AG02"), of_agency(feed="repayments")], ids=["lender", "other agency", "feed"]
)
def test_an_agency_brings_notes_calls_and_reported_payments_under_its_own_source_alone(
    store: Store, agent: Actor, given: Upload
) -> None:
    with pytest.raises(NotFound):
        entered(store, agent, given)


def test_nobody_of_the_asset_company_brings_a_file_in_the_name_of_an_agency(store: Store, operator: Actor) -> None:
    with pytest.raises(NotFound):
        entered(store, operator, of_agency())


def test_a_long_agency_code_has_no_files_and_is_told_why() -> None:
    assert agency_of_source(source_of_agency("A" * 29)) == "A" * 29
    assert agency_of_source("SIM") is None
    with pytest.raises(CodeTooLong):
        source_of_agency("A" * 30)


def test_control_totals_are_typed_anew_until_the_import_is_confirmed(store: Store, operator: Actor) -> None:
    one = previewed(store, operator)
    typed = imports.type_totals(
        operator, store, now=NOW, import_id=one.import_id, expected_version=one.version, typed_rows=3, typed_sum="9.50"
    )
    assert (typed.state, typed.typed_rows, typed.typed_sum, typed.rows_agree) == (ImportState.READING, 3, "9.50", False)
    with pytest.raises(ImportChanged):
        imports.type_totals(
            operator, store, now=NOW, import_id=one.import_id, expected_version=one.version, typed_rows=3,
            typed_sum=None,
        )  # fmt: skip
    done = applied(store, operator, given=upload(content="b"), key="k2")
    with pytest.raises(ImportMoveNotAllowed):
        import_work.state_totals(SYSTEM, store, now=NOW, import_id=done.import_id, typed_rows=1, typed_sum=None)


@pytest.mark.parametrize(
    ("field", "change"),
    [("file", {"file_name": "a.exe"}), ("file", {"file_name": ".csv"}), ("file_date", {"file_date": None}),
     ("file_date", {"file_date": TODAY + timedelta(days=1)})],
)  # fmt: skip
def test_a_wrong_upload_is_refused_beside_its_field(
    store: Store, operator: Actor, field: str, change: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as refused:
        entered(store, operator, Upload(**{**vars(upload()), **change}))
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a.csv", "a.csv"), ("C:\\x\\还款.XLSX", "还款.XLSX"), ("../../etc/x.csv.gz", "x.csv.gz"),
     ("..a\x00b.csv", "a_b.csv"), ("x" * 300 + ".csv.zst", "x" * 112 + ".csv.zst")],
)  # fmt: skip
def test_a_file_name_is_kept_as_a_plain_name(name: str, kept: str) -> None:
    assert checked_file_name(name) == kept


def test_the_date_of_a_file_is_read_from_its_name() -> None:
    assert date_in_name("还款_2026-03-06.csv") == date_in_name("r20260306.csv") == date(2026, 3, 6)
    assert date_in_name("r2026-13-06.csv") is date_in_name("123456789.csv") is None


@pytest.mark.parametrize("wrong", [{"rows_in": 9}, {"state": "gone"}, {"state": "applied"}, {"version": 0}])
def test_the_store_itself_refuses_an_import_that_does_not_add_up(
    store: Store, operator: Actor, wrong: dict[str, object]
) -> None:
    one = previewed(store, operator)
    with pytest.raises(IntegrityError), store.writing(SYSTEM, NOW) as transaction:
        transaction.audit("test", "import", one.import_id)
        transaction.connection.execute(update(table).where(table.c.import_id == one.import_id).values(**wrong))


def test_imports_are_narrowed_by_template_person_and_days(store: Store, operator: Actor) -> None:
    other = a_collector(store, "otto", role=Role.OPERATOR)
    mine = entered(store, operator, upload("a_2026-11-22.csv", "a"), key="a")
    theirs = entered(store, other, upload("b_2026-11-23.csv", "b"), key="b")
    late = NOW.replace(hour=17)  # the next day in Shanghai
    third = imports.enter_import(
        operator, store, now=late, today=TODAY + timedelta(days=1), import_id=imports.new_import_id(),
        upload=replace(upload("c_2026-11-24.csv", "c"), template="other"), key="c",
    )  # fmt: skip

    def listed(**wanted) -> set[str]:
        page = imports.list_imports(operator, store, now=late, **wanted)
        assert page.total == len(page.rows)
        return {one.import_id for one in page.rows}

    assert listed(uploaded_by=other.person_id) == {theirs.import_id}
    assert listed(template="other") == {third.import_id}
    assert listed(since=TODAY, until=TODAY) == {mine.import_id, theirs.import_id}
    assert listed(since=TODAY + timedelta(days=1)) == {third.import_id}
    assert imports.import_templates(operator, store, now=late) == ["other", "standard"]
    assert imports.importers(operator, store, now=late) == {
        other.person_id: other.name, operator.person_id: operator.name
    }  # fmt: skip


def test_what_was_given_up_and_sent_back_is_loaded_once_it_is_confirmed_anew(store: Store, operator: Actor) -> None:
    seen = previewed(store, operator)
    given = {"now": NOW, "import_id": seen.import_id}
    one = imports.confirm_import(operator, store, expected_version=seen.version, **given)
    loading = import_work.note_applying(SYSTEM, store, now=NOW, one=one, file_id="f" * 64, repeats_before=0)
    gone = imports.discard_import(operator, store, expected_version=loading.version, reason=WHY, **given)
    assert gone.given_up_at == NOW
    back = import_work.note_sent_back(SYSTEM, store, now=NOW, one=gone, en="look again", zh="请重新查看")
    assert (back.state, back.given_up_at) == (ImportState.PREVIEWED, None)
    # one that was sent back by an earlier version still has the mark
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(update(table).values(given_up_at=NOW))
        transaction.audit("tried", "import", one.import_id)
    anew = imports.confirm_import(operator, store, expected_version=back.version, **given)
    assert (anew.state, anew.given_up_at) == (ImportState.CONFIRMED, None)
