"""Vouchers (凭证) for a general ledger: which lines of the journal leave, under which numbers, in which columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Any

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.accounts import COMPONENT_NAMES, Account, AccountKind, Component
from ops_app.domain.money import Money

FIELDS = (
    "voucher", "date", "account", "name", "component", "summary", "currency", "debit", "credit", "case", "entry",
)  # fmt: skip
"""The columns that a template may have."""


class Level(StrEnum):
    """How far legs are added up."""

    ENTRY = "entry"
    DAY = "day"


class Layout(StrEnum):
    """The kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True)
class Template:
    """How the vouchers of a source look. ``accounts`` maps codes of the chart to numbers of the general ledger where
    they differ from the chart's; ``memo``: whether memo accounts leave too."""

    code: str
    version: int
    level: Level
    layout: Layout
    fields: tuple[str, ...]
    headers: Mapping[str, str]
    accounts: Mapping[str, str]
    memo: bool

    def facts(self) -> dict[str, Any]:
        """As JSON keeps it; ``template_of`` reads it again."""
        return {
            "version": self.version, "level": self.level.value, "layout": self.layout.value,
            "fields": list(self.fields), "headers": dict(self.headers), "accounts": dict(self.accounts),
            "memo": self.memo,
        }  # fmt: skip


def template_of(code: str, stated: Mapping[str, Any], chart: Mapping[str, Account]) -> Template:
    """A template from its data; raises ``Invalid`` for a field or an account that there is none of, or where what is
    debit and what is credit would not be told."""
    try:
        made = Template(
            code, int(stated["version"]), Level(stated["level"]), Layout(stated["layout"]), tuple(stated["fields"]),
            {str(name): str(said) for name, said in (stated.get("headers") or {}).items()},
            {str(name): str(number) for name, number in (stated.get("accounts") or {}).items()}, bool(stated["memo"]),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise _wrong(code, str(error)) from error
    unknown = [
        *(set(made.fields) - set(FIELDS)),
        *(set(made.headers) - set(FIELDS)),
        *(set(made.accounts) - set(chart)),
    ]
    missing = {"date", "account", "currency", "debit", "credit"} - set(made.fields)
    if unknown or missing or len(set(made.fields)) != len(made.fields):
        raise _wrong(code, ", ".join(sorted([*unknown, *missing])) or "a field twice")
    return made


def _wrong(code: str, what: str) -> Invalid:
    return Invalid(
        f"The voucher template {code} is wrong: {what}.", f"凭证模板 {code} 有误：{what}。", field="template"
    )


@dataclass(frozen=True, order=True)
class VoucherLeg:
    """One side of a line: ``is_credit`` tells which. Ordered as vouchers list them."""

    accounting_date: date
    entry_no: int
    line_no: int
    is_credit: bool
    account: str
    component: str
    currency: str
    case_id: str
    amount_minor: int


def rows_of(
    template: Template, chart: Mapping[str, Account], number: int, legs: Iterable[VoucherLeg]
) -> list[dict[str, object]]:
    """The rows of a batch with this number, field → value (amounts as exact decimals). Raises ``ArithmeticError``
    unless debits are credits in each currency."""
    kept = [one for one in legs if template.memo or chart[one.account].kind is not AccountKind.MEMO]
    summed = list(_by_day(kept, chart) if template.level is Level.DAY else sorted(kept))
    rest: dict[str, int] = {}
    rows = []
    for one in summed:
        rest[one.currency] = rest.get(one.currency, 0) + (-1 if one.is_credit else 1) * one.amount_minor
        rows.append(_row(template, chart[one.account], number, one))
    if any(rest.values()):
        raise ArithmeticError("debits are not credits")
    return rows


def _by_day(legs: list[VoucherLeg], chart: Mapping[str, Account]) -> Iterator[VoucherLeg]:
    """Legs added up by day, currency, account, component and side, in the order of the chart."""
    place = {code: at for at, code in enumerate(chart)}

    def key(one: VoucherLeg) -> tuple[date, str, int, str, bool]:
        return one.accounting_date, one.currency, place[one.account], one.component, one.is_credit

    for at, (_, same) in enumerate(groupby(sorted(legs, key=key), key=key), start=1):
        some = list(same)
        first = some[0]
        yield VoucherLeg(
            first.accounting_date, 0, at, first.is_credit, first.account, first.component, first.currency, "",
            sum(one.amount_minor for one in some),
        )  # fmt: skip


def _row(template: Template, account: Account, number: int, one: VoucherLeg) -> dict[str, object]:
    tail = f"{one.entry_no:08d}" if one.entry_no else one.accounting_date.strftime("%Y%m%d")
    amount: Decimal = Money(one.amount_minor, one.currency).amount
    return {
        "voucher": f"{number:06d}-{tail}",
        "date": one.accounting_date,
        "account": template.accounts.get(account.code, account.number),
        "name": account.name_zh,
        "component": COMPONENT_NAMES[Component(one.component)][1] if one.component else "",
        "summary": f"{account.name_zh} {one.accounting_date.isoformat()}",
        "currency": one.currency,
        "debit": None if one.is_credit else amount,
        "credit": amount if one.is_credit else None,
        "case": one.case_id,
        "entry": one.entry_no or None,
    }


class NoSuchBatch(NotFound):
    """No such batch of vouchers."""

    def __init__(self) -> None:
        super().__init__("There is no such batch of vouchers.", "没有此凭证批次。")


class ExportedAlready(Conflict):
    """A period leaves once."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"This period has been exported already, as batch {number}.", f"该期间已导出，批次号 {number}。",
            field="period_id",
        )  # fmt: skip


class AcknowledgedAlready(Conflict):
    """The general ledger took it once."""

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"This batch has been acknowledged already, under {reference}.", f"该批次已回执，编号 {reference}。",
            field="reference",
        )  # fmt: skip
