"""Take-over of a running book: the proof of the old book against the new, what stayed outside, and doing it."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import take_over_proof
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading
from ops_app.services.casework.take_over import latest_take_over

at = here()
heading(at, "take_over")
last = latest_take_over(at.actor, at.app.store, now=at.now)
may_take_over = at.may("history.take_over")
if may_take_over:
    take_over_proof.ask(at)
take_over_proof.waiting(at)
if last is None:
    st.info(at.t("take_over.none" if may_take_over else "take_over.none_for_readers"))
else:
    take_over_proof.show(at, last)
    take_over_proof.outside(at)
