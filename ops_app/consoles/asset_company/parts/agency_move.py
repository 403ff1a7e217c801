"""Moving an agency along its life cycle."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.organisation.agencies import AGENCY_MOVE_NAMES, MOVERS, MOVES, AgencyMove
from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.agencies import Agency, move_agency


def show(at: Here, agency: Agency) -> None:
    """The moves that this role may make from the present state; where there are none, who may."""
    t = at.t
    may = at.may("agencies.move")
    offered = [move for move in MOVES[agency.state] if may and at.actor.role in MOVERS[move]]
    st.subheader(t("agencies.move"), anchor=False)
    if not offered:
        each = [
            t("who.may_each", what=at.labels.named(AGENCY_MOVE_NAMES, move), roles=names.roles(at, MOVERS[move]))
            for move in MOVES[agency.state]
            if MOVERS[move] != {Role.SYSTEM}  # what the night alone does is nobody's button
        ]
        said = t("agencies.no_move", list=("；" if at.actor.language == "zh" else "; ").join(each))
        st.caption(said if each else t("agencies.ended_for_good"))
        return
    chosen = st.segmented_control(
        t("agencies.move"),
        offered,
        default=offered[0],
        required=True,
        format_func=lambda code: at.labels.named(AGENCY_MOVE_NAMES, code),
        key=f"agency_move_{agency.agency_code}_{agency.state}",
        label_visibility="collapsed",
    )
    what = AgencyMove(str(chosen))
    with form(at, f"move_{agency.agency_code}_{what}") as f:
        version = f.version(agency.version)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(at.labels.named(AGENCY_MOVE_NAMES, what))
    f.run(
        lambda _key: move_agency(
            at.actor,
            at.app.store,
            now=at.now,
            agency_code=agency.agency_code,
            version=version,
            what=what,
            today=at.today,
            reason=reason,
        ),
        done=t("agencies.done"),
    )
