"""Who of its audience has read an announcement, and who has not: narrowed by receipt, role, house and period."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_list
from ops_app.services.organisation.announcements import AnnouncementRecord, Receipt

NOT_YET = "none"
RECEIPTS = ("", NOT_YET, "read", "acknowledged")
ASSET_COMPANY = "-"
"""Stands for the asset company where agencies have their codes."""


def show(at: Here, record: AnnouncementRecord) -> None:
    """How many have read it, and the list; those who have come first, in the order in which they did."""
    t, labels = at.t, at.labels
    st.caption(
        t("announcements.counted", read=labels.count(len(record.read)), left=labels.count(len(record.outstanding)))
    )
    everybody = [*record.read, *record.outstanding]
    if not everybody:
        st.info(t("announcements.no_readers"))
        return
    chosen = _filters(at, everybody)
    rows = [one for one in everybody if _fits(at, one, chosen)]

    def window(wanted: tables.Wanted) -> tuple[Sequence[Receipt], int]:
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    Column = tables.Column[Receipt]
    listing = tables.Listing(
        name="announcement_readers",
        title=t("announcements.parts.readers"),
        columns=(
            Column("name", t("announcements.reader"), lambda row: row.person_name),
            Column("role", t("announcements.role"), lambda row: labels.role(row.role)),
            Column("agency", t("announcements.agency"), lambda row: row.agency_code or "–"),
            Column("receipt", t("announcements.receipt"), lambda row: t(f"announcements.given.{_receipt(row)}")),
            Column("at", t("record.when"), lambda row: labels.moment(row.read_at)),
        ),
        row_id=lambda row: row.person_id,
        fetch=window,
    )
    shown = tables.show_list(at, listing, chosen | {"announcement": record.item.announcement_id})
    export_list(at, listing, shown)


def _receipt(row: Receipt) -> str:
    return row.receipt or NOT_YET


def _fits(at: Here, row: Receipt, chosen: dict[str, str]) -> bool:
    day = row.read_at.astimezone(at.labels.zone).date().isoformat() if row.read_at else ""
    return (
        chosen["receipt"] in ("", _receipt(row))
        and chosen["role"] in ("", row.role.value)
        and chosen["house"] in ("", row.agency_code or ASSET_COMPANY)
        and (not chosen["since"] or day >= chosen["since"])
        and (not chosen["until"] or "" < day <= chosen["until"])
    )


def _filters(at: Here, rows: Sequence[Receipt]) -> dict[str, str]:
    t, labels, language = at.t, at.labels, at.actor.language
    roles = sorted({row.role.value for row in rows})
    houses = sorted({row.agency_code or ASSET_COMPANY for row in rows})
    one, two, three, four, five = st.columns(5)
    with one:
        receipt = url.choice(
            "readers_receipt", t("announcements.receipt"), RECEIPTS,
            lambda code: t(f"announcements.given.{code}") if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with two:
        role = url.choice(
            "readers_role", t("announcements.role"), ["", *roles],
            lambda code: labels.role(code) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
    with three:
        house = url.choice(
            "readers_house", t("announcements.agency"), ["", *houses],
            lambda code: t("announcements.asset_company") if code == ASSET_COMPANY else code or t("lists.all"),
            default="", language=language,
        )  # fmt: skip
    with four:
        since = url.day("readers_since", t("announcements.read_since"), lambda typed: t("lists.no_day", typed=typed))
    with five:
        until = url.day("readers_until", t("announcements.read_until"), lambda typed: t("lists.no_day", typed=typed))
        if since and until and since > until:
            st.error(t("lists.range_reversed"))
    days = {"since": since.isoformat() if since else "", "until": until.isoformat() if until else ""}
    return {"receipt": receipt, "role": role, "house": house} | days
