"""One's own account: who one is here, what one may do, password and sessions."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.i18n import LANGUAGES
from ops_app.consoles.kit.page import heading
from ops_app.consoles.kit.record import facts
from ops_app.consoles.kit.shell import link
from ops_app.domain.organisation.permissions import GRANTS

at = here()
t = at.t
heading(at, "account")
facts(
    {
        t("account.name"): at.actor.name,
        t("account.role"): at.labels.role(at.actor.role.value),
        t("account.agency"): at.actor.agency_code or t("account.no_agency"),
        t("account.language"): LANGUAGES[at.actor.language],
    }
)
links = (("/password", "account.change_password"), ("/sign-out", "account.sign_out_everywhere"))
st.html(" · ".join(link(address, t(key)) for address, key in links))
st.subheader(t("account.may"), anchor=False)
st.markdown(
    "\n".join(f"- {t(f'permission.{code}')}" for code in GRANTS if at.may(code) and code != "session.own") or "–"
)
