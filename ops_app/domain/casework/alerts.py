"""Internal monitoring (feature 17): what is reported of placed cases and their agencies, and what an alert is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from ops_app.domain.errors import Conflict, NotFound


class AlertKind(StrEnum):
    """What is reported. Alerts about contacts themselves come with the contact rules."""

    NO_FIRST_CONTACT = "no_first_contact"
    NO_TOUCH = "no_touch"
    AGENCY_STOPPED = "agency_stopped"
    OVER_CAPACITY = "over_capacity"


ALERT_KIND_NAMES: dict[AlertKind, tuple[str, str]] = {
    AlertKind.NO_FIRST_CONTACT: ("no first attempt in time", "超时限未首次触达"),
    AlertKind.NO_TOUCH: ("no attempt for too long", "长期未触达"),
    AlertKind.AGENCY_STOPPED: ("holds cases though it may not be given any", "机构不具备承接资格但仍持有案件"),
    AlertKind.OVER_CAPACITY: ("holds more cases than its capacity", "在手案件超过承接能力"),
}

TO_BE_SETTLED = timedelta(days=2)
"""Within this time of its finding an alert is to be closed by its owner."""


@dataclass(frozen=True)
class Alert:
    """One thing that was found: since when it has been so, when it was found, by when its owner settles it.

    ``owner_id``: whoever asked for the placement; nobody where that person is not there any more, then any supervisor
    may take it. Closed with a note, by a person or because it is no longer so.
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
    owner_name: str | None = None
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
