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
    _kept: dict[tuple[str | None, str | None, date], tuple[int, dict[str, Any], dict[str, Any]]] = field(
        default_factory=dict, compare=False
    )

    def of_receipt(self, lender: str | None, product: str | None, day: date, days_past_due: int) -> dict[str, Any]:
        """The terms of a receipt of value date ``day`` on a claim that is ``days_past_due`` late then: the order by
        stage (``orders``), the version of the parameter that said it, and whether the sender's own parts count
        (``follow``). Read once for the payments of an act that are alike."""
        asked = lender, product, day
        if asked not in self._kept:
            self._kept[asked] = self._read(*asked)
        late_from, standard, late = self._kept[asked]
        return dict(late if days_past_due >= late_from else standard)

    def _read(self, lender: str | None, product: str | None, day: date) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """From how many days past due on a claim is late, and the terms of one that is not and of one that is."""
        scope = scope_of_loan(lender, product)

        def read(code: str) -> str:
            return str(self.known.value(code, day, scope))

        held = self.known.held(ORDER, day, scope)
        late, after, follow = read(ORDER_LATE), read(ORDER_WRITTEN_OFF), read(SENDER_PARTS) == "follow"

        def terms(stage: str, order: str) -> dict[str, Any]:
            return {
                "orders": {"standard": order, "written_off": order if after == SAME else after},
                "stage": stage,
                "order_version": f"{held.scope}/{held.version_no}",
                "follow": follow,
            }

        standard = str(held.value)
        return (
            as_number(self.known.value(LATE_DAYS, day, scope)),
            terms("standard", standard),
            terms("late", standard if late == SAME else late),
        )

    def of_write_off(self, lender: str | None, product: str | None, day: date) -> dict[str, Any]:
        """The terms of a write-off effective on ``day``: its ``method`` (domain e-7)."""
        return {"method": str(self.known.value(METHOD, day, scope_of_loan(lender, product)))}
