"""The pages of the consoles: address, file, section and the permission each needs. The shell reads this table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class PageSpec:
    """One page: ``key`` names its texts (``page.<key>``); an empty ``url_path`` is the home page."""

    key: str
    url_path: str
    file: str
    section: str
    permission: str

    @property
    def path(self) -> Path:
        return _FOLDER / self.file


PAGES: tuple[PageSpec, ...] = (
    PageSpec("home", "", "home.py", "start", "session.own"),
    PageSpec("todo", "todo", "todo.py", "start", "session.own"),
    PageSpec("approvals", "approvals", "asset_company/approvals.py", "start", "approvals.view"),
    PageSpec("exports", "exports", "exports.py", "start", "rows.export"),
    PageSpec(
        "repayment_audit",
        "repayment_audit",
        "asset_company/repayment_audit.py",
        "repayments",
        "reconciliation.view",
    ),
    PageSpec("commission", "commission", "asset_company/commission.py", "commission", "commission.view"),
    PageSpec(
        "commission_contracts",
        "commission_contracts",
        "asset_company/commission_contracts.py",
        "commission",
        "commission.view",
    ),
    PageSpec("agency_commission", "agency_commission", "agency/commission.py", "commission", "commission.own"),
    PageSpec("repayments", "repayments", "ledger/repayments.py", "repayments", "repayments.view"),
    PageSpec("suspense", "suspense", "asset_company/suspense.py", "repayments", "suspense.view"),
    PageSpec("trial_balance", "trial_balance", "asset_company/trial_balance.py", "books", "books.view"),
    PageSpec("account_statement", "account_statement", "asset_company/account_statement.py", "books", "books.view"),
    PageSpec(
        "ledger_differences",
        "ledger_differences",
        "asset_company/ledger_differences.py",
        "books",
        "reconciliation.view",
    ),
    PageSpec("accounting_periods", "accounting_periods", "asset_company/accounting_periods.py", "books", "books.view"),
    PageSpec("vouchers", "vouchers", "asset_company/vouchers.py", "books", "books.view"),
    PageSpec("write_offs", "write_offs", "asset_company/write_offs.py", "repayments", "write_offs.view"),
    PageSpec("cases", "cases", "asset_company/cases.py", "cases", "cases.company"),
    PageSpec("monitoring", "monitoring", "asset_company/monitoring.py", "cases", "cases.alerts"),
    PageSpec("agency_cases", "agency_cases", "agency/cases.py", "cases", "cases.agency"),
    PageSpec("my_cases", "my_cases", "collector/cases.py", "cases", "cases.own"),
    PageSpec("limitation", "limitation", "asset_company/limitation.py", "cases", "cases.company"),
    PageSpec("missing_loans", "missing_loans", "asset_company/missing_loans.py", "cases", "cases.company"),
    PageSpec("requests", "requests", "casework/requests.py", "cases", "requests.view"),
    PageSpec("agreements", "agreements", "casework/agreements.py", "cases", "requests.view"),
    PageSpec("waiver_audit", "waiver_audit", "asset_company/waiver_audit.py", "cases", "requests.audit"),
    PageSpec("operations", "operations", "asset_company/operations.py", "operations", "operations.view"),
    PageSpec("imports", "imports", "asset_company/imports.py", "operations", "imports.view"),
    PageSpec("messages", "messages", "asset_company/messages.py", "operations", "messages.view"),
    PageSpec("take_over", "take_over", "asset_company/take_over.py", "operations", "history.view"),
    PageSpec("expectations", "expectations", "asset_company/expectations.py", "operations", "operations.view"),
    PageSpec("organisation", "organisation", "asset_company/organisation.py", "administration", "organisation.view"),
    PageSpec("agencies", "agencies", "asset_company/agencies.py", "administration", "agencies.view"),
    PageSpec("people", "people", "asset_company/people.py", "administration", "people.manage"),
    PageSpec("parameters", "parameters", "asset_company/parameters.py", "administration", "parameters.view"),
    PageSpec("agency_people", "agency_people", "agency/people.py", "administration", "people.manage_own_agency"),
    PageSpec("access_review", "access_review", "asset_company/access_review.py", "administration", "rights.review"),
    PageSpec("audit", "audit", "asset_company/audit.py", "administration", "audit.view"),
    PageSpec(
        "announcements", "announcements", "asset_company/announcements.py", "administration", "announcements.manage"
    ),
    PageSpec("account", "account", "account.py", "start", "session.own"),
)
SECTIONS = ("start", "dashboards", "cases", "repayments", "commission", "books", "operations", "administration")
