"""Requests on a case (features 50 and 60): what may be asked for, how it ends, who may answer it with what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.approvals import RequestMove, RequestState

CASE = "case"
"""What every such request is about, for the approvals engine."""

_PREFIX = "case_request."


class CaseRequestKind(StrEnum):
    """What somebody who works on a case may ask for."""

    WAIVER = "waiver"
    INSTALMENT = "instalment"
    KEEP_CASE = "keep_case"
    RETURN_CASE = "return_case"
    DOCUMENTS = "documents"
    STOP_COLLECTION = "stop_collection"
    DISPUTE = "dispute"
    PAYMENT_CONFIRMATION = "payment_confirmation"

    @property
    def approval_kind(self) -> str:
        """The kind as the approvals engine knows it."""
        return f"{_PREFIX}{self.value}"


CASE_REQUEST_KIND_NAMES: dict[CaseRequestKind, tuple[str, str]] = {
    CaseRequestKind.WAIVER: ("waiver", "减免"),
    CaseRequestKind.INSTALMENT: ("instalment plan", "分期"),
    CaseRequestKind.KEEP_CASE: ("keep the case longer", "留案"),
    CaseRequestKind.RETURN_CASE: ("return of the case", "退案"),
    CaseRequestKind.DOCUMENTS: ("documents", "资料"),
    CaseRequestKind.STOP_COLLECTION: ("stop of collection", "停催"),
    CaseRequestKind.DISPUTE: ("dispute", "争议"),
    CaseRequestKind.PAYMENT_CONFIRMATION: ("confirmation of a payment", "还款确认"),
}

OF_A_PLACEMENT = frozenset({CaseRequestKind.KEEP_CASE, CaseRequestKind.RETURN_CASE})
"""Kinds that only make sense while the case is with an agency."""


OF_MONEY = frozenset({CaseRequestKind.WAIVER, CaseRequestKind.INSTALMENT, CaseRequestKind.PAYMENT_CONFIRMATION})
"""Kinds whose amount is money that is asked for; the amount of any other is the balance of the case, which moves
nothing. Limits of amount hold for these alone: a dispute is never stopped (decision 0017)."""


class Outcome(StrEnum):
    """How a request ended."""

    GRANTED = "granted"
    PROVIDED = "provided"
    DEBT_CONFIRMED = "debt_confirmed"
    DEBT_CORRECTED = "debt_corrected"
    NOT_OWED = "not_owed"
    PAYMENT_FOUND = "payment_found"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    CASE_LEFT = "case_left"


OUTCOME_NAMES: dict[Outcome, tuple[str, str]] = {
    Outcome.GRANTED: ("granted", "已同意"),
    Outcome.PROVIDED: ("documents provided", "已提供资料"),
    Outcome.DEBT_CONFIRMED: ("debt confirmed, contact may go on", "债务属实，可继续联系"),
    Outcome.DEBT_CORRECTED: ("debt corrected, contact may go on", "债务已更正，可继续联系"),
    Outcome.NOT_OWED: ("not owed by this person, contact stays stopped", "非本人债务，继续停止联系"),
    Outcome.PAYMENT_FOUND: ("payment found", "已查到还款"),
    Outcome.REFUSED: ("refused", "未同意"),
    Outcome.WITHDRAWN: ("withdrawn", "已撤回"),
    Outcome.EXPIRED: ("expired", "已过期"),
    Outcome.CASE_LEFT: ("the case left the agency", "案件已离开机构"),
}

ANSWERS: Mapping[CaseRequestKind, tuple[Outcome, ...]] = {
    CaseRequestKind.DOCUMENTS: (Outcome.PROVIDED,),
    CaseRequestKind.DISPUTE: (Outcome.DEBT_CONFIRMED, Outcome.DEBT_CORRECTED, Outcome.NOT_OWED),
    CaseRequestKind.PAYMENT_CONFIRMATION: (Outcome.PAYMENT_FOUND,),
}
"""Kinds that a yes alone does not settle: the last step gives one of these answers. Every other kind is granted."""

ANSWERED_WITH_EVIDENCE = frozenset({CaseRequestKind.DOCUMENTS, CaseRequestKind.DISPUTE})
"""Kinds whose answer brings at least one file."""

CONTACT_MAY_GO_ON = frozenset({Outcome.DEBT_CONFIRMED, Outcome.DEBT_CORRECTED})
"""Answers to a dispute after which its flag is taken from the case."""

_ENDS: Mapping[RequestMove, Outcome] = {
    RequestMove.REJECT: Outcome.REFUSED,
    RequestMove.WITHDRAW: Outcome.WITHDRAWN,
    RequestMove.EXPIRE: Outcome.EXPIRED,
}


class Step(StrEnum):
    """Whose turn it is."""

    AGENCY = "agency"
    ASSET = "asset"
    REQUESTER = "requester"
    NOBODY = "nobody"


STEP_NAMES: dict[Step, tuple[str, str]] = {
    Step.AGENCY: ("agency", "机构"),
    Step.ASSET: ("asset company", "资产公司"),
    Step.REQUESTER: ("requester", "申请人"),
    Step.NOBODY: ("nobody", "无"),
}


class NoSuchCaseRequest(NotFound):
    """No such request within the actor's reach: missing and foreign look the same."""

    def __init__(self) -> None:
        super().__init__("There is no such request.", "没有该申请。")


class NotWithAnAgency(Conflict):
    """Only a case that is with an agency is kept longer or returned."""

    def __init__(self, kind: CaseRequestKind) -> None:
        en, zh = CASE_REQUEST_KIND_NAMES[kind]
        super().__init__(
            f"The case's present state allows no {en}; only a case placed with an agency has one.",
            f"案件当前状态不能申请{zh}，仅委外中的案件可申请。",
            field="kind",
        )


class ClosedCase(Conflict):
    """Nothing is asked for on a case that is closed."""

    def __init__(self) -> None:
        super().__init__("The case is closed.", "案件已结案。", field="kind")


class AnswerMissing(Invalid):
    """The last step of this kind is an answer, given on the page of requests."""

    def __init__(self, kind: CaseRequestKind) -> None:
        en, zh = CASE_REQUEST_KIND_NAMES[kind]
        with_file = kind in ANSWERED_WITH_EVIDENCE
        super().__init__(
            f"A request of this kind ({en}) is settled by an answer{' with a file' if with_file else ''}: "
            "give it on the page of requests.",
            f"“{zh}”须在申请页面答复{'并附证据文件' if with_file else ''}后办结。",
            field="files" if with_file else "outcome",
        )


class OnlyAnAnswerEnds(Refused):
    """A dispute ends by an answer with evidence and in no other way, so that nobody resumes contact without one."""

    def __init__(self) -> None:
        super().__init__(
            "A dispute is neither rejected nor withdrawn: it ends when it is answered with evidence.",
            "争议不能驳回或撤回，须以证据答复后方可结束。",
        )


class OpenDispute(Conflict):
    """The flag of a dispute stays while a request about it is open."""

    def __init__(self) -> None:
        super().__init__(
            "The dispute on this case is still open: contact stays stopped until it is answered with evidence on the "
            "page of requests.",
            "该案件的争议尚未办结：须在申请页面以证据答复后方可恢复联系。",
            field="what",
        )


class BalanceMoved(Conflict):
    """What was asked for rests on a balance that is no longer so (feature 26: a waiver lapses with it)."""

    def __init__(self) -> None:
        super().__init__(
            "The balance of the case changed since this was asked for. Return it to the requester, who can ask anew "
            "with the present balance.",
            "提交申请后案件余额已变动，请退回申请人按最新余额重新提交。",
        )


class CaseElsewhere(Conflict):
    """The agency that asked has the case no more."""

    def __init__(self) -> None:
        super().__init__("The case is no longer with the agency that asked for this.", "案件已不在提出申请的机构。")


def kind_of(approval_kind: str) -> CaseRequestKind | None:
    """The kind of a request of the approvals engine, where it is one on a case."""
    if not approval_kind.startswith(_PREFIX):
        return None
    code = approval_kind.removeprefix(_PREFIX)
    return CaseRequestKind(code) if code in CaseRequestKind._value2member_map_ else None


def is_of_money(approval_kind: str) -> bool:
    """Whether the amount of a request of the approvals engine is money that is asked for."""
    kind = kind_of(approval_kind)
    return kind is None or kind in OF_MONEY


def check_move(kind: CaseRequestKind, what: RequestMove) -> None:
    """Raise ``OnlyAnAnswerEnds`` for a move that would end a dispute without an answer."""
    if kind is CaseRequestKind.DISPUTE and what in _ENDS:
        raise OnlyAnAnswerEnds


def outcome_of(what: RequestMove, answered: Outcome | None) -> Outcome | None:
    """How a request ended by this move (``answered``: what the answer said, if there is one); ``None``: it did not."""
    if what is RequestMove.APPROVE_LAST:
        return answered or Outcome.GRANTED
    return _ENDS.get(what)


def step_of(state: RequestState, awaited_role: str | None) -> Step:
    """Whose turn it is in this state of a request that waits for ``awaited_role``."""
    if state is RequestState.RETURNED:
        return Step.REQUESTER
    if state is not RequestState.WAITING:
        return Step.NOBODY
    return Step.AGENCY if awaited_role == "agency_supervisor" else Step.ASSET


def checked_outcome(kind: CaseRequestKind, stated: str | None) -> Outcome:
    """The answer of a kind that is answered; raises ``Invalid`` (field ``outcome``)."""
    allowed = ANSWERS.get(kind, ())
    if stated not in [one.value for one in allowed]:
        raise Invalid("Say how it is answered.", "请选择答复结果。", field="outcome")
    return Outcome(stated)
