"""The demo's work with money: what its people would have asked for, agreed on, written off and settled by themselves.

As ``demo_work``, every step is an act of the house on behalf of one of the demo's people, once: each has a key of its
own, so that a demo that was stopped goes on where it was. Claims are written off and agreements made in the morning in
which cases are placed; the debtors pay, and what agencies earned is settled, in the morning of the last day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from ops_app.bootstrap import App
from ops_app.config import PROJECT_ROOT
from ops_app.domain.casework.cases import Custody
from ops_app.domain.casework.evidence import Upload
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.ledger.repayments import Repayment, RepaymentKind
from ops_app.domain.ledger.write_off_criteria import ProofKind, WriteOffPath
from ops_app.domain.organisation.approvals import RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.gateways.attachment_files import attach_file
from ops_app.services.casework.attaching import list_attachments
from ops_app.services.casework.cases import Case, CaseFilter, cases_of_ids, list_cases
from ops_app.services.casework.requests import Asking, raise_request
from ops_app.services.ledger import settlement_closing, settlements
from ops_app.services.ledger.commission_contracts import KIND as CONTRACT
from ops_app.services.ledger.commission_contracts import propose_contract, read_terms
from ops_app.services.ledger.repayments import record_payments
from ops_app.services.ledger.settlements import Moved
from ops_app.services.ledger.write_off_booking import OBJECT as WRITE_OFF
from ops_app.services.ledger.write_off_criteria import CHANGE, request_criterion
from ops_app.services.ledger.write_off_criteria import OBJECT as CRITERION
from ops_app.services.ledger.write_offs import BOOK, request_write_off
from ops_app.services.organisation.approval_deciding import reject
from ops_app.services.organisation.demo_approving import Cast, approve_all
from ops_app.store.ledger import commissions
from ops_app.store.organisation import approvals
from ops_app.store.tables.commissions import settlements as settlement_table
from ops_app.store.tables.write_offs import write_offs as write_off_table

_CONTRACTS = {"AG01": "by_age.yml", "AG02": "by_liquidation.yml"}
_CURRENCY = "CNY"
_PAGE = 500


@dataclass(frozen=True)
class _Stage:
    """Where the work is done, at which moment of which business day."""

    app: App
    now: datetime
    today: date
    cast: Cast = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cast", Cast(self.app.store))

    def actor(self, name: str) -> Actor:
        return self.cast.actor(name)

    def cases(self, by: str, **wanted: Any) -> list[Case]:
        """The first cases that somebody has, the longest overdue first."""
        wanted_cases = CaseFilter(**wanted) if wanted else None
        return list(list_cases(self.actor(by), self.app.store, now=self.now, wanted=wanted_cases, limit=_PAGE).rows)

    def approve(self, kind: str, object_type: str, object_id: str, levels: int = 9) -> None:
        approve_all(
            self.cast, self.app.store, now=self.now, kind=kind, object_type=object_type, object_id=object_id,
            levels=levels,
        )  # fmt: skip


def begin_demo_money(app: App, *, now: datetime, today: date) -> bool:
    """Before cases are placed: contracts on commission, and claims that nobody will pay are written off. Whether there
    was anything left to do."""
    stage = _Stage(app, now, today)
    with app.store.reading() as connection:
        known = {one.agency_code for one in commissions.contracts(connection)}
        written_off = connection.execute(select(func.count()).select_from(write_off_table)).scalar_one()
    for agency_code in sorted(_CONTRACTS.keys() - known):
        _contract(stage, agency_code)
    if not written_off:
        _write_off(stage)
    return not written_off or bool(_CONTRACTS.keys() - known)


def agree_in_demo(app: App, *, now: datetime, today: date) -> None:
    """After cases were taken in house: waivers and plans in every state, and what collectors claim was paid."""
    stage = _Stage(app, now, today)
    own = [one for one in stage.cases("collector") if one.currency == _CURRENCY and one.balance_minor > 60_000]
    _waivers(stage, [one for one in own if one.penalty_minor])
    plans = [one for one in own if not one.penalty_minor][:2] or own[-2:]
    for number, one in enumerate(plans):
        _ask(
            stage, one, CaseRequestKind.INSTALMENT, f"plan/{number}", "债务人收入稳定，申请分期 Steady income: a plan",
            {"ground": "hardship", "total_minor": one.balance_minor, "instalments": 3,
             "first_date": stage.today.isoformat()},
        )  # fmt: skip
        if number == 0:
            stage.approve(CaseRequestKind.INSTALMENT.approval_kind, "case", one.case_id)
    for number, one in enumerate(own[2:5]):
        _ask(
            stage, one, CaseRequestKind.PAYMENT_CONFIRMATION, f"claim/{number}",
            "债务人出示转账凭证 The debtor shows a receipt",
            {"paid_minor": 20_000 + 5_000 * number, "paid_date": (stage.today - timedelta(days=1 + number)).isoformat(),
             "channel": "bank_transfer", "reference": f"R-{number + 1}"},
        )  # fmt: skip


def settle_in_demo(app: App, *, now: datetime, today: date, since: date) -> bool:
    """Debtors pay through the lender's app, and the commission of the days from ``since`` on is settled: one agency's
    statement is locked and paid, the other's lies with it. Whether there was anything left to do."""
    stage = _Stage(app, now, today)
    with app.store.reading() as connection:
        if connection.execute(select(func.count()).select_from(settlement_table)).scalar_one() or since >= today:
            return False
    yesterday = today - timedelta(days=1)
    _pay_what_was_agreed(stage, yesterday)
    for agency_code, reader in (("AG01", "agency_supervisor"), ("AG02", "agency_supervisor_2")):
        paid = _pay(stage, stage.cases(reader)[:4], yesterday, agency_code)
        made = settlements.open_settlement(
            stage.actor("supervisor"), app.store, now=now, agency_code=agency_code, currency=_CURRENCY,
            first_date=since, end_date=today, key=f"demo/{agency_code}",
        )  # fmt: skip
        if agency_code == "AG01":
            _close(stage, made, reader)
        else:
            _dispute(stage, made, reader, paid)
    return True


def _contract(stage: _Stage, agency_code: str) -> None:
    text = (PROJECT_ROOT / "data" / "reference" / "commission" / _CONTRACTS[agency_code]).read_text(encoding="utf-8")
    terms = read_terms(text)
    propose_contract(
        stage.actor("finance"), stage.app.store, now=stage.now, agency_code=agency_code,
        valid_from=stage.today - timedelta(days=90), terms=terms, reason="年度佣金合同 The year's terms of commission",
        key=f"demo/contract/{agency_code}",
    )  # fmt: skip
    stage.approve(CONTRACT, "commission_contract", f"{agency_code}/{terms.currency}")


def _write_off(stage: _Stage) -> None:
    """The two claims longest overdue are booked, the third waits for finance. Where too few are overdue for a year, the
    criterion is lowered first, as compliance may ask for."""
    found = [
        one for one in stage.cases("supervisor", custody=Custody.TO_BE_PLACED)
        if one.currency == _CURRENCY and not one.flags and one.written_off_date is None
    ][:3]  # fmt: skip
    if not found:
        return
    least = min(one.days_past_due for one in found)
    if least < 361:
        asked = request_criterion(
            stage.actor("compliance"), stage.app.store, now=stage.now, path=WriteOffPath.LONG_OVERDUE,
            least_days_past_due=least, proofs=[ProofKind.RECOURSE_DONE, ProofKind.LEGAL_STEPS], method="allowance",
            starts_date=stage.today, reason="资方批复的核销期限 The lender's own term", key="demo/criterion",
        )  # fmt: skip
        with stage.app.store.reading() as connection:
            request = approvals.read(connection, asked)
        assert request is not None
        stage.approve(CHANGE, CRITERION, request.object_id)
    for number, one in enumerate(found):
        proofs = {kind: _proof(stage, one, kind) for kind in (ProofKind.RECOURSE_DONE, ProofKind.LEGAL_STEPS)}
        write_off_id = request_write_off(
            stage.actor("supervisor"), stage.app.store, now=stage.now, case_id=one.case_id,
            version=_version(stage, "supervisor", one), path=WriteOffPath.LONG_OVERDUE, effective_date=stage.today,
            approval_document=f"核销〔{stage.today.year}〕{number + 1} 号", proofs=proofs,
            reason="穷尽追索手段，无可供执行财产 Every means of recourse is used up", key=f"demo/write_off/{number}",
        )  # fmt: skip
        stage.approve(BOOK, WRITE_OFF, write_off_id, levels=2 if number < 2 else 0)


def _proof(stage: _Stage, one: Case, kind: ProofKind) -> str:
    supervisor, name = stage.actor("supervisor"), f"{kind.value}.pdf"
    for file in list_attachments(supervisor, stage.app.store, now=stage.now, case_id=one.case_id):
        if file.file_name == name:
            return file.attachment_id
    return attach_file(
        supervisor, stage.app.store, stage.app.settings.evidence, now=stage.now, case_id=one.case_id, name=name,
        data=_page(f"{kind.value} {one.loan_id}"), note="核销证明材料 Evidence for the write-off",
    ).attachment_id  # fmt: skip


def _waivers(stage: _Stage, own: Sequence[Case]) -> None:
    """One on condition that the debtor pays, one without a condition, one that is refused, one that waits."""
    by_day: dict[str, Any] = {"condition": "pay_by", "to_pay_minor": 20_000,
              "pay_by_date": (stage.today + timedelta(days=5)).isoformat()}  # fmt: skip
    for number, (one, form) in enumerate(zip(own, (by_day, {"condition": "none"}, by_day, by_day), strict=False)):
        kind = CaseRequestKind.WAIVER
        _ask(
            stage, one, kind, f"waiver/{number}", "债务人患病，申请减免罚息 The debtor is ill: penalty interest",
            {"ground": "illness", "waived_penalty_minor": one.penalty_minor, **form},
        )  # fmt: skip
        if number < 2:
            stage.approve(kind.approval_kind, "case", one.case_id)
        elif number == 2:
            _refuse(stage, kind.approval_kind, one.case_id)


def _refuse(stage: _Stage, kind: str, case_id: str) -> None:
    with stage.app.store.reading() as connection:
        asked = approvals.open_of(connection, kind, "case", case_id)
    for one in asked:
        if one.state is RequestState.WAITING:
            reject(
                stage.actor("supervisor"), stage.app.store, now=stage.now, request_id=one.request_id,
                expected_version=one.version, content_hash=one.content_hash,
                reason="材料不足，不予减免 Not shown to be so", key=f"demo/{one.request_id}/refused",
            )  # fmt: skip


def _ask(stage: _Stage, one: Case, kind: CaseRequestKind, name: str, reason: str, form: Mapping[str, Any]) -> None:
    raise_request(
        stage.actor("collector"), stage.app.store, now=stage.now, zone=stage.app.settings.zone,
        evidence_folder=stage.app.settings.evidence, case_id=one.case_id,
        case_version=_version(stage, "collector", one), key=f"demo/{name}",
        asking=Asking(kind, form, reason, (Upload(f"{name.replace('/', '-')}.pdf", _page(name)),)),
    )  # fmt: skip


def _version(stage: _Stage, by: str, one: Case) -> int:
    """The version of a case as somebody reads it now."""
    (now_is,) = cases_of_ids(stage.actor(by), stage.app.store, now=stage.now, ids=[one.case_id])
    return now_is.version


def _pay_what_was_agreed(stage: _Stage, day: date) -> None:
    """What was agreed on is paid, and something of what was written off comes back."""
    with stage.app.store.reading() as connection:
        query = select(write_off_table.c.case_id).where(write_off_table.c.state == "booked").order_by("write_off_id")
        booked = [str(row[0]) for row in connection.execute(query.limit(1))]
    written_off = cases_of_ids(stage.actor("supervisor"), stage.app.store, now=stage.now, ids=booked)
    own = [one for one in stage.cases("collector") if one.penalty_minor and one.currency == _CURRENCY]
    _pay(stage, [*written_off, *own[:1]], day, "agreed", amount_minor=20_000)


def _pay(
    stage: _Stage, several: Sequence[Case], day: date, name: str, amount_minor: int | None = None
) -> list[Repayment]:
    """A payment on each case, as the lender's app pushes it."""
    rows = [
        Repayment(
            one.source_code, f"APP-{name}-{number}", one.loan_id, RepaymentKind.PAYMENT, None, stage.now, day, None,
            amount_minor or max(100, one.balance_minor // 5), one.currency, "app", None, None, f"APP {number}", None,
            None, None, None,
        )
        for number, one in enumerate(several, start=1) if one.balance_minor > 0 or amount_minor
    ]  # fmt: skip
    record_payments(SYSTEM, stage.app.store, now=stage.now, rows=rows, business_date=day, origin="api")
    return rows


def _close(stage: _Stage, made: Moved, reader: str) -> None:
    """Presented, confirmed, locked, and paid where anything is due. Checks that a demo's faults leave red are permitted
    by a second person."""
    store, now, supervisor = stage.app.store, stage.now, stage.actor("supervisor")
    one = settlements.present_settlement(
        supervisor, store, now=now, settlement_id=made.settlement_id, version=made.version
    )
    one = settlements.confirm_settlement(
        stage.actor(reader), store, now=now, settlement_id=one.settlement_id, version=one.version
    )
    with store.reading() as connection:
        ready = settlement_closing.close_verdict(connection, one.settlement_id, now).ready
    if not ready:
        settlement_closing.request_override(
            supervisor, store, now=now, settlement_id=one.settlement_id, key="demo/override",
            reason="演示数据含已知差错 The demo's data has faults on purpose",
        )  # fmt: skip
        stage.approve(settlement_closing.OVERRIDE, settlements.OBJECT, one.settlement_id)
    settlement_closing.request_lock(
        supervisor, store, now=now, settlement_id=one.settlement_id, version=one.version,
        reason="双方核对一致 Both sides agree", key="demo/lock",
    )  # fmt: skip
    stage.approve(settlement_closing.LOCK, settlements.OBJECT, one.settlement_id)
    with store.reading() as connection:
        locked = commissions.settlement(connection, one.settlement_id)
    if locked is None or locked.totals is None or not locked.totals["gross_minor"]:
        return
    settlement_closing.pay_settlement(
        stage.actor("finance"), store, now=now, settlement_id=locked.settlement_id, version=locked.version,
        invoice_number="FP-0001", invoice_minor=int(locked.totals["gross_minor"]),
    )  # fmt: skip


def _dispute(stage: _Stage, made: Moved, reader: str, paid: Sequence[Repayment]) -> None:
    """One payment goes back and takes its commission with it; the agency disputes another line."""
    store, now, supervisor = stage.app.store, stage.now, stage.actor("supervisor")
    for one in paid[:1]:
        back = Repayment(
            one.source_code, f"{one.payment_id}-back", one.loan_id, RepaymentKind.REVERSAL, one.payment_id, now,
            one.value_date, None, one.amount_minor, one.currency, "app", None, None, one.reference, None, None, None,
            None,
        )  # fmt: skip
        record_payments(SYSTEM, store, now=now, rows=[back], business_date=one.value_date, origin="api")
    shown = settlements.present_settlement(
        supervisor, store, now=now, settlement_id=made.settlement_id, version=made.version
    )
    with store.reading() as connection:
        lines = commissions.lines_of(connection, made.settlement_id)
    if lines:
        settlements.dispute_line(
            stage.actor(reader), store, now=now, settlement_id=shown.settlement_id, line_id=lines[-1].line_id,
            version=shown.version, reason="该笔为我司催回，费率应按第二档 This was ours at the second tier",
        )  # fmt: skip


def _page(said: str) -> bytes:
    """A file of one page that says what it stands for, so that no two are alike."""
    shown = f"BT /F1 18 Tf 60 760 Td (Recoup demo: {said}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(shown), shown),
    ]
    made, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, len(made))
    return made + head + table + tail
