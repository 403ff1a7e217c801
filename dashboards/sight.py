"""What every page has in hand once it is open, and the head that every page shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.filter_bar import filter_bar
from dashboards.filters import Filters
from dashboards.health import MissingFeed, missing_feeds
from dashboards.labels import RULE_OF_FEED, Labels, rule_key
from dashboards.published import NothingPublished, Published, latest
from dashboards.texts import Texts
from dashboards.viewer import SavesViews, Viewer


@dataclass(frozen=True)
class Sight:
    """One run of one page: who looks, at which snapshot, through which filters, and what had not arrived."""

    page: str
    viewer: Viewer
    published: Published
    filters: Filters
    labels: Labels
    missing: Mapping[str, list[MissingFeed]]

    @property
    def t(self) -> Texts:
        return self.labels.texts


def open_page(viewer: Viewer, page: str) -> Sight | None:
    """Title, as-of, warnings and filter bar; ``None`` when there is nothing to show, which is then said in words."""
    texts = Texts(viewer.language)
    title, badges = st.columns([2, 3], vertical_alignment="bottom")
    title.title(texts(f"page.{page}.title"), anchor=False)
    try:
        published = latest(viewer.audience_dir)
    except NothingPublished as nothing:
        st.info(texts(f"empty.{nothing.cause}_text"), title=texts(f"empty.{nothing.cause}"))
        return None
    labels = Labels(texts, _names(published, texts), ZoneInfo(viewer.timezone))
    st.caption(texts(f"page.{page}.lead"))
    as_of = badges.container(horizontal=True, horizontal_alignment="right")
    filters = filter_bar(published, labels)
    missing = missing_feeds(published, filters.sources if filters else ())
    _as_of(as_of, published, labels, is_late=bool(missing))
    _warnings(published, labels, missing)
    if filters is None:
        st.info(texts("empty.no_days_text"), title=texts("empty.no_days"))
        return None
    _save_view(viewer, page, filters, texts)
    return Sight(page, viewer, published, filters, labels, missing)


_ENUMS = {
    "to_bucket": ("bucket", "roll_state"),
    "kind": ("payment_kind", "item_kind", "complaint_kind"),
    "state": ("item_state",),
    "promise_state": ("promise_state",),
    "channel": ("payment_channel", "call_channel", "funnel_channel"),
    "direction": ("call_direction",),
    "custody": ("custody",),
    "outcome": ("call_outcome",),
    "verdict": ("verdict",),
    "decision": ("decision",),
    "role_code": ("role",),
    "feed": ("feed",),
    "rule": ("rule",),
    "action": ("action",),
    "object_type": ("object_type",),
}
"""Columns of rows, and the enums of ``dim_labels`` that name their codes."""


def _names(published: Published, texts: Texts) -> Mapping[str, Mapping[str, str]]:
    """Names of codes, as the snapshot itself gives them."""
    found: dict[str, Mapping[str, str]] = {}
    name = f"name_{texts.language}"
    for column, table in (("product_code", "dim_products"), ("region_code", "dim_regions"), ("bucket", "dim_buckets")):
        if published.has(table, column, name):
            rows = published.frame(f"select {column} as code, {name} as name from {table} where {name} is not null")
            found[column] = dict(rows.iter_rows())
    found["from_bucket"] = found.get("bucket", {})
    reason = f"reason_{texts.language}"
    if published.has("rpt_refused_rows", "feed", "rule", reason):
        found[RULE_OF_FEED] = _sentences(published, reason)
    if published.has("dim_labels", "enum", "code", name):
        frame = published.frame(f"select enum, code, upper({name}[1]) || {name}[2:] as name from dim_labels")
        by_enum: dict[str, dict[str, str]] = {}
        for enum, code, label in frame.iter_rows():
            by_enum.setdefault(enum, {})[code] = label
        for column, enums in _ENUMS.items():
            found[column] = {code: label for enum in enums for code, label in by_enum.get(enum, {}).items()}
    return found


def _sentences(published: Published, reason: str) -> Mapping[str, str]:
    """What each rule demands of a feed's rows, as it was said when rows were refused; ``named_rule`` looks it up."""
    frame = published.frame(
        f"select feed, rule, min({reason}) as said from rpt_refused_rows where {reason} is not null group by feed, rule"
    )
    return {rule_key(feed, rule): said for feed, rule, said in frame.iter_rows()}


def _as_of(place: st.delta_generator.DeltaGenerator, published: Published, labels: Labels, *, is_late: bool) -> None:
    as_of, t = published.as_of, labels.texts
    late = is_late or as_of.refused is not None
    place.badge(t("header.as_of", day=labels.day(as_of.business_date)), color="red" if late else "blue")
    if as_of.live_at is not None:
        place.badge(t("header.live", moment=labels.moment(as_of.live_at)), color="gray")
    place.badge(t("header.build", build=as_of.build_id.split("_")[-1][:8]), color="gray")


def _warnings(published: Published, labels: Labels, missing: Mapping[str, list[MissingFeed]]) -> None:
    t = labels.texts
    if published.as_of.refused is not None:
        st.error(t("header.refused_text", name=published.as_of.refused), title=t("header.refused_title"))
    if missing:
        said = [feed.said(labels) for feeds in missing.values() for feed in feeds]
        shown = (";" if t.language == "zh" else "; ").join(said[:6]) + (" …" if len(said) > 6 else "")
        st.error(t("header.missing_text", feeds=shown), title=t("header.missing_title"))


def _save_view(viewer: Viewer, page: str, filters: Filters, texts: Texts) -> None:
    if not isinstance(viewer, SavesViews):
        return
    with st.popover(texts("filter.save")), st.form("dashboards_save_view", border=False):
        name = st.text_input(texts("filter.save_name"), max_chars=80)
        if st.form_submit_button(texts("filter.save")) and name.strip():
            viewer.save_view(name.strip(), page, filters.as_link())
            st.success(texts("filter.saved"))
