"""The frame around every page: who is here, what they may open, the header, and the refusal in words.

It alone of the consoles imports ``dashboards``; their pages get a ``Viewer`` and know nothing of this app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import NoReturn
from urllib.parse import quote

import streamlit as st

import dashboards
from ops_app.consoles.kit import announcements, session, watching
from ops_app.consoles.kit.context import Here, set_here, the_app
from ops_app.consoles.kit.i18n import LANGUAGES, Texts, language_of
from ops_app.consoles.kit.sitting import flashes
from ops_app.consoles.kit.viewer import HouseViewer
from ops_app.consoles.pages import PAGES, SECTIONS, PageSpec
from ops_app.domain.errors import DomainError, Refused
from ops_app.domain.organisation.permissions import require
from ops_app.gateways.snapshots import current_snapshot

_STYLE = """<style>
[data-testid="InputInstructions"], [data-testid="stElementToolbar"], [data-testid="stMainMenu"] {display: none}
[data-testid="stMainBlockContainer"] {padding-top: 1.25rem; padding-bottom: 3rem; max-width: 96rem}
[data-testid="stHeader"] {height: 0; min-height: 0; background: transparent}
[data-testid="stSidebarHeader"] {padding-bottom: 0}
[data-testid="stLogoLink"] {pointer-events: none}
.recoup-line {display: flex; gap: .5rem 1.25rem; align-items: center; flex-wrap: wrap; font-size: .9rem;
  color: #4d5a68}
.recoup-line b {color: #1d2733; font-weight: 600}
[data-testid="stHtml"] a {color: #1f5f8b}
[data-testid="stHtml"] dl {margin-left: 0; margin-block: 0}
.recoup-badge {border: 1px solid #d5dbe1; border-radius: 999px; padding: .05rem .6rem; white-space: nowrap}
.recoup-badge.old {border-color: #d17c1b; color: #8a4b00; background: #fff6ea}
</style>"""


def run() -> None:
    """One run: the session is checked in the store, then navigation, header and the chosen page."""
    watching.forget_page()
    app = the_app()
    now = app.clock.now()
    actor = session.present_actor(app, now)
    if actor is None:
        _signed_out()
    current = Here(app=app, actor=actor, now=now)
    set_here(current)
    st.set_page_config(page_title="Recoup", layout="wide", page_icon=str(session.MARK))
    st.html(_STYLE)
    st.logo(str(session.WORDMARK), size="large", icon_image=str(session.MARK))
    chosen, permission = _navigation(current)
    _header(current)
    if _password_must_change(current) or announcements.must_be_acknowledged(current):
        return
    try:
        require(actor, permission)
        with flashes():
            chosen.run()
    except Refused as refusal:
        _refusal(current, refusal)
    except DomainError as error:
        st.error(error.sentence(actor.language))


def _navigation(current: Here) -> tuple[st.Page, str]:
    """Every page is registered, so that a direct address is refused in words; the menu shows what one may open."""
    sections: dict[str, list[st.Page]] = {section: [] for section in SECTIONS}
    needs: dict[str, str] = {}
    for spec in PAGES:
        page = _page(current, spec)
        needs[page.url_path] = spec.permission
        sections[spec.section].append(page)
    for page in _dashboard_pages(current):
        needs[page.url_path] = "dashboards.view"
        sections["dashboards"].append(page)
    titled = {_section_title(current.t, name): pages for name, pages in sections.items() if pages}
    chosen = st.navigation(titled, expanded=True)
    return chosen, needs.get(chosen.url_path, "session.own")


def _section_title(t: Texts, section: str) -> str:
    return t(f"section.{section}")


def _page(current: Here, spec: PageSpec) -> st.Page:
    return st.Page(
        spec.path,
        title=current.t(f"page.{spec.key}.title"),
        url_path=spec.url_path,
        default=not spec.url_path,
        visibility="visible" if current.may(spec.permission) else "hidden",
    )


def _dashboard_pages(current: Here) -> Iterator[st.Page]:
    """The pages that ``dashboards`` offers: (address, English title, 中文 title, function of a viewer)."""
    for url_path, title_en, title_zh, render in getattr(dashboards, "PAGES", ()):
        yield st.Page(
            _rendering(render, current),
            title=title_zh if current.actor.language == "zh" else title_en,
            url_path=url_path,
            visibility="visible" if current.may("dashboards.view") else "hidden",
        )


def _rendering(render: Callable[[HouseViewer], None], current: Here) -> Callable[[], None]:
    def page() -> None:
        render(HouseViewer(current))

    return page


def _header(current: Here) -> None:
    t, actor = current.t, current.actor
    left, right = st.columns([5, 1], vertical_alignment="center")
    role = current.labels.role(actor.role)
    agency = f" · {escape(actor.agency_code)}" if actor.agency_code else ""
    left.html(
        f'<div class="recoup-line"><span><b>{escape(actor.name)}</b> · {escape(role)}{agency}</span>'
        f"{_as_of_badge(current)}"
        f'<a href="/sign-out" target="_self">{escape(t("header.sign_out"))}</a></div>'
    )
    chosen = right.segmented_control(
        t("header.language"),
        list(LANGUAGES),
        default=actor.language,
        format_func=lambda code: LANGUAGES[code],
        key=f"language_{actor.language}",
        label_visibility="collapsed",
    )
    if chosen and chosen != actor.language:
        session.choose_language(current, language_of(chosen))
        st.rerun()


def _as_of_badge(current: Here) -> str:
    snapshot = current_snapshot(current.app.settings.published, current.actor.audience)
    if snapshot is None:
        return f'<span class="recoup-badge old">{escape(current.t("header.nothing_published"))}</span>'
    behind = (current.today - snapshot.business_date).days
    text = current.t("header.as_of", day=current.labels.day(snapshot.business_date))
    old = " old" if behind > 1 else ""
    note = f" · {current.t('header.behind', days=current.labels.days(behind))}" if behind > 1 else ""
    return f'<span class="recoup-badge{old}">{escape(text + note)}</span>'


def _password_must_change(current: Here) -> bool:
    """A password given by somebody else opens nothing: it is changed first, on a plain form that may set a cookie."""
    if not current.actor.must_change_password:
        return False
    st.warning(current.t("account.must_change"))
    st.html(link("/password", current.t("account.change_password")))
    return True


def link(address: str, text: str) -> str:
    """A link within this server that opens in the same tab."""
    return f'<a href="{escape(address)}" target="_self">{escape(text)}</a>'


def _refusal(current: Here, refusal: Refused) -> None:
    st.header(current.t("refused.title"))
    st.error(refusal.sentence(current.actor.language))
    st.caption(current.t("refused.help"))


def _signed_out() -> NoReturn:
    """The session ended while the page was open: say so in both languages and stop before anything is read."""
    t_en, t_zh = Texts("en"), Texts("zh")
    back = quote(session.present_path(), safe="/?=&")
    st.html(_STYLE)
    st.header(f"{t_en('signed_out.title')} · {t_zh('signed_out.title')}")
    st.write(f"{t_en('signed_out.text')} {t_zh('signed_out.text')}")
    st.html(
        f'<a href="/sign-in?next={quote(back, safe="")}" target="_self">'
        f"{escape(t_en('signed_out.link'))} · {escape(t_zh('signed_out.link'))}</a>"
    )
    st.stop()
