"""What a request is about, as people name it: never by the identifier that programs know it by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export import MAX_ROWS
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES
from ops_app.domain.organisation.parameters import Scope
from ops_app.domain.organisation.people import AGENCY_ROLES, Role
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.parameter_catalogue import catalogue

IDENTIFIERS = frozenset(
    {
        "announcement_id", "batch", "case_id", "case_request_id", "expected_version", "made_by", "number", "person_id",
        "rows_hash", "sha256", "what", "zone",
    }
)  # fmt: skip
"""Arguments by which programs know what is asked for; they stand apart from what a person decides on."""


def subject_of(at: Here, kind: str, object_id: str, arguments: Mapping[str, Any]) -> str:
    """What a request of ``kind`` is about: cases and the agency of a batch, a loan, a title, a parameter, a rule. What
    this program has no words for keeps the name it came with."""
    for name, said in _SAID.items():
        if name in arguments:
            return said(at, arguments)
    if kind == "approvals.rules_change":
        return at.labels.named({one.code: one.name for one in engine.kinds().values()}, object_id)
    return object_id


def case_address(at: Here, case_id: str) -> str:
    """Where a person looks at a case: on the page of cases of their console."""
    page = "agency_cases" if at.actor.role in AGENCY_ROLES else "cases"
    page = "my_cases" if at.actor.role is Role.COLLECTOR else page
    return f"/{page}?case_id={case_id}"


def batch_address(batch_id: str) -> str:
    """Where a batch is looked at, case by case."""
    return f"/cases?cases_view=batches&batch_id={batch_id}"


def _batch(at: Here, arguments: Mapping[str, Any]) -> str:
    count = at.labels.count(int(arguments["case_count"]))
    if arguments.get("agency_code"):
        return at.t("subjects.cases_with", count=count, agency=str(arguments["agency_code"]))
    return at.t("subjects.cases", count=count)


def _loan(at: Here, arguments: Mapping[str, Any]) -> str:
    return at.t("subjects.loan", loan=str(arguments["loan_id"]))


def _title(at: Here, arguments: Mapping[str, Any]) -> str:
    both = [str(arguments.get(f"title_{code}") or "") for code in ("en", "zh")]
    return next(filter(None, both[::-1] if at.actor.language == "zh" else both), "")


def _export(at: Here, arguments: Mapping[str, Any]) -> str:
    rows = int(arguments["rows"])
    count = at.labels.count(rows)
    # a list whose length nobody counts is asked for with all that an export may hold
    said = "subjects.export_up_to" if rows >= MAX_ROWS else "subjects.export"
    return at.t(said, title=str(arguments["title"]), count=count, number=str(arguments["number"]))


def _settlement(at: Here, arguments: Mapping[str, Any]) -> str:
    # a permission to close in spite of checks names its settlement by the identifier alone
    return str(arguments.get("number") or arguments["settlement_id"])


def _rule(at: Here, arguments: Mapping[str, Any]) -> str:
    agency = str(arguments["agency_code"])
    kind = at.labels.named({one.value: names for one, names in CASE_REQUEST_KIND_NAMES.items()}, arguments["kind"])
    return at.labels.listing([kind, at.t("subjects.every_agency") if agency == "*" else agency])


def _parameter(at: Here, arguments: Mapping[str, Any]) -> str:
    code, known = str(arguments["code"]), catalogue().definitions
    parts = [at.labels.named({it: one.name for it, one in known.items()}, code)]
    scope = Scope.parse(str(arguments["scope"]))
    whose = {"product": catalogue().products, "pack": catalogue().packs, "lender": catalogue().lenders}
    parts += [
        f"{at.t(f'parameters.dimensions.{name}')} {at.labels.named(whose[name], getattr(scope, name))}"
        for name in scope.named
    ]
    return " · ".join(parts)


_SAID = {
    "settlement_id": _settlement,  # before the number of an export, which it has as well
    "batch": _batch, "loan_id": _loan, "announcement_id": _title, "number": _export, "due_hours": _rule,
    "scope": _parameter,
}  # fmt: skip
"""An argument that only one sort of request has → how that sort is named."""
