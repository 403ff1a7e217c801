"""One filter bar for all pages. The address carries the codes of what was chosen: a link means the same to everyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

from dashboards.filters import DIMENSIONS, Filters
from dashboards.labels import Labels
from dashboards.periods import PERIODS, period_of
from dashboards.published import Published
from dashboards.queries import published_days

_KEPT = "dashboards_filters"
_NAMES = (*DIMENSIONS, "currency", "period", "from", "to")


def choices(published: Published) -> Mapping[str, list[str]]:
    """What may be chosen: sources, products and regions by code, currencies by how many cases they hold."""
    found: dict[str, list[str]] = {}
    for name, column in (*DIMENSIONS.items(), ("currency", "currency")):
        order = "sum(cases) desc, code" if name == "currency" else "code"
        sql = f"select {column} as code from rpt_portfolio_daily where {column} is not null"
        found[name] = published.frame(f"{sql} group by code order by {order}").get_column("code").to_list()
    return found


def filter_bar(published: Published, labels: Labels) -> Filters | None:
    """Draw the bar and give what it says; ``None`` when no day with cases is published."""
    days = published_days(published)
    options = choices(published) if days else {}
    if not days or not options["currency"]:
        return None
    wanted = _wanted()
    t = labels.texts
    with st.container(border=True):
        places = st.columns([3, 3, 3, 2, 3], vertical_alignment="bottom")
        chosen = {
            name: _several(place, name, options[name], wanted, labels)
            for place, name in zip(places, DIMENSIONS, strict=False)
        }
        currency = _one(places[3], "currency", options["currency"], wanted, labels)
        code = _one(places[4], "period", list(PERIODS), wanted, labels)
        days = published_days(published, chosen["sources"]) or days
        span = _span(wanted, days, labels) if code == "custom" else (None, None)
        period = period_of(code, days, published.as_of.business_date, *span)
        filters = Filters(period=period, currency=currency, currencies=tuple(options["currency"]), **chosen)
        line = st.container(horizontal=True, vertical_alignment="center")
        line.caption(
            t("filter.dates", start=labels.day(period.start), end=labels.day(period.end))
            + " · "
            + t("filter.compared", start=labels.day(period.before_start), end=labels.day(period.before_end))
        )
        if any(chosen.values()):
            line.button(t("filter.clear"), key="dashboards_clear", type="tertiary", on_click=_clear)
    _keep(filters)
    return filters


def _wanted() -> dict[str, str]:
    """What the address says; where it says nothing, what was last chosen (the menu drops the address's parameters)."""
    said = {name: st.query_params[name] for name in _NAMES if st.query_params.get(name)}
    kept: dict[str, str] = st.session_state.get(_KEPT, {})
    return said or dict(kept)


def _keep(filters: Filters) -> None:
    link = filters.as_link()
    st.session_state[_KEPT] = link
    for name in _NAMES:
        if name in link and st.query_params.get(name) != link[name]:
            st.query_params[name] = link[name]
        elif name not in link and name in st.query_params:
            del st.query_params[name]


def _clear() -> None:
    kept: dict[str, str] = st.session_state.get(_KEPT, {})
    _choose({name: value for name, value in kept.items() if name not in DIMENSIONS})


def _choose(link: Mapping[str, str]) -> None:
    """Make ``link`` what counts: in the address and in what is kept."""
    st.session_state[_KEPT] = dict(link)
    for name in _NAMES:
        if name in link:
            st.query_params[name] = link[name]
        elif name in st.query_params:
            del st.query_params[name]


def _changed(name: str, key: str) -> None:
    value = st.session_state[key]
    if isinstance(value, list | tuple):
        said = ",".join(part.isoformat() if isinstance(part, date) else str(part) for part in value)
    else:
        said = str(value or "")
    link = dict(st.session_state.get(_KEPT, {})) | {name: said}
    _choose({key: value for key, value in link.items() if value})


def _several(
    place: st.delta_generator.DeltaGenerator, name: str, options: list[str], wanted: Mapping[str, str], labels: Labels
) -> tuple[str, ...]:
    # the language is part of the key, so that a change of language draws the widget anew from the codes
    key = f"dashboards_{name}_{labels.texts.language}"
    known = [code for code in wanted.get(name, "").split(",") if code in options]
    st.session_state[key] = known
    place.multiselect(
        labels.texts(f"filter.{name}"),
        options,
        key=key,
        format_func=lambda code: labels.code(DIMENSIONS[name], code),
        placeholder=labels.texts("filter.all"),
        on_change=_changed,
        args=(name, key),
    )
    return tuple(known)


def _one(
    place: st.delta_generator.DeltaGenerator,
    name: str,
    options: Sequence[str],
    wanted: Mapping[str, str],
    labels: Labels,
) -> str:
    key = f"dashboards_{name}_{labels.texts.language}"
    said = wanted.get(name, "")
    chosen = said if said in options else options[0]
    st.session_state[key] = chosen
    place.selectbox(
        labels.texts(f"filter.{name}"),
        options,
        key=key,
        format_func=(lambda code: labels.texts(f"period.{code}")) if name == "period" else str,
        on_change=_changed,
        args=(name, key),
    )
    return chosen


def _span(wanted: Mapping[str, str], days: Sequence[date], labels: Labels) -> tuple[date, date]:
    """The two dates of a period of one's own; an unreadable one falls back to the last thirty published days."""
    start = _date(wanted.get("from"), days[max(0, len(days) - 30)])
    end = _date(wanted.get("to"), days[-1])
    key = f"dashboards_range_{labels.texts.language}"
    if len(st.session_state.get(key, ())) != 1:
        st.session_state[key] = (min(start, end), end)
    st.date_input(
        labels.texts("filter.range"), key=key, format="YYYY-MM-DD", on_change=_changed_span, args=(key,), width=320
    )
    return start, end


def _changed_span(key: str) -> None:
    span = st.session_state[key]
    if len(span) == 2:
        link = dict(st.session_state.get(_KEPT, {}))
        _choose(link | {"period": "custom", "from": span[0].isoformat(), "to": span[1].isoformat()})


def _date(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return otherwise


def in_words(filters: Filters, labels: Labels) -> str:
    """The filters as a sentence, for the rows dialog and the watermark of an export."""
    t = labels.texts
    parts = [t("filter.dates", start=labels.day(filters.period.start), end=labels.day(filters.period.end))]
    parts.append(filters.currency)
    for name, column in DIMENSIONS.items():
        chosen = getattr(filters, name)
        if chosen:
            values = ("、" if t.language == "zh" else ", ").join(labels.code(column, code) for code in chosen)
            parts.append(t("filter.said", name=t(f"filter.{name}"), values=values))
    return " · ".join(parts)
