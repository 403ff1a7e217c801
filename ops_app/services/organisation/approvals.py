"""The one approvals engine (design §2 principle 7): a maker's command is stored and run by its last approval.

A service that owns a command registers its kind at import with ``register`` and calls ``enter_request`` within its own
act; everything after that (levels by amount and role, maker is not checker, return, withdrawal, delegation, expiry)
happens here. Nobody calls a kind's command past the engine.
"""

from __future__ import annotations

from ops_app.services.organisation.approval_capacity import Read
from ops_app.services.organisation.approval_deciding import (
    DECISIONS,
    LARGEST_BULK,
    DecidedMany,
    Preview,
    approve,
    decide_requests,
    preview_decisions,
    reject,
    return_request,
)
from ops_app.services.organisation.approval_delegations import (
    delegate,
    end_delegation,
    list_delegations,
    possible_delegates,
)
from ops_app.services.organisation.approval_kinds import Draft, Kind, kind_of, kinds, register
from ops_app.services.organisation.approval_making import (
    enter_request,
    expire_requests,
    request_approval,
    resubmit,
    withdraw,
)
from ops_app.services.organisation.approval_moves import Moved
from ops_app.services.organisation.approval_reading import (
    RequestRecord,
    RequestsPage,
    list_requests,
    my_requests,
    read_request,
    requests_on,
)
from ops_app.store.organisation.approval_lists import SORTABLE, RequestFilter
from ops_app.store.organisation.approval_rules import Delegation
from ops_app.store.organisation.approvals import ApprovalRequest, RequestDecision, Round

__all__ = [
    "DECISIONS", "LARGEST_BULK", "SORTABLE", "ApprovalRequest", "DecidedMany", "Delegation", "Draft", "Kind",
    "Moved", "Preview", "Read", "RequestDecision", "RequestFilter", "RequestRecord", "Round", "RequestsPage", "approve",
    "decide_requests", "delegate", "end_delegation", "enter_request", "expire_requests", "kind_of", "kinds",
    "list_delegations", "list_requests", "my_requests", "possible_delegates", "preview_decisions", "read_request",
    "register", "reject", "request_approval", "requests_on", "resubmit", "return_request", "withdraw",
]  # fmt: skip
