"""What the REST interface takes and gives of requests on cases, to-dos and notices."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ops_app.domain.casework.evidence import MOST_FILES, Upload
from ops_app.domain.casework.request_rules import AssetStep, RequestRule
from ops_app.domain.casework.requests import CaseRequestKind, Outcome, Step
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approvals import RequestState
from ops_app.interfaces.rest.approval_models import ApprovalHistoryOut
from ops_app.interfaces.rest.models import Amount, Key, Strict
from ops_app.services.casework.request_reading import CaseRequest, CaseRequestRecord
from ops_app.services.casework.requests import Asking
from ops_app.services.organisation.notices import Notice, NoticesPage
from ops_app.services.organisation.todo import ToDo

Version = Annotated[int, Field(strict=True, ge=1)]
Reason = Annotated[str, Field(max_length=500)]


class FileIn(Strict):
    """A file by its name and its bytes in base64."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    base64: Annotated[str, Field(min_length=1)]

    def upload(self) -> Upload:
        """The file; raises ``Invalid`` (field ``files``) where the text is no base64."""
        try:
            return Upload(self.name, base64.b64decode(self.base64, validate=True))
        except (binascii.Error, ValueError) as error:
            raise Invalid("A file is sent in base64.", "文件须以 base64 编码。", field="files") from error


Files = Annotated[list[FileIn], Field(max_length=MOST_FILES)]


class AskIn(Strict):
    """What is asked for on a case. ``form`` holds the fields of the kind: amounts in whole minor units, days as
    ``2026-11-27``, codes. ``case_version`` is what the caller read."""

    kind: Annotated[CaseRequestKind, Field(strict=False)]
    case_version: Version
    form: dict[str, Any]
    reason: Reason
    files: Files = []

    def asking(self) -> Asking:
        return Asking(self.kind, self.form, self.reason, tuple(one.upload() for one in self.files))


class AskAgainIn(Strict):
    """A returned request, changed and submitted again. ``version`` is that of the request which was read."""

    version: Version
    form: dict[str, Any]
    reason: Reason
    files: Files = []


class WithdrawIn(Strict):
    """An own request is taken back."""

    version: Version
    reason: Reason


class AnswerIn(Strict):
    """The answer to a request that an answer settles, with the last approval."""

    version: Version
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    outcome: Annotated[str, Field(max_length=32)]
    reply: Reason
    payment_id: Annotated[str, Field(max_length=200)] = ""
    files: Files = []


class AskedOut(Strict):
    """That something was asked for; a repetition is given the same."""

    case_request_id: str


class MovedOut(Strict):
    """The state and version of the request now, and the step whose turn it is of how many."""

    state: RequestState
    version: int
    level_no: int
    levels: int


class CaseRequestOut(Strict):
    """One request on a case, as a list shows it."""

    case_request_id: str
    approval_id: str | None
    case_id: str
    loan_id: str
    kind: CaseRequestKind
    agency_code: str | None
    requested_by: str
    requested_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    form: dict[str, Any]
    amount_minor: Amount
    currency: str
    reason: str
    state: RequestState
    step: Step
    outcome: Outcome | None
    reply: str | None
    ended_at: datetime | None

    @classmethod
    def of(cls, one: CaseRequest) -> CaseRequestOut:
        """The request as it goes out."""
        return cls(**_values(one))


def _values(one: CaseRequest) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in CaseRequestOut.model_fields}
    return values | {"form": dict(one.form)}


class CaseRequestsOut(Strict):
    """A page of requests on cases."""

    rows: list[CaseRequestOut]
    total: int
    page: int
    page_size: int


class FileOut(Strict):
    """A file that belongs to a request; ``part`` is ``asked`` or ``answered``."""

    evidence_id: str
    file_name: str
    media_type: str
    size_bytes: int
    sha256: str
    part: str
    added_by: str
    added_at: datetime


class CaseRequestRecordOut(CaseRequestOut):
    """One request with what a decision needs (``version``, ``content_hash``), its files and its history."""

    version: int
    content_hash: str
    levels: list[str]
    level_no: int
    files: list[FileOut]
    history: list[ApprovalHistoryOut]

    @classmethod
    def of_record(cls, found: CaseRequestRecord) -> CaseRequestRecordOut:
        """The record as it goes out."""
        approval = found.approval
        files = [FileOut(**{name: getattr(one, name) for name in FileOut.model_fields}) for one in found.files]
        names = ApprovalHistoryOut.model_fields
        return cls(
            **_values(found.item),
            version=approval.version,
            content_hash=approval.content_hash,
            levels=[role.value for role in approval.levels],
            level_no=approval.level_no,
            files=files,
            history=[ApprovalHistoryOut(**{name: getattr(it, name) for name in names}) for it in found.history],
        )


class RuleOut(Strict):
    """Which requests go up; ``*`` stands for every agency or currency without a rule of its own."""

    kind: CaseRequestKind
    agency_code: str
    currency: str
    asset: AssetStep
    above_minor: int | None
    due_hours: int

    @classmethod
    def of(cls, one: RequestRule) -> RuleOut:
        """The rule as it goes out."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class RuleIn(Strict):
    """Another rule, to be approved by somebody else."""

    kind: Annotated[CaseRequestKind, Field(strict=False)]
    asset: Annotated[AssetStep, Field(strict=False)]
    due_hours: Annotated[int, Field(strict=True)]
    above_minor: Annotated[int, Field(strict=True)] | None = None
    agency_code: Annotated[str, Field(max_length=32)] = "*"
    currency: Annotated[str, Field(max_length=3)] = "*"
    reason: Reason


class RuleAskedOut(Strict):
    """The request for approval of a rule."""

    request_id: str


class ToDoOut(Strict):
    """One thing that waits for the caller."""

    kind: str
    opens: str
    object_id: str
    topic: str
    subject: str
    who: str
    since_at: datetime
    due_at: datetime | None
    amount_minor: Amount | None
    currency: str | None

    @classmethod
    def of(cls, one: ToDo) -> ToDoOut:
        """The to-do as it goes out."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class ToDosOut(Strict):
    """What waits for the caller, by due time."""

    rows: list[ToDoOut]
    counts: dict[str, int]
    late: int
    unread_notices: int


class NoticeOut(Strict):
    """One thing that the caller was told."""

    notice_id: str
    event: str
    kind: str
    object_type: str
    object_id: str
    request_id: str
    by_name: str
    reason: str
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, one: Notice) -> NoticeOut:
        """The notice as it goes out."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class NoticesOut(Strict):
    """A page of the caller's notices."""

    rows: list[NoticeOut]
    total: int
    unread: int
    page: int
    page_size: int

    @classmethod
    def of(cls, one: NoticesPage) -> NoticesOut:
        """The page as it goes out."""
        rows: Sequence[NoticeOut] = [NoticeOut.of(row) for row in one.rows]
        return cls(rows=list(rows), total=one.total, unread=one.unread, page=one.page, page_size=one.page_size)


class ReadIn(Strict):
    """Which notices were read; ``None``: all."""

    ids: Annotated[list[Key], Field(max_length=500)] | None = None


class ReadOut(Strict):
    """How many of them were unread."""

    marked: int
