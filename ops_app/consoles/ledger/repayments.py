"""Payments: what came in, where it was posted and what it paid; contact that waits for a decision on one."""

from __future__ import annotations

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.page import heading
from ops_app.consoles.ledger import held_contact, repayment_list, repayment_record

at = here()
heading(at, "repayments")
parts = ["payments", *(["held"] if at.may("contact.hold") else [])]
part = url.tab("repayments_view", at.t("repayments.parts"), parts, lambda code: at.t(f"repayments.part.{code}"),
               language=at.actor.language) if len(parts) > 1 else parts[0]  # fmt: skip
if part == "held":
    held_contact.show(at)
else:
    rows, selected = repayment_list.show(at)
    chosen = choose_among(
        at, "repayment", rows, selected, row_id=repayment_list.id_of, label=at.t("repayments.open"),
        show=lambda row: repayment_list.name_of(at, row),
    )  # fmt: skip
    if chosen:
        repayment_record.show(at, chosen)
