"""An agency's split: which share of the fees the collector who had the case gets, and from when."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.commission.settlement_record import decimal_of
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.services.ledger.commission_reading import Split, list_splits, set_split


def show(at: Here) -> None:
    """The versions so far, and the form for the next."""
    t, labels = at.t, at.labels
    known = list_splits(at.actor, at.app.store, now=at.now)
    if known:
        Column = tables.Column[Split]
        tables.show_rows(
            (
                Column("from", t("commission.valid_from"), lambda it: labels.day(it.valid_from)),
                Column("share", t("commission.share"), lambda it: labels.share(it.share), right=True),
                Column("by", t("commission.made_by"), lambda it: it.made_by_name),
            ),
            known,
            title=t("commission.tabs.split"),
        )
    else:
        st.info(t("commission.no_split"))
    if not at.may("commission.split"):
        return
    with form(at, "commission_split") as f:
        version = f.version(known[0].version_no if known else 0)
        begin = f.day("valid_from", t("commission.valid_from"), at.today)
        share = f.text("share", t("commission.share"), max_chars=10)
        f.submit(t("commission.set_split"))
    f.require({"valid_from": begin, "share": share})
    f.run(
        lambda _: set_split(
            at.actor, at.app.store, now=at.now, valid_from=begin or at.today, share=decimal_of(share, "share"),
            version=version,
        ),
        done=t("commission.split_set"),
    )  # fmt: skip
