"""What the demo's people ask for and wait for: requests on cases, an announcement to the agencies, an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.organisation.announcements import ALL_AGENCIES, AnnouncementKind, Content, checked_audience
from ops_app.domain.organisation.people import Role
from ops_app.services.casework.cases import Case, list_cases
from ops_app.services.casework.requests import Asking, raise_request
from ops_app.services.organisation.announcement_publishing import PUBLISH, submit_announcement
from ops_app.services.organisation.announcements import OBJECT as ANNOUNCEMENT
from ops_app.services.organisation.announcements import draft_announcement
from ops_app.services.organisation.approval_deciding import approve
from ops_app.services.organisation.demo_approving import Cast, approve_all
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import Asked
from ops_app.store.organisation import approvals
from ops_app.store.store import Store

_NO_FILES = Path()
"""None of these requests comes with a file."""


def ask_for_things(
    cast: Cast, store: Store, *, now: datetime, today: date, zone: ZoneInfo, houses: Sequence[tuple[str, str]]
) -> None:
    """Raise requests on cases as the people of the agencies (supervisor, collector), publish an announcement, and ask
    for an export."""
    for number, (supervisor, collector) in enumerate(houses):
        own = list_cases(cast.actor(collector), store, now=now, limit=8).rows
        asked: list[tuple[str, CaseRequestKind, str, Mapping[str, Any]]] = [
            (collector, CaseRequestKind.INSTALMENT, "债务人愿按月还款，已核实收入", {"ground": "hardship"}),
            (collector, CaseRequestKind.DOCUMENTS, "债务人要求查看合同",
             {"documents": ["contract", "statement"], "purpose": "债务人要求核对合同与账单"}),
            (supervisor, CaseRequestKind.KEEP_CASE, "已达成还款承诺，申请留案",
             {"ground": "promise", "until_date": (today + timedelta(days=120)).isoformat()}),
            (collector, CaseRequestKind.DISPUTE, "债务人称金额有误，已停止联系",
             {"about": "amount", "statement": "债务人称六月已还一半"}),
        ]  # fmt: skip
        for one, (who, kind, reason, form) in zip(own, asked, strict=False):
            raise_request(
                cast.actor(who), store, now=now, zone=zone, evidence_folder=_NO_FILES, case_id=one.case_id,
                case_version=one.version, asking=Asking(kind, {**_terms(kind, one, today), **form}, reason),
                key=f"demo/{number}/{kind.value}",
            )  # fmt: skip
            if kind is CaseRequestKind.DOCUMENTS:
                _pass_on(cast, store, now, supervisor, one, kind)
    _announce(cast, store, now)
    _ask_for_export(cast, store, now)


def _terms(kind: CaseRequestKind, one: Case, today: date) -> Mapping[str, Any]:
    if kind is not CaseRequestKind.INSTALMENT:
        return {}
    first = (today + timedelta(days=15)).isoformat()
    return {"total_minor": one.balance_minor, "instalments": 6, "first_date": first}


def _pass_on(cast: Cast, store: Store, now: datetime, supervisor: str, one: Case, kind: CaseRequestKind) -> None:
    """The agency's own supervisor agrees, so that the request waits for the asset company."""
    with store.reading() as connection:
        (waiting,) = approvals.open_of(connection, kind.approval_kind, "case", one.case_id)
    approve(
        cast.actor(supervisor), store, now=now, request_id=waiting.request_id, expected_version=waiting.version,
        content_hash=waiting.content_hash, reason="情况属实，请资产公司提供", key=f"demo/{waiting.request_id}/1",
    )  # fmt: skip


def _announce(cast: Cast, store: Store, now: datetime) -> None:
    supervisor = cast.actor("supervisor")
    content = Content(
        kind=AnnouncementKind.RULE_CHANGE,
        title_en="Before each contact: who you speak to, and what you may say",
        body_en=(
            "Make sure that you speak to the debtor before you name a debt. Nothing about it goes to relatives, "
            "colleagues or anybody else. Whoever disputes a debt or complains is not contacted again until the asset "
            "company has answered: raise the request on the case at once."
        ),
        title_zh="联系前须核实身份，不得向第三人透露债务",
        body_zh=(
            "联系时须先核实对方为债务人本人，再告知欠款。不得向亲属、同事等第三人透露债务信息。债务人提出异议或投诉的，"
            "应立即停止联系并在案件中提交申请，待资产公司答复后方可继续。"
        ),
        audience=checked_audience((Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR), (ALL_AGENCIES,)),
        valid_from_at=now,
        valid_until_at=now + timedelta(days=60),
    )
    draft = draft_announcement(supervisor, store, now=now, content=content, key="demo")
    submit_announcement(
        supervisor, store, now=now, announcement_id=draft.announcement_id, version=draft.version,
        reason="季度合规提示 Quarterly reminder", key="demo/announcement",
    )  # fmt: skip
    approve_all(
        cast, store, now=now, kind=PUBLISH, object_type=ANNOUNCEMENT, object_id=draft.announcement_id
    )  # fmt: skip


def _ask_for_export(cast: Cast, store: Store, now: datetime) -> None:
    """The supervisor asks for the list of all cases as the page has it; the manager has not decided yet."""
    supervisor = cast.actor("supervisor")
    rows = list_cases(supervisor, store, now=now, limit=1).total
    request_export(
        supervisor, store, now=now,
        asked=Asked(
            what="cases_all", title="Cases", filters={"sort": "days_past_due-"}, rows=rows, file_format="xlsx",
            reason="月度资产盘点 Monthly stock-taking", address="/cases?cases_view=all",
        ),
    )  # fmt: skip
