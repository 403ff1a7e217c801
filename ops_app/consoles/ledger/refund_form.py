"""The form that asks for a refund of a payment."""

from __future__ import annotations

import unicodedata

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.refunds import REFUND_GROUND_NAMES, RefundGround
from ops_app.domain.money import Money
from ops_app.services.ledger.refunds import request_refund


def show(
    at: Here, source_code: str, payment_id: str, currency: str, *, item_id: str | None = None, free_minor: int = 0,
    ground: RefundGround = RefundGround.OVERPAYMENT,
) -> None:  # fmt: skip
    """Ground, amount, payee, evidence and reason."""
    t, labels = at.t, at.labels
    grounds = [one.value for one in RefundGround]
    with form(at, f"refund_{item_id or f'{source_code}/{payment_id}'}") as f:
        why = f.choice(
            "ground", t("refunds.ground"), grounds, lambda code: labels.named(REFUND_GROUND_NAMES, code),
            index=grounds.index(ground.value),
        )  # fmt: skip
        value = f"{Money(free_minor, currency).amount}" if free_minor > 0 else ""
        amount = f.text("amount_minor", t("calculator.amount", currency=currency), value=value, max_chars=20)
        name = f.text("payee_name", t("refunds.payee_name"), max_chars=70)
        account = f.text("payee_account", t("refunds.payee_account"), max_chars=60)
        bank = f.text("payee_bank", t("refunds.payee_bank"), max_chars=70)
        document = f.text("document", t("refunds.document"))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("refunds.ask"))
    f.require(
        {"amount_minor": amount, "payee_name": name, "payee_account": account, "payee_bank": bank,
         "document": document, "reason": reason}
    )  # fmt: skip
    f.run(
        lambda key: request_refund(
            at.actor, at.app.store, now=at.now, source_code=source_code, payment_id=payment_id, item_id=item_id,
            ground=RefundGround(str(why)), amount_minor=minor(amount, currency), payee_name=name,
            payee_account=account, payee_bank=bank, document=document, reason=reason, key=key,
            evidence=at.app.settings.evidence,
        ),
        done=t("refunds.asked"),
    )  # fmt: skip


def minor(typed: str, currency: str) -> int:
    """A typed amount in whole minor units. Raises ``Invalid`` beside the field."""
    try:
        return Money.parse(unicodedata.normalize("NFKC", typed).replace(",", ""), currency).minor
    except DomainError as error:
        raise Invalid(error.sentence("en"), error.sentence("zh"), field="amount_minor") from error
