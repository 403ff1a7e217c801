"""Criteria of write-off (核销认定条件, feature 21): per lender, product and path, effective-dated and versioned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from ops_app.domain.casework.flags import Flag
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.ledger.replay import METHODS

ANY = "*"
"""A criterion for every lender, product or currency that has none of its own."""

LONGEST_DAYS = 36_500
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


class WriteOffPath(StrEnum):
    """Why a claim may be written off (财金〔2017〕90号: 符合认定条件)."""

    DEATH = "death"
    BANKRUPTCY = "bankruptcy"
    LONG_OVERDUE = "long_overdue"


PATH_NAMES: dict[WriteOffPath, tuple[str, str]] = {
    WriteOffPath.DEATH: ("debtor deceased", "债务人死亡"),
    WriteOffPath.BANKRUPTCY: ("debtor bankrupt", "债务人破产"),
    WriteOffPath.LONG_OVERDUE: ("long overdue", "长期逾期"),
}

NEEDS_FLAG: dict[WriteOffPath, Flag] = {
    WriteOffPath.DEATH: Flag.DECEASED,
    WriteOffPath.BANKRUPTCY: Flag.BANKRUPT,
}
"""Path → the flag without which a case is not on it."""


class ProofKind(StrEnum):
    """What evidences that a claim may be written off (提供有效证据)."""

    DEATH_CERTIFICATE = "death_certificate"
    BANKRUPTCY_RULING = "bankruptcy_ruling"
    LEGAL_STEPS = "legal_steps"
    RECOURSE_DONE = "recourse_done"
    ASSET_SEARCH = "asset_search"


PROOF_NAMES: dict[ProofKind, tuple[str, str]] = {
    ProofKind.DEATH_CERTIFICATE: ("proof of death", "死亡证明"),
    ProofKind.BANKRUPTCY_RULING: ("ruling of bankruptcy", "破产裁定"),
    ProofKind.LEGAL_STEPS: ("judgment or end of enforcement", "判决或终结执行文书"),
    ProofKind.RECOURSE_DONE: ("record of recourse", "追索记录"),
    ProofKind.ASSET_SEARCH: ("search for assets", "财产线索调查"),
}

METHOD_NAMES: dict[str, tuple[str, str]] = {
    "direct": ("direct, against expense and income", "直接核销"),
    "allowance": ("against the allowance", "冲减贷款损失准备"),
}


@dataclass(frozen=True)
class Criterion:
    """On ``path`` a claim of this lender, product and currency may be written off once it is ``least_days_past_due``
    days past due and ``least_minor`` to ``most_minor`` (whole minor units, both included; ``None``: no bound), with a
    document of each kind in ``proofs``. ``partial``: single components too. ``method`` is how it is booked. ``is_open``
    false: not on this path at all. Holds from ``starts_date`` on, until a later version of the same place does."""

    path: WriteOffPath
    least_days_past_due: int
    proofs: tuple[ProofKind, ...]
    method: str
    starts_date: date
    partial: bool = False
    least_minor: int | None = None
    most_minor: int | None = None
    lender_code: str = ANY
    product_code: str = ANY
    currency: str = ANY
    is_open: bool = True
    version: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.least_days_past_due <= LONGEST_DAYS:
            raise Invalid(
                f"Days past due are 0 to {LONGEST_DAYS}.", f"逾期天数为 0 至 {LONGEST_DAYS}。",
                field="least_days_past_due",
            )  # fmt: skip
        for name in ("least_minor", "most_minor"):
            bound = getattr(self, name)
            if bound is not None and not 0 <= bound < 10**15:
                raise Invalid("An amount is not negative.", "金额不能为负。", field=name)
        if self.least_minor is not None and self.most_minor is not None and self.least_minor > self.most_minor:
            raise Invalid("The band ends before it begins.", "金额区间的上限低于下限。", field="most_minor")
        if (self.least_minor, self.most_minor) != (None, None) and self.currency == ANY:
            raise Invalid("Name the currency of the amounts.", "请填写金额的币种。", field="currency")
        if self.currency != ANY and not re.fullmatch(r"[A-Z]{3}", self.currency, re.ASCII):
            raise Invalid("The currency has three letters.", "币种为三位字母。", field="currency")
        for name in ("lender_code", "product_code"):
            if getattr(self, name) != ANY and not _CODE.fullmatch(getattr(self, name)):
                raise Invalid("This is no code.", "代码格式有误。", field=name)
        if self.method not in METHODS:
            raise Invalid("Name the method of booking.", "请选择核销记账方法。", field="method")
        if self.is_open and not self.proofs:
            raise Invalid("At least one document is needed as evidence.", "至少须有一项证据。", field="proofs")
        if len(set(self.proofs)) != len(self.proofs):
            raise Invalid("A document is named twice.", "证据重复。", field="proofs")

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What the criterion is about: lender, product, currency, path."""
        return self.lender_code, self.product_code, self.currency, self.path.value

    @property
    def weight(self) -> tuple[bool, bool, bool]:
        """The more particular of two goes before: by lender, then product, then currency."""
        return self.lender_code != ANY, self.product_code != ANY, self.currency != ANY

    def is_about(self, lender_code: str | None, product_code: str, currency: str) -> bool:
        """Whether a claim of these falls under it, if none more particular does."""
        return (
            self.lender_code in (ANY, lender_code)
            and self.product_code in (ANY, product_code)
            and self.currency in (ANY, currency)
        )

    def facts(self) -> dict[str, Any]:
        """What a request for another criterion and the audit log hold of it."""
        return {
            "path": self.path.value, "lender_code": self.lender_code, "product_code": self.product_code,
            "currency": self.currency, "least_days_past_due": self.least_days_past_due,
            "least": self.least_minor, "most": self.most_minor, "proofs": [one.value for one in self.proofs],
            "partial": self.partial, "method": self.method, "is_open": self.is_open, "starts_date": self.starts_date,
        }  # fmt: skip


def in_force(versions: Iterable[Criterion], on_date: date) -> list[Criterion]:
    """Of each place the version that holds on ``on_date``: of those that started, the last to start, and of two that
    start on one day the later version. The most particular first, in the order of the paths."""
    found: dict[tuple[str, str, str, str], Criterion] = {}
    for one in sorted(versions, key=lambda it: (it.starts_date, it.version)):
        if one.starts_date <= on_date:
            found[one.place] = one
    paths = list(WriteOffPath)
    return sorted(found.values(), key=lambda it: (paths.index(it.path), *(not yes for yes in it.weight), it.place))


def criterion_for(
    held: Iterable[Criterion], path: WriteOffPath, lender_code: str | None, product_code: str, currency: str
) -> Criterion | None:
    """The criterion that a claim falls under on ``path``, of those ``in_force``; one that is not open counts and shuts
    the path."""
    about = [one for one in held if one.path is path and one.is_about(lender_code, product_code, currency)]
    return max(about, key=lambda one: one.weight, default=None)


def criteria_from(stated: Iterable[Mapping[str, Any]], starts_date: date) -> tuple[Criterion, ...]:
    """Criteria as the reference file states them. Raises ``Invalid``, ``KeyError`` and ``ValueError``."""
    found = tuple(
        Criterion(
            path=WriteOffPath(row["path"]), least_days_past_due=int(row["least_days_past_due"]),
            proofs=tuple(ProofKind(one) for one in row["proofs"]), method=str(row["method"]),
            starts_date=starts_date, partial=bool(row.get("partial", False)), least_minor=row.get("least_minor"),
            most_minor=row.get("most_minor"), lender_code=str(row.get("lender_code", ANY)),
            product_code=str(row.get("product_code", ANY)), currency=str(row.get("currency", ANY)),
            is_open=bool(row.get("is_open", True)),
        )
        for row in stated
    )  # fmt: skip
    if len({one.place for one in found}) != len(found):
        raise Invalid("Two criteria speak of the same claims.", "同一类债权存在重复认定条件。", field="criteria")
    return found


class Verdict(StrEnum):
    """What the criteria say of a case on a path; all but ``eligible`` keep it from being written off."""

    ELIGIBLE = "eligible"
    DISPUTED = "disputed"
    HAS_WRITE_OFF = "has_write_off"
    NOT_IN_LEDGER = "not_in_ledger"
    NOTHING_OWED = "nothing_owed"
    NOT_ON_PATH = "not_on_path"
    NO_CRITERION = "no_criterion"
    TOO_EARLY = "too_early"
    OUT_OF_BAND = "out_of_band"


VERDICT_NAMES: dict[Verdict, tuple[str, str]] = {
    Verdict.ELIGIBLE: ("may be written off", "符合认定条件"),
    Verdict.DISPUTED: ("the debt is disputed", "存在争议"),
    Verdict.HAS_WRITE_OFF: ("a write-off is asked for or stands", "已有核销"),
    Verdict.NOT_IN_LEDGER: ("the ledger has not taken it over", "未入台账"),
    Verdict.NOTHING_OWED: ("nothing is owed", "无欠款"),
    Verdict.NOT_ON_PATH: ("nothing says that the debtor is deceased or bankrupt", "无死亡或破产标识"),
    Verdict.NO_CRITERION: ("no criterion allows it", "无适用的认定条件"),
    Verdict.TOO_EARLY: ("not long enough past due", "逾期天数不足"),
    Verdict.OUT_OF_BAND: ("outside the amounts of the criterion", "金额不在认定区间"),
}


class NotEligible(Refused):
    """The criteria do not allow this write-off; names why."""

    def __init__(self, why: Verdict) -> None:
        super().__init__(
            f"This case cannot be written off on this path: {VERDICT_NAMES[why][0]}.",
            f"该案件不能按此路径核销：{VERDICT_NAMES[why][1]}。",
        )
        self.why = why


class ProofMissing(Invalid):
    """A document that the criterion asks for is not there."""

    def __init__(self, kind: ProofKind) -> None:
        super().__init__(
            f"Evidence is missing: {PROOF_NAMES[kind][0]}.", f"缺少证据：{PROOF_NAMES[kind][1]}。", field="proofs"
        )


def verdict(
    criterion: Criterion | None, path: WriteOffPath, flags: frozenset[Flag], days_past_due: int, owed_minor: int
) -> Verdict:
    """What ``criterion`` says of a claim; the store says the same of the whole book in one query."""
    if path in NEEDS_FLAG and NEEDS_FLAG[path] not in flags:
        return Verdict.NOT_ON_PATH
    if criterion is None or not criterion.is_open:
        return Verdict.NO_CRITERION
    if days_past_due < criterion.least_days_past_due:
        return Verdict.TOO_EARLY
    below = criterion.least_minor is not None and owed_minor < criterion.least_minor
    above = criterion.most_minor is not None and owed_minor > criterion.most_minor
    return Verdict.OUT_OF_BAND if below or above else Verdict.ELIGIBLE


def check_proofs(criterion: Criterion, given: Iterable[ProofKind]) -> None:
    """Raise ``ProofMissing`` for the first document that the criterion asks for and is not ``given``."""
    have = set(given)
    for kind in criterion.proofs:
        if kind not in have:
            raise ProofMissing(kind)
