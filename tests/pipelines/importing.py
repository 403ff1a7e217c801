"""An import brought the way the page brings it, and a GB18030 spreadsheet as dirty as they come."""

from __future__ import annotations

from datetime import date

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways import import_files
from ops_app.services.organisation import imports
from ops_app.services.organisation.imports import Import
from ops_app.services.organisation.people import enter_person, new_person
from pipelines.imports import work_on

TEMPLATE = """
template: dirty_bank
source_code: DIRTY
lender: {en: "A bank with dirty sheets", zh: "某银行"}
timezone: Asia/Shanghai
feeds:
  - feed: repayments
    files: ["还款*", "repayments_*"]
    max_refused_share: 0.2
    columns:
      payment_id: 流水号
      loan_id: 借据号
      kind: {from: 类型, codes: {"还款": payment, "冲正": reversal}}
      paid_at: {from: 时间, formats: ["%Y-%m-%d %H:%M:%S"]}
      value_date: {from: 入账日, formats: ["%Y/%m/%d"]}
      amount: {from: 金额, amount: {thousands: ","}}
      currency: {constant: CNY}
      payer_name: 付款人
"""
HEADER = "流水号,借据号,类型,时间,入账日,金额,付款人"
DAY = date(2026, 3, 6)


def line(number: int, amount: str = "1200.50", value_date: str = "2026/03/05", name: str = "王小明") -> str:
    return f'P{number},L{number},还款,2026-03-05 10:00:00,{value_date},"{amount}",{name}'


def dirty_sheet(good: int = 8) -> bytes:
    """``good`` good rows, then a repeated header, an amount nobody can read, a date in another form, a row twice."""
    rows = [line(number, name="㐀𠀀龘") for number in range(1, good + 1)]
    rows += [HEADER, line(101, amount="一千二"), line(102, value_date="05-03-2026"), line(1, name="㐀𠀀龘")]
    return ("\n".join([HEADER, *rows]) + "\n").encode("gb18030")


def operator_of(app: App, role: Role = Role.OPERATOR, name: str = "importer") -> Actor:
    now = app.clock.now()
    person = new_person(now, name, "Li Na 李娜", role, None, "en")
    maker = Actor("system", "Recoup", Role.SYSTEM)
    with app.store.writing(maker, now) as transaction:
        enter_person(transaction, person, "no-password-opens-this")
    return Actor(person.person_id, person.display_name, role)


def write_template(app: App) -> None:
    folder = app.settings.home / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "dirty_bank.yml").write_text(TEMPLATE, encoding="utf-8")


def bring(
    app: App,
    actor: Actor,
    data: bytes,
    name: str = "还款_2026-03-06.csv",
    key: str = "k1",
    day: date = DAY,
    typed_rows: str | None = None,
    typed_sum: str | None = None,
) -> Import:
    """Upload and read."""
    one = import_files.bring(
        actor, app.store, app.settings, now=app.clock.now(), name=name, data=data, template="dirty_bank",
        entry="repayments", file_date=day, key=key, typed_rows=typed_rows, typed_sum=typed_sum,
    )  # fmt: skip
    return work_on(app, one.import_id)


def correct(app: App, actor: Actor, one: Import, line_no: int, **corrected: str) -> Import:
    """Correct a row (or discard it, where nothing is corrected) and read the file again."""
    known = {"amount", "value_date", "payment_id", "loan_id", "paid_at", "kind", "currency", "agency_code"}
    done = imports.correct_import_row(
        actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version, line_no=line_no,
        columns=known, decision="replay" if corrected else "discard", corrected=corrected,
        reason="the sender told us by telephone",
    )  # fmt: skip
    return work_on(app, done.import_id)


def confirm(app: App, actor: Actor, one: Import) -> Import:
    imports.confirm_import(actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version)
    return work_on(app, one.import_id)


def reverse(app: App, actor: Actor, one: Import) -> Import:
    imports.ask_reversal(
        actor, app.store, now=app.clock.now(), import_id=one.import_id, expected_version=one.version,
        reason="the wrong month was sent",
    )  # fmt: skip
    return work_on(app, one.import_id)
