"""Flags of a case: what protects the debtor, and what each forbids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.casework.cases import CASE_STATE_NAMES, PERMITS, CaseState, Position, listed
from ops_app.domain.errors import Refused


class Flag(StrEnum):
    """Something known of the debtor or the claim that limits what may be done."""

    DISPUTE = "dispute"
    COMPLAINT = "complaint"
    BANKRUPT = "bankrupt"
    DECEASED = "deceased"
    VULNERABLE = "vulnerable"
    CEASE_CONTACT = "cease_contact"


FLAG_NAMES: dict[Flag, tuple[str, str]] = {
    Flag.DISPUTE: ("dispute", "争议"),
    Flag.COMPLAINT: ("open complaint", "投诉未结"),
    Flag.BANKRUPT: ("bankrupt", "破产"),
    Flag.DECEASED: ("deceased", "死亡"),
    Flag.VULNERABLE: ("vulnerable", "弱势群体"),
    Flag.CEASE_CONTACT: ("contact must cease", "停止联系"),
}


class Deed(StrEnum):
    """What one may want to do with a case."""

    CONTACT = "contact"
    PLACEMENT = "placement"
    ASSIGNMENT = "assignment"
    VISIT = "visit"


DEED_NAMES: dict[Deed, tuple[str, str]] = {
    Deed.CONTACT: ("contact", "联系"),
    Deed.PLACEMENT: ("placement", "委外"),
    Deed.ASSIGNMENT: ("assignment", "分派"),
    Deed.VISIT: ("visit", "外访"),
}

FORBIDS: dict[Flag, frozenset[Deed]] = {
    Flag.DISPUTE: frozenset({Deed.CONTACT, Deed.PLACEMENT, Deed.VISIT}),
    Flag.COMPLAINT: frozenset({Deed.PLACEMENT, Deed.VISIT}),
    Flag.BANKRUPT: frozenset({Deed.CONTACT, Deed.PLACEMENT, Deed.VISIT}),
    Flag.DECEASED: frozenset({Deed.CONTACT, Deed.PLACEMENT, Deed.VISIT}),
    Flag.VULNERABLE: frozenset({Deed.VISIT}),
    Flag.CEASE_CONTACT: frozenset({Deed.CONTACT, Deed.PLACEMENT, Deed.VISIT}),
}
"""Flag → what it forbids (features 13 and 29). An assignment stays allowed: somebody must look after the case."""


@dataclass(frozen=True)
class Reason:
    """Why something may not be done: ``code`` is a flag or a state, with its sentence in both languages."""

    code: str
    en: str
    zh: str


class Forbidden(Refused):
    """The state or the flags of a case forbid what was asked; ``reasons`` has all of them."""

    def __init__(self, deed: Deed, reasons: Iterable[Reason]) -> None:
        self.deed = deed
        self.reasons = tuple(reasons)
        en, zh = listed([(one.en, one.zh) for one in self.reasons])
        super().__init__(f"No {DEED_NAMES[deed][0]} now: {en}.", f"当前不可{DEED_NAMES[deed][1]}：{zh}。")


def reasons_against(deed: Deed, position: Position, flags: Iterable[Flag]) -> tuple[Reason, ...]:
    """Every reason why ``deed`` may not be done with a case that stands there and has these flags; empty if it may."""
    found = []
    if not _permitted(deed, position.state):
        en, zh = CASE_STATE_NAMES[position.state]
        found.append(Reason(position.state.value, f"the case is {en}", f"案件状态为“{zh}”"))
    for flag in sorted(flags, key=list(Flag).index):
        if deed in FORBIDS[flag]:
            found.append(Reason(flag.value, f"flagged: {FLAG_NAMES[flag][0]}", f"标识：{FLAG_NAMES[flag][1]}"))
    return tuple(found)


def require(deed: Deed, position: Position, flags: Iterable[Flag], more: Iterable[Reason] = ()) -> None:
    """Raise ``Forbidden`` with every reason, ``more`` ones included, unless ``deed`` may be done."""
    reasons = (*reasons_against(deed, position, flags), *more)
    if reasons:
        raise Forbidden(deed, reasons)


def _permitted(deed: Deed, state: CaseState) -> bool:
    permits = PERMITS[state]
    return {
        Deed.CONTACT: permits.contact,
        Deed.PLACEMENT: permits.placement,
        Deed.ASSIGNMENT: permits.assignment,
        Deed.VISIT: permits.contact,
    }[deed]


def written(flags: Iterable[Flag]) -> str:
    """Flags as the store keeps them on the case: in their own order, blanks between."""
    return " ".join(flag.value for flag in Flag if flag in set(flags))


def read(stored: str) -> frozenset[Flag]:
    """The flags of a stored text."""
    return frozenset(Flag(code) for code in stored.split())
