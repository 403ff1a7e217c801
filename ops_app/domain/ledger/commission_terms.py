"""Contracts on commission (佣金合同) as data: what is paid for which cash, in tiers that say how they count.

A version of a contract holds from its day on until a later version does; it is never changed. Rates are shares of cash,
written as decimals ("0.25"), amounts whole minor units. Every range is half-open: its first value belongs to it, its
end no longer does (domain e-9: what lies on an edge belongs to the tier that begins there).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.accounts import Component


class Tiering(StrEnum):
    """How the tiers by balance and by liquidation count. ``whole``: the tier that is reached holds for the whole
    amount. ``marginal``: each part of the cash has the rate of the tier in which it lies, counted from the first cash
    of the placement on."""

    WHOLE = "whole"
    MARGINAL = "marginal"


TIERING_NAMES: dict[Tiering, tuple[str, str]] = {
    Tiering.WHOLE: ("whole amount", "全额累进"),
    Tiering.MARGINAL: ("marginal", "超额累进"),
}


class AgeBasis(StrEnum):
    """From which day the age of the debt is counted, up to the value date of the payment."""

    ENTRY = "entry"
    PLACEMENT = "placement"


AGE_BASIS_NAMES: dict[AgeBasis, tuple[str, str]] = {
    AgeBasis.ENTRY: ("from entry to collection", "自入催日起"),
    AgeBasis.PLACEMENT: ("from the day of placement", "自委托日起"),
}


class PaidTo(StrEnum):
    """Who received the cash of a payment."""

    LENDER = "lender"
    AGENCY = "agency"


PAID_TO_NAMES: dict[PaidTo, tuple[str, str]] = {
    PaidTo.LENDER: ("lender", "资方"),
    PaidTo.AGENCY: ("agency", "催收机构"),
}


class AgencyCash(StrEnum):
    """What becomes of cash that the agency collected itself."""

    NETTED = "netted"
    REMITTED = "remitted"


AGENCY_CASH_NAMES: dict[AgencyCash, tuple[str, str]] = {
    AgencyCash.NETTED: ("netted against the commission", "坐扣（与佣金轧差）"),
    AgencyCash.REMITTED: ("remitted in full", "全额上缴"),
}

MOST_TIERS = 60
E = TypeVar("E", bound=StrEnum)
_ONE = Decimal(1)


@dataclass(frozen=True)
class Span:
    """A half-open range; ``None`` is open on that side."""

    least: Decimal | None = None
    below: Decimal | None = None

    def holds(self, value: Decimal | int) -> bool:
        """Whether ``value`` lies in it."""
        return (self.least is None or self.least <= value) and (self.below is None or value < self.below)

    @property
    def edges(self) -> tuple[Decimal, ...]:
        """The edges that are not open."""
        return tuple(one for one in (self.least, self.below) if one is not None)


EVERYTHING = Span()


@dataclass(frozen=True)
class Tier:
    """One tier: its ``rate`` and when it holds; the first tier of a contract that fits counts.

    ``age`` in days, ``placement`` the number of the placement of its case, ``balance`` whole minor units (of the placed
    balance, or marginally of the cash so far), ``liquidation`` cash so far over the placed balance (a share); no
    ``buckets`` and no ``products`` mean all.
    """

    code: str
    rate: Decimal
    age: Span = EVERYTHING
    placement: Span = EVERYTHING
    balance: Span = EVERYTHING
    liquidation: Span = EVERYTHING
    buckets: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Conduct:
    """Lines for conduct, apart from cash (domain e-9). ``malus_minor`` is taken for each complaint of the period, at
    most ``malus_most`` of the fees of the period; ``bonus`` of those fees is added in a period without complaint."""

    malus_minor: int = 0
    malus_most: Decimal = _ONE
    bonus: Decimal = Decimal(0)


@dataclass(frozen=True)
class Terms:
    """What a version of a contract says. ``cap_share`` (of the original principal) and ``cap_minor`` cap the fees of a
    placement, the lesser applies; ``minimum_minor`` is the least fee of a payment (never more than its cash);
    ``tail_days`` are the days after the end of a placement whose payments still count (``None``: as the placement
    says); ``excluded_channels`` are those of direct payments in house and of set-off; ``agency_channels`` those by
    which the agency itself received the cash."""

    currency: str
    tiering: Tiering
    age_basis: AgeBasis
    tiers: tuple[Tier, ...]
    components: frozenset[Component] = frozenset(Component)
    counted: frozenset[PaidTo] = frozenset(PaidTo)
    agency_channels: frozenset[str] = frozenset()
    excluded_channels: frozenset[str] = frozenset()
    excludes_promises: bool = False
    tail_days: int | None = None
    cap_share: Decimal | None = None
    cap_minor: int | None = None
    minimum_minor: int = 0
    tax_rate: Decimal = Decimal(0)
    agency_cash: AgencyCash = AgencyCash.REMITTED
    conduct: Conduct = field(default_factory=Conduct)

    def paid_to(self, channel: str | None) -> PaidTo:
        """Who received what was paid by ``channel``."""
        return PaidTo.AGENCY if channel in self.agency_channels else PaidTo.LENDER


def terms_of(stated: Mapping[str, Any]) -> Terms:
    """The terms as they are stated in a file or kept in the store. Raises ``Invalid`` naming what is wrong."""
    if not isinstance(stated, Mapping):
        raise _wrong("terms", "not a mapping", "不是键值结构")
    unknown = sorted(set(map(str, stated)) - _KNOWN)
    if unknown:
        raise _wrong(unknown[0], "no such term", "没有此项约定")
    tiers = tuple(_tier(row) for row in _list(stated, "tiers"))
    if not 1 <= len(tiers) <= MOST_TIERS:
        raise _wrong("tiers", f"1 to {MOST_TIERS} are needed", f"须有 1 至 {MOST_TIERS} 档")
    codes = [one.code for one in tiers]
    if len(set(codes)) < len(codes):
        raise _wrong("tiers", "a code occurs twice", "档位代码重复")
    conduct = stated.get("conduct") or {}
    if not isinstance(conduct, Mapping) or set(conduct) - {"malus_minor", "malus_most", "bonus"}:
        raise _wrong("conduct", "no such term", "没有此项约定")
    currency = str(stated.get("currency", ""))
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise _wrong("currency", "a currency code is needed", "须为币种代码")
    return Terms(
        currency=currency,
        tiering=_enum(Tiering, stated, "tiering"),
        age_basis=_enum(AgeBasis, stated, "age_basis"),
        tiers=tiers,
        components=frozenset(_each(Component, stated, "components")) or frozenset(Component),
        counted=frozenset(_each(PaidTo, stated, "counted")) or frozenset(PaidTo),
        agency_channels=_texts(stated, "agency_channels"),
        excluded_channels=_texts(stated, "excluded_channels"),
        excludes_promises=stated.get("excludes_promises") is True,
        tail_days=_whole(stated, "tail_days", None),
        cap_share=None if stated.get("cap_share") is None else _share(stated, "cap_share"),
        cap_minor=_whole(stated, "cap_minor", None),
        minimum_minor=_whole(stated, "minimum_minor", 0) or 0,
        tax_rate=_share(stated, "tax_rate", Decimal(0)),
        agency_cash=_enum(AgencyCash, stated, "agency_cash", AgencyCash.REMITTED),
        conduct=Conduct(
            malus_minor=_whole(conduct, "malus_minor", 0) or 0,
            malus_most=_share(conduct, "malus_most", _ONE),
            bonus=_share(conduct, "bonus", Decimal(0)),
        ),
    )


def stated(terms: Terms) -> dict[str, Any]:
    """The terms in values with a canonical spelling; ``terms_of`` reads them back alike."""
    return {
        "currency": terms.currency,
        "tiering": terms.tiering.value,
        "age_basis": terms.age_basis.value,
        "tiers": [_stated_tier(one) for one in terms.tiers],
        "components": sorted(one.value for one in terms.components),
        "counted": sorted(one.value for one in terms.counted),
        "agency_channels": sorted(terms.agency_channels),
        "excluded_channels": sorted(terms.excluded_channels),
        "excludes_promises": terms.excludes_promises,
        "tail_days": terms.tail_days,
        "cap_share": None if terms.cap_share is None else _text(terms.cap_share),
        "cap_minor": terms.cap_minor,
        "minimum_minor": terms.minimum_minor,
        "tax_rate": _text(terms.tax_rate),
        "agency_cash": terms.agency_cash.value,
        "conduct": {
            "malus_minor": terms.conduct.malus_minor,
            "malus_most": _text(terms.conduct.malus_most),
            "bonus": _text(terms.conduct.bonus),
        },
    }


_KNOWN = frozenset(Terms.__dataclass_fields__)
_SPANS = ("age", "placement", "balance", "liquidation")


def _tier(row: Any) -> Tier:
    if not isinstance(row, Mapping) or set(map(str, row)) - {"code", "rate", "buckets", "products", *_SPANS}:
        raise _wrong("tiers", "no such term", "没有此项约定")
    code = str(row.get("code", "")).strip()
    if not 1 <= len(code) <= 32 or not code.isprintable():
        raise _wrong("tiers", "a tier has a code of 1 to 32 characters", "档位代码为 1 至 32 个字符")
    age, placement, balance, liquidation = (_span(row, name) for name in _SPANS)
    return Tier(
        code, _share(row, "rate"), age, placement, balance, liquidation, _texts(row, "buckets"),
        _texts(row, "products"),
    )  # fmt: skip


def _span(row: Mapping[str, Any], name: str) -> Span:
    value = row.get(name)
    if value is None:
        return EVERYTHING
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise _wrong(name, "a range has a beginning and an end", "区间须有起点与终点")
    least, below = (None if one is None else _decimal(one, name) for one in value)
    if name != "liquidation" and any(one != one.to_integral_value() for one in (least, below) if one is not None):
        raise _wrong(name, "whole numbers are needed", "须为整数")
    if least is not None and below is not None and below <= least:
        raise _wrong(name, "the end lies above the beginning", "终点须大于起点")
    return Span(least, below)


def _stated_tier(one: Tier) -> dict[str, Any]:
    made: dict[str, Any] = {"code": one.code, "rate": _text(one.rate)}
    for name in _SPANS:
        span: Span = getattr(one, name)
        if span != EVERYTHING:
            made[name] = [None if edge is None else _text(edge) for edge in (span.least, span.below)]
    if one.buckets:
        made["buckets"] = sorted(one.buckets)
    if one.products:
        made["products"] = sorted(one.products)
    return made


def _decimal(value: Any, name: str) -> Decimal:
    if isinstance(value, bool | float):
        raise _wrong(name, "write decimals as text", "小数请以文本填写")
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        raise _wrong(name, "no number", "不是数字") from None
    if not found.is_finite() or abs(found) >= 10**17 or int(found.as_tuple().exponent) < -6:
        raise _wrong(name, "at most six decimals", "最多六位小数")
    return found


def _text(value: Decimal) -> str:
    found = format(value.normalize(), "f")
    return "0" if found == "-0" else found


def _share(row: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    if row.get(name) is None and default is not None:
        return default
    found = _decimal(row.get(name), name)
    if not 0 <= found <= 1:
        raise _wrong(name, "a share lies between 0 and 1", "比例须在 0 与 1 之间")
    return found


def _whole(row: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = row.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
        raise _wrong(name, "a whole number from 0 on", "须为不小于 0 的整数")
    return int(value)


def _enum(kind: type[E], row: Mapping[str, Any], name: str, default: E | None = None) -> E:
    value = row.get(name, default)
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(one.value for one in kind)
        raise _wrong(name, f"one of {known}", f"须为以下之一：{known}") from None


def _each(kind: type[E], row: Mapping[str, Any], name: str) -> list[E]:
    return [_enum(kind, {name: one}, name) for one in _list(row, name)]


def _list(row: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = row.get(name) or ()
    if not isinstance(value, list | tuple):
        raise _wrong(name, "a list is needed", "须为列表")
    return value


def _texts(row: Mapping[str, Any], name: str) -> frozenset[str]:
    return frozenset(str(one) for one in _list(row, name))


def _wrong(name: str, en: str, zh: str) -> Invalid:
    return Invalid(f"The contract is wrong at {name}: {en}.", f"合同条款 {name} 有误：{zh}。", field="terms")
