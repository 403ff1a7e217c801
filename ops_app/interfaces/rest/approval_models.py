"""What the REST interface takes and gives of approvals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from ops_app.domain.organisation.approvals import RequestMove, RequestState
from ops_app.interfaces.rest.models import Amount, Strict
from ops_app.services.organisation.approvals import ApprovalRequest, RequestDecision


class ApprovalDecisionIn(Strict):
    """A decision on a request. ``version`` and ``content_hash`` are what the caller read; a request with risk flags
    is approved with a reason, and rejecting or returning always needs one."""

    decision: Literal["approve", "reject", "return"]
    version: Annotated[int, Field(strict=True, ge=1)]
    content_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reason: Annotated[str, Field(max_length=500)] = ""


class ApprovalDecisionOut(Strict):
    """What a decision did: the state and version of the request now, and the level whose turn it is of how many."""

    request_id: str
    state: RequestState
    version: int
    level_no: int
    levels: int


class ApprovalHistoryOut(Strict):
    """One thing that was done to a request; ``principal_id`` is on whose behalf."""

    decision: RequestMove
    level_no: int
    decided_by: str
    principal_id: str
    reason: str
    decided_at: datetime


class ApprovalOut(Strict):
    """One request. ``levels`` are the roles that decide, ``level_no`` the one whose turn it is."""

    request_id: str
    kind: str
    object_type: str
    object_id: str
    maker_id: str
    amount_minor: Amount | None
    currency: str | None
    arguments: dict[str, Any]
    content_hash: str
    reason: str
    flags: list[str]
    levels: list[str]
    level_no: int
    state: RequestState
    made_at: datetime
    expires_at: datetime
    version: int
    history: list[ApprovalHistoryOut]

    @classmethod
    def of(cls, one: ApprovalRequest, history: Sequence[RequestDecision] = ()) -> ApprovalOut:
        """The request as it goes out; a list leaves the history out."""
        values = {name: getattr(one, name) for name in cls.model_fields if name != "history"}
        values |= {"flags": list(one.flags), "levels": [role.value for role in one.levels]}
        values |= {"arguments": dict(one.arguments)}
        names = ApprovalHistoryOut.model_fields
        said = [ApprovalHistoryOut(**{name: getattr(it, name) for name in names}) for it in history]
        return cls(**values, history=said)


class ApprovalsOut(Strict):
    """A page of requests."""

    rows: list[ApprovalOut]
    total: int
    page: int
    page_size: int
