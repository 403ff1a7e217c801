"""Under which terms a payment is posted: f(product, stage at value date, kind), as the parameters had it on its day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ops_app.domain.organisation.parameter_timeline import ParameterSet
from ops_app.services.organisation.installation import scope_of_loan
from ops_app.services.organisation.parameter_reading import as_number

ORDER = "ledger.posting_order"
ORDER_LATE = "ledger.posting_order_late"
LATE_DAYS = "ledger.posting_order_late_days"
ORDER_WRITTEN_OFF = "ledger.posting_order_written_off"
SENDER_PARTS = "ledger.sender_parts"
METHOD = "ledger.write_off_method"
SAME = "same"


@dataclass(frozen=True)
class PostingTerms:
    """The parameters as the store has them at the beginning of an act."""

    known: ParameterSet
    _said: dict[tuple[str | None, str | None, date, int], dict[str, Any]] = field(default_factory=dict, compare=False)

    def of_receipt(self, lender: str | None, product: str | None, day: date, days_past_due: int) -> dict[str, Any]:
        """The terms of a receipt of value date ``day`` on a claim that is ``days_past_due`` late then: the order by
        stage (``orders``), the version of the parameter that said it, and whether the sender's own parts count
        (``follow``). Worked out once for the payments of an act that are alike."""
        asked = lender, product, day, days_past_due
        if asked not in self._said:
            self._said[asked] = self._of_receipt(*asked)
        return dict(self._said[asked])

    def _of_receipt(self, lender: str | None, product: str | None, day: date, days_past_due: int) -> dict[str, Any]:
        scope = scope_of_loan(lender, product)

        def read(code: str) -> str:
            return str(self.known.value(code, day, scope))

        held = self.known.held(ORDER, day, scope)
        order = str(held.value)
        is_late = days_past_due >= as_number(self.known.value(LATE_DAYS, day, scope))
        if is_late and read(ORDER_LATE) != SAME:
            order = read(ORDER_LATE)
        after = read(ORDER_WRITTEN_OFF)
        return {
            "orders": {"standard": order, "written_off": order if after == SAME else after},
            "stage": "late" if is_late else "standard",
            "order_version": f"{held.scope}/{held.version_no}",
            "follow": read(SENDER_PARTS) == "follow",
        }

    def of_write_off(self, lender: str | None, product: str | None, day: date) -> dict[str, Any]:
        """The terms of a write-off effective on ``day``: its ``method`` (domain e-7)."""
        return {"method": str(self.known.value(METHOD, day, scope_of_loan(lender, product)))}
