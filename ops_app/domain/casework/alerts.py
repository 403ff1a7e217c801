"""Internal monitoring (feature 17): what is reported of placed cases and their agencies, and what an alert is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from ops_app.domain.errors import Conflict, NotFound


class AlertKind(StrEnum):
    """What is reported. Alerts about contacts themselves come with the contact rules."""

    NO_FIRST_CONTACT = "no_first_contact"
    NO_TOUCH = "no_touch"
    AGENCY_STOPPED = "agency_stopped"
    OVER_CAPACITY = "over_capacity"
    UNMATCHED_PAYMENT = "unmatched_payment"
    SHOWN_UNTRIED = "shown_untried"


ALERT_KIND_NAMES: dict[AlertKind, tuple[str, str]] = {
    AlertKind.NO_FIRST_CONTACT: ("no first attempt in time", "超时限未首次触达"),
    AlertKind.NO_TOUCH: ("no attempt for too long", "长期未触达"),
    AlertKind.AGENCY_STOPPED: ("holds cases though it may not be given any", "机构不具备承接资格但仍持有案件"),
    AlertKind.OVER_CAPACITY: ("holds more cases than its capacity", "在手案件超过承接能力"),
    AlertKind.UNMATCHED_PAYMENT: ("repayment of a placed case not matched for too long", "委外案件还款长期未匹配"),
    AlertKind.SHOWN_UNTRIED: ("data of many cases shown in full without an attempt", "多案查看完整信息却无催收记录"),
}

LASTING = frozenset({AlertKind.SHOWN_UNTRIED})
"""What somebody did on a day that is over: it does not cease, so a person closes it."""

TO_BE_SETTLED = timedelta(days=2)
"""Within this time of its finding an alert is to be closed by its owner."""


@dataclass(frozen=True)
class Shown:
    """Personal data of a case that somebody saw in full, on a day of the installation's zone."""

    person_id: str
    agency_code: str | None
    case_id: str
    day: date


def shown_untried(
    shown: Iterable[Shown], tried: Collection[tuple[str, str, date]]
) -> dict[tuple[str, str | None, date], set[str]]:
    """(person, agency, day) → the cases of which that person saw data in full on that day and which they have not
    tried since. ``tried``: case, person and day of each attempt. Who looks at many debtors and calls none of them may
    be taking the data elsewhere."""
    last: dict[tuple[str, str], date] = {}
    for case_id, person_id, day in tried:
        last[case_id, person_id] = max(day, last.get((case_id, person_id), day))
    found: dict[tuple[str, str | None, date], set[str]] = {}
    for one in shown:
        attempt = last.get((one.case_id, one.person_id))
        if attempt is None or attempt < one.day:
            found.setdefault((one.person_id, one.agency_code, one.day), set()).add(one.case_id)
    return found


@dataclass(frozen=True)
class Alert:
    """One thing that was found: since when it has been so, when it was found, by when its owner settles it.

    ``owner_id``: whoever asked for the placement; nobody where that person is not there any more, then any supervisor
    may take it. Closed with a note, by a person or because it is no longer so. ``person_id``: whose doings it is about;
    ``quantity``: of how many cases.
    """

    alert_id: str
    kind: AlertKind
    subject_key: str
    case_id: str | None
    agency_code: str | None
    since_at: datetime
    found_at: datetime
    due_at: datetime
    owner_id: str | None
    closed_at: datetime | None = None
    closed_by: str | None = None
    closed_by_name: str | None = None
    closing_note: str | None = None
    version: int = 1
    person_id: str | None = None
    quantity: int | None = None
    owner_name: str | None = None
    person_name: str | None = None
    loan_id: str | None = None


class NoSuchAlert(NotFound):
    """No such alert within reach."""

    def __init__(self) -> None:
        super().__init__("There is no such alert.", "没有该告警。")


class AlertChanged(Conflict):
    """Somebody took or closed the alert since it was read."""

    def __init__(self, who: str) -> None:
        super().__init__(
            f"{who} changed one of these alerts meanwhile. Look again.", f"{who} 已先行处理其中的告警，请刷新后再试。"
        )
