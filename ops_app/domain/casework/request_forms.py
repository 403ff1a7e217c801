"""The form of each kind of request on a case: its typed fields, and what the case itself allows to be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from ops_app.domain.casework.requests import OF_MONEY
from ops_app.domain.casework.requests import CaseRequestKind as Kind
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger import schedules
from ops_app.domain.ledger.schedules import AS_PLANNED, DueDays, Planned, Shape
from ops_app.domain.money import Money

LONGEST_TEXT = 1000
LONGEST_AHEAD = timedelta(days=366 * 3)


class FieldKind(StrEnum):
    """What kind of value a field has: amounts are whole minor units, days ISO days, codes one of a list."""

    MONEY = "money"
    DAY = "day"
    CODE = "code"
    CODES = "codes"
    WHOLE = "whole"
    TEXT = "text"


@dataclass(frozen=True)
class FormField:
    """One field. ``name`` ends in ``_minor`` for an amount and ``_date`` for a day; names are English and 中文."""

    name: str
    kind: FieldKind
    names: tuple[str, str]
    required: bool = True
    codes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    least: int = 0
    most: int = 10**15


@dataclass(frozen=True)
class Standing:
    """What a request rests on: the case's balance by component in whole minor units of ``currency``, the day its
    placement ends (``None``: it is with no agency), and for a waiver what waivers granted before still take from each
    component (``not_posted``)."""

    currency: str
    principal_minor: int
    interest_minor: int
    fees_minor: int
    penalty_minor: int
    placement_due_date: date | None = None
    not_posted: Mapping[str, int] = field(default_factory=dict)

    @property
    def owed(self) -> dict[str, int]:
        """Component → what is owed of it."""
        return {part: getattr(self, f"{part}_minor") for part in COMPONENTS}

    @property
    def balance_minor(self) -> int:
        return self.principal_minor + self.interest_minor + self.fees_minor + self.penalty_minor


_HARDSHIP = {
    "hardship": ("hardship", "经济困难"),
    "settlement": ("settlement in one payment", "一次性结清"),
    "charged_in_error": ("charged in error", "误收"),
    "illness": ("illness or accident", "疾病或意外"),
}
_ENDED_GROUNDS = {
    "unreachable": ("nobody can be reached", "失联"),
    "deceased": ("debtor deceased", "债务人死亡"),
    "bankrupt": ("debtor bankrupt", "债务人破产"),
    "wrong_person": ("wrong person", "非本人"),
    "complaint": ("complaint", "投诉"),
    "in_court": ("in court", "诉讼中"),
}


CONDITIONS: Mapping[str, tuple[str, str]] = {
    "pay_by": ("paid in one sum by a day", "限期一次性还款"),
    "plan": ("paid in instalments", "分期还款"),
    "none": ("nothing is asked in return", "无附加条件"),
}
"""Under which condition a waiver takes effect; the first one is meant where a form names none."""

_SCHEDULE = (
    FormField("shape", FieldKind.CODE, ("kind of plan", "分期方式"), required=False, codes=schedules.SHAPE_NAMES),
    FormField(
        "first_minor", FieldKind.MONEY, ("first instalment, where it is larger", "首期金额（首期较大时填写）"),
        required=False, least=1,
    ),
    FormField(
        "schedule", FieldKind.TEXT,
        ("plan as agreed, each line a day and an amount", "约定分期（每行填写日期与金额）"), required=False,
    ),
)  # fmt: skip


def _waived(component: str, names: tuple[str, str]) -> FormField:
    return FormField(f"waived_{component}_minor", FieldKind.MONEY, names, required=False)


FIELDS: Mapping[Kind, tuple[FormField, ...]] = {
    Kind.WAIVER: (
        FormField("ground", FieldKind.CODE, ("ground", "减免原因"), codes=_HARDSHIP),
        _waived("penalty", ("penalty interest to waive", "减免罚息")),
        _waived("fees", ("fees to waive", "减免费用")),
        _waived("interest", ("interest to waive", "减免利息")),
        _waived("principal", ("principal to waive", "减免本金")),
        FormField("condition", FieldKind.CODE, ("condition", "减免条件"), required=False, codes=CONDITIONS),
        FormField("to_pay_minor", FieldKind.MONEY, ("what the debtor pays", "债务人还款金额"), required=False, least=1),
        FormField("pay_by_date", FieldKind.DAY, ("to be paid by", "还款期限"), required=False),
        FormField("instalments", FieldKind.WHOLE, ("number of instalments", "分期期数"), required=False,
                  least=2, most=60),
        FormField("first_date", FieldKind.DAY, ("first instalment on", "首期还款日"), required=False),
        *_SCHEDULE,
    ),
    Kind.INSTALMENT: (
        FormField("ground", FieldKind.CODE, ("ground", "分期原因"), codes=_HARDSHIP),
        FormField("total_minor", FieldKind.MONEY, ("amount in instalments", "分期金额"), least=1),
        FormField("instalments", FieldKind.WHOLE, ("number of instalments", "分期期数"), required=False,
                  least=2, most=60),
        FormField("first_date", FieldKind.DAY, ("first instalment on", "首期还款日"), required=False),
        *_SCHEDULE,
    ),
    Kind.KEEP_CASE: (
        FormField("until_date", FieldKind.DAY, ("keep until the end of", "留案至")),
        FormField(
            "ground", FieldKind.CODE, ("ground", "留案原因"),
            codes={
                "promise": ("a promise is running", "有还款承诺"),
                "plan": ("an instalment plan is running", "分期履约中"),
                "in_contact": ("debtor is in contact", "债务人可联"),
            },
        ),
    ),
    Kind.RETURN_CASE: (FormField("ground", FieldKind.CODE, ("ground", "退案原因"), codes=_ENDED_GROUNDS),),
    Kind.DOCUMENTS: (
        FormField(
            "documents", FieldKind.CODES, ("documents", "所需资料"),
            codes={
                "contract": ("contract", "借款合同"),
                "statement": ("statement of account", "对账单"),
                "transfer_proof": ("proof of disbursement", "放款凭证"),
                "identity": ("copy of identity papers", "身份证明"),
                "assignment_notice": ("authorisation of the agency", "委托授权书"),
            },
        ),
        FormField("purpose", FieldKind.TEXT, ("what for", "用途")),
    ),
    Kind.STOP_COLLECTION: (
        FormField(
            "ground", FieldKind.CODE, ("ground", "停催原因"),
            codes={
                "debtor_request": ("the debtor asked for it in writing", "债务人书面要求"),
                "vulnerable": ("vulnerable person", "弱势群体"),
                "regulator": ("regulator or court asked for it", "监管或法院要求"),
                **{code: _ENDED_GROUNDS[code] for code in ("deceased", "bankrupt", "complaint")},
            },
        ),
    ),
    Kind.DISPUTE: (
        FormField(
            "about", FieldKind.CODE, ("what is disputed", "争议内容"),
            codes={
                "not_mine": ("not my debt", "非本人债务"),
                "identity_theft": ("identity theft", "身份被冒用"),
                "paid": ("paid already", "已还清"),
                "amount": ("amount is wrong", "金额有误"),
                "terms": ("terms or charges", "条款或费用"),
            },
        ),
        FormField("disputed_minor", FieldKind.MONEY, ("amount in dispute", "争议金额"), required=False, least=1),
        FormField("statement", FieldKind.TEXT, ("what the debtor says", "债务人陈述")),
    ),
    Kind.PAYMENT_CONFIRMATION: (
        FormField("paid_minor", FieldKind.MONEY, ("amount paid", "还款金额"), least=1),
        FormField("paid_date", FieldKind.DAY, ("paid on", "还款日期")),
        FormField(
            "channel", FieldKind.CODE, ("how it was paid", "还款渠道"),
            codes={
                "bank_transfer": ("bank transfer", "银行转账"),
                "app": ("the lender's app", "资方 APP"),
                "third_party": ("payment service", "第三方支付"),
                "counter": ("at a counter", "柜台"),
            },
        ),
        FormField("reference", FieldKind.TEXT, ("reference on the receipt", "凭证号"), required=False),
    ),
}  # fmt: skip
"""Kind → its fields, in the order in which a person fills them in."""

EVIDENCE_REQUIRED = frozenset({Kind.WAIVER, Kind.STOP_COLLECTION, Kind.PAYMENT_CONFIRMATION})
"""Kinds that are asked for with at least one file."""


def checked_form(
    kind: Kind,
    given: Mapping[str, object],
    standing: Standing,
    today: date,
    due_days: DueDays = AS_PLANNED,
) -> dict[str, Any]:
    """The form as it is kept: every field of the kind, checked, and what follows from them (the plan of instalments).

    ``given`` holds whole minor units, ISO days, codes. Raises ``Invalid`` naming the field.
    """
    fields = FIELDS[kind]
    if unknown := sorted(set(given) - {one.name for one in fields}):
        raise Invalid(f"There is no field {unknown[0]}.", f"没有字段 {unknown[0]}。", field=unknown[0])
    form: dict[str, Any] = {}
    for one in fields:
        value = _read(one, given.get(one.name))
        if value is None and one.required:
            raise Invalid("Please fill this in.", "请填写此项。", field=one.name)
        if value is not None:
            form[one.name] = value
    check = {
        Kind.WAIVER: _check_waiver, Kind.INSTALMENT: _check_instalment, Kind.KEEP_CASE: _check_keep,
        Kind.PAYMENT_CONFIRMATION: _check_payment,
    }.get(kind)  # fmt: skip
    if check is not None:
        check(form, standing, today)
    planned = _planned(kind, form, standing.currency, due_days)
    if planned:
        if planned[0][0] < today or planned[-1][0] > today + LONGEST_AHEAD:
            raise _not_ahead("schedule" if form.get("shape") == Shape.CUSTOM else "first_date")
        form["plan"] = schedules.kept_of(planned)
    return form


def names_amounts(kind: Kind, form: Mapping[str, object]) -> bool:
    """Whether a request of ``kind`` with this form states an amount: it is asked for by who may see amounts."""
    money = [one for one in FIELDS[kind] if one.kind is FieldKind.MONEY]
    return kind in OF_MONEY or any(one.required or form.get(one.name) is not None for one in money)


def amount_of(kind: Kind, form: Mapping[str, Any], standing: Standing) -> int:
    """What decides how high a request goes, in minor units: what is waived, put into instalments or said to be paid;
    for every other kind the balance of the case."""
    if kind is Kind.WAIVER:
        return sum(form.get(f"waived_{part}_minor", 0) for part in COMPONENTS)
    if kind is Kind.INSTALMENT:
        return int(form["total_minor"])
    if kind is Kind.PAYMENT_CONFIRMATION:
        return int(form["paid_minor"])
    return standing.balance_minor


def condition_of(form: Mapping[str, Any]) -> str:
    """Under which condition a waiver of this form takes effect."""
    return str(form.get("condition") or next(iter(CONDITIONS)))


def _planned(kind: Kind, form: Mapping[str, Any], currency: str, due_days: DueDays) -> Planned:
    """The instalments that a form agrees on; none where it agrees on nothing to be paid."""
    if kind is Kind.WAIVER:
        condition = condition_of(form)
        if condition == "none":
            return []
        if condition == "pay_by":
            return [(date.fromisoformat(form["pay_by_date"]), form["to_pay_minor"])]
        total = form["to_pay_minor"]
    elif kind is Kind.INSTALMENT:
        total = form["total_minor"]
    else:
        return []
    shape = form.get("shape") or Shape.EQUAL
    if shape == Shape.CUSTOM:
        return schedules.checked(schedules.typed(form["schedule"], currency), total)
    first, count = date.fromisoformat(form["first_date"]), form["instalments"]
    if shape == Shape.FIRST_LARGER:
        planned = schedules.first_larger(total, count, first, form["first_minor"])
    else:
        planned = schedules.equal(total, count, first)
    return schedules.on_business_days(planned, due_days)


def _check_plan(form: Mapping[str, Any], total_minor: int, today: date) -> None:
    shape = form.get("shape") or Shape.EQUAL
    if shape == Shape.CUSTOM:
        _require(form, "schedule")
        return
    _require(form, "instalments", "first_date")
    if shape == Shape.FIRST_LARGER:
        _require(form, "first_minor")
    if total_minor < form["instalments"]:
        raise Invalid("Too many instalments for this amount.", "期数过多。", field="instalments")
    _ahead(form, "first_date", today)


def _require(form: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if form.get(name) is None:
            raise Invalid("Please fill this in.", "请填写此项。", field=name)


def typed_value(one: FormField, text: str, currency: str) -> object:
    """What a person typed into a field of text, amount or number, as the form takes it; nothing typed is ``None``."""
    text = text.strip()
    if not text:
        return None
    if one.kind is FieldKind.MONEY:
        try:
            return Money.parse(text.replace(",", ""), currency).minor
        except Invalid as error:
            raise Invalid(error.en, error.zh, field=one.name) from error
    if one.kind is FieldKind.WHOLE:
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise Invalid("A whole number is wanted here.", "此处须填写整数。", field=one.name)
        return int(text)
    return text


def labels_of(kind: Kind) -> dict[str, tuple[str, str]]:
    """Names of the fields of a kind and of their codes (``field.code``), as approvals show them."""
    found: dict[str, tuple[str, str]] = {}
    for one in FIELDS[kind]:
        found[one.name] = one.names
        found |= {f"{one.name}.{code}": names for code, names in one.codes.items()}
    return found


def _read(one: FormField, value: object) -> Any:
    if value is None or value in ("", []):
        return None
    if one.kind in (FieldKind.MONEY, FieldKind.WHOLE):
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid("A whole number is wanted here.", "此处须填写整数。", field=one.name)
        if not one.least <= value <= one.most:
            raise _outside(one)
        return value
    if one.kind is FieldKind.DAY:
        try:
            return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()
        except ValueError:
            raise Invalid("A day is wanted here.", "此处须填写日期。", field=one.name) from None
    if one.kind is FieldKind.CODE:
        if value not in one.codes:
            raise Invalid("Choose one of the list.", "请从列表中选择。", field=one.name)
        return value
    if one.kind is FieldKind.CODES:
        if isinstance(value, str) or not isinstance(value, Sequence) or not set(value) <= set(one.codes):
            raise Invalid("Choose from the list.", "请从列表中选择。", field=one.name)
        return [code for code in one.codes if code in value]
    text = str(value).strip()
    if not 2 <= len(text) <= LONGEST_TEXT or "\x00" in text:
        raise Invalid(f"Between 2 and {LONGEST_TEXT} characters.", f"2 至 {LONGEST_TEXT} 字。", field=one.name)
    return text


def _outside(one: FormField) -> Invalid:
    if one.kind is FieldKind.MONEY:
        return Invalid("The amount must be above zero.", "金额须大于零。", field=one.name)
    return Invalid(f"From {one.least} to {one.most}.", f"范围为 {one.least} 至 {one.most}。", field=one.name)


def check_waived(form: Mapping[str, Any], standing: Standing) -> None:
    """Raise ``Invalid`` naming the field unless every component that is waived is owed and not waived already, and what
    the debtor is to pay is left."""
    waived = 0
    for part in COMPONENTS:
        name = f"waived_{part}_minor"
        before = standing.not_posted.get(part, 0)
        owed = max(0, standing.owed[part] - before)
        if form.get(name, 0) > owed:
            raise _more_than_owed(name, owed, before, standing.currency)
        waived += form.get(name, 0)
    if waived == 0:
        raise Invalid("Say what is to be waived.", "请填写减免金额。", field="waived_penalty_minor")
    left = standing.balance_minor - sum(standing.not_posted.values()) - waived
    if form.get("to_pay_minor", 0) > left:
        most = _said(max(0, left), standing.currency)
        raise Invalid(f"After the waiver only {most} is owed.", f"减免后仅欠 {most}。", field="to_pay_minor")


def _check_waiver(form: dict[str, Any], standing: Standing, today: date) -> None:
    condition = condition_of(form)
    if condition == "none":
        for name in ("to_pay_minor", "pay_by_date", "instalments", "first_date", "first_minor", "schedule"):
            if form.get(name) is not None:
                raise Invalid(
                    "Nothing is asked in return: leave this empty, or choose another condition.",
                    "无附加条件时无须填写；如需还款请改选减免条件。",
                    field=name,
                )
        check_waived(form, standing)
        return
    _require(form, "to_pay_minor")
    check_waived(form, standing)
    if condition == "plan":
        _check_plan(form, form["to_pay_minor"], today)
        return
    _require(form, "pay_by_date")
    _ahead(form, "pay_by_date", today)


def _more_than_owed(name: str, most_minor: int, before_minor: int, currency: str) -> Invalid:
    most, before = _said(most_minor, currency), _said(before_minor, currency)
    if not before_minor:
        return Invalid(f"Only {most} of this is owed.", f"该项仅欠 {most}。", field=name)
    return Invalid(
        f"Only {most} of this can still be waived: {before} was granted before and is not posted yet.",
        f"该项最多还可减免 {most}：此前已同意减免 {before}，尚未入账。",
        field=name,
    )


def _said(minor: int, currency: str) -> str:
    """An amount in a sentence: never without its currency."""
    return f"{Money(minor, currency).amount} {currency}"


def _check_instalment(form: dict[str, Any], standing: Standing, today: date) -> None:
    if form["total_minor"] > standing.balance_minor:
        most = _said(standing.balance_minor, standing.currency)
        raise Invalid(f"Only {most} is owed.", f"仅欠 {most}。", field="total_minor")
    _check_plan(form, form["total_minor"], today)


def _check_keep(form: dict[str, Any], standing: Standing, today: date) -> None:
    _ahead(form, "until_date", today)
    due = standing.placement_due_date
    if due is None or form["until_date"] <= due.isoformat():
        raise Invalid(
            f"The new end must be later than the present one{f' ({due})' if due else ''}.",
            f"新到期日须晚于原到期日{f'（{due}）' if due else ''}。",
            field="until_date",
        )


def _check_payment(form: dict[str, Any], standing: Standing, today: date) -> None:
    if form["paid_date"] > today.isoformat():
        raise Invalid("This day has not come yet.", "还款日期不能晚于今天。", field="paid_date")


def _ahead(form: Mapping[str, Any], name: str, today: date) -> None:
    if not today.isoformat() <= form[name] <= (today + LONGEST_AHEAD).isoformat():
        raise _not_ahead(name)


def _not_ahead(name: str) -> Invalid:
    return Invalid("Choose a day from today on, within three years.", "请选择今天起三年内的日期。", field=name)
