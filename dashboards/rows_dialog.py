"""明细 / Rows: the rows behind a figure, whether they add up to it, and the export."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import streamlit as st

from dashboards import rows
from dashboards.definitions import metrics
from dashboards.filter_bar import in_words
from dashboards.rows import EXPORT_ROWS, PAGE_ROWS, Behind, Drill
from dashboards.sight import Sight
from dashboards.viewer import FORMATS, Annotates, FileFormat, LogsQueries
from dashboards.widths import width_for

_OPEN = "dashboards_drill"
CODES = frozenset(
    {
        "product_code", "region_code", "bucket", "from_bucket", "to_bucket", "channel", "direction", "custody", "part",
        "kind", "state", "promise_state", "decision", "outcome", "verdict", "feed", "rule", "role_code",
        "action", "object_type",
    }
)  # fmt: skip
"""Columns whose values are codes with a name."""
_LONG = frozenset({"case_id", "attempt_id", "item_id", "promise_id", "object_id", "payment_ids", "bank_line_ids"})
"""Keys that are hashes or lists: a narrow column, the whole of it at a click."""


def rows_button(sight: Sight, drill: Drill, key: str, label: str = "") -> None:
    """The button that opens the rows; disabled where they are not published or cannot be narrowed so."""
    can = rows.can_open(sight.published, drill)
    st.button(
        label or sight.t("card.rows"),
        key=f"rows_{key}",
        type="tertiary",
        icon=":material/table_rows:",
        disabled=not can,
        help=None if can else sight.t("rows.not_there"),
        on_click=ask_for,
        args=(drill,),
    )


def ask_for(drill: Drill) -> None:
    """Remember that these rows are to be opened at the end of this run."""
    st.session_state[_OPEN] = drill


def close_page(sight: Sight) -> None:
    """The last call of every page: opens the rows that were asked for, once."""
    drill: Drill | None = st.session_state.pop(_OPEN, None)
    if drill is not None:
        _open(sight, drill)


def _open(sight: Sight, drill: Drill) -> None:
    metric = metrics()[drill.metric]
    parts = sight.labels.group(drill.group)
    name = " · ".join([sight.t.of(metric.name), *parts])

    @st.dialog(sight.t("card.rows_of", name=name), width="large")
    def show() -> None:
        _body(sight, drill)

    show()


def _body(sight: Sight, drill: Drill) -> None:
    t, metric = sight.t, metrics()[drill.metric]
    side = "top"
    if len(rows.sides(metric)) > 1:
        side = st.segmented_control(
            t("rows.side"),
            rows.sides(metric),
            default="top",
            required=True,
            format_func=lambda code: t.of(metric.numerator if code == "top" else metric.denominator),
            key=f"rows_side_{drill.metric}",
            label_visibility="collapsed",
        )
    if not rows.can_open(sight.published, drill, side):
        st.info(t("rows.not_there"))
        return
    behind = rows.behind(sight.published, drill, side)
    _log(sight, drill, behind)
    st.caption(f"{in_words(drill.filters, sight.labels)} · {_as_of(sight)}")
    _summary(sight, drill, side, behind)
    if behind.count:
        _table(sight, drill, side, behind)
        _export(sight, drill, side, behind)
    _note(sight, drill)


def _as_of(sight: Sight) -> str:
    return sight.t("header.as_of", day=sight.labels.day(sight.published.as_of.business_date))


def _summary(sight: Sight, drill: Drill, side: str, behind: Behind) -> None:
    t, labels = sight.t, sight.labels
    # a sum of amounts has decimals, a count has none, whatever the unit of the figure
    unit = "money" if isinstance(behind.total, Decimal) and behind.total.as_tuple().exponent else "count"
    total = labels.exact(behind.total, unit, drill.filters.currency)
    if not behind.ties:
        st.error(t("rows.does_not_tie", total=total, said=labels.exact(behind.said, unit, drill.filters.currency)))
        return
    if not behind.count:
        st.info(t("rows.none"))
        return
    st.markdown(
        f"**{t('rows.summary', count=labels.count(behind.count), total=total)}** :green-badge[{t('rows.ties')}]"
    )


def _table(sight: Sight, drill: Drill, side: str, behind: Behind) -> None:
    pages = -(-behind.count // PAGE_ROWS)
    key = f"rows_page_{drill.metric}_{side}"
    number = min(st.session_state.get(key, 1), pages)
    frame = rows.page(sight.published, drill, side, number)
    st.dataframe(
        in_names(frame, sight),
        hide_index=True,
        height="content" if frame.height <= 12 else 460,
        placeholder="",
        column_config=column_config(frame, sight),
        alt=sight.t.of(behind.rows.name),
    )
    line = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
    first = (number - 1) * PAGE_ROWS + 1
    labels = sight.labels
    line.caption(
        sight.t(
            "rows.page",
            first=labels.count(first),
            last=labels.count(first + frame.height - 1),
            count=labels.count(behind.count),
        )
    )
    if pages > 1:
        with line:
            st.pagination(pages, key=key)


def in_names(frame: pl.DataFrame, sight: Sight) -> pl.DataFrame:
    """Codes as the names that people read, moments in the zone of the house; numbers stay numbers."""
    shown = frame
    for column in frame.columns:
        values = frame.get_column(column)
        if column == "rule" and "feed" in frame.columns:
            feeds = frame.get_column("feed")
            named = [sight.labels.rule(feed, code) for feed, code in zip(feeds, values, strict=True)]
        elif column in CODES:
            named = [_named(sight, column, value) for value in values]
        elif values.dtype == pl.Boolean:
            named = [None if value is None else sight.t("labels.yes" if value else "labels.no") for value in values]
        elif isinstance(values.dtype, pl.Decimal) and values.dtype.scale > 2:
            # a share, which the marts keep exact to eight places
            shown = shown.with_columns(values.cast(pl.Float64))
            continue
        elif isinstance(values.dtype, pl.Datetime):
            named = [sight.labels.moment(value) for value in values]
        elif isinstance(values.dtype, pl.Date):
            named = [sight.labels.day(value) for value in values]
        else:
            continue
        shown = shown.with_columns(pl.Series(column, named, dtype=pl.String))
    return shown


def _named(sight: Sight, column: str, value: Any) -> str | None:
    return None if value is None else sight.labels.code(column, value)


def column_config(frame: pl.DataFrame, sight: Sight) -> dict[str, Any]:
    """Headings in the reader's language, amounts with two decimals and shares as per cent."""
    configured: dict[str, Any] = {}
    for column, dtype in frame.schema.items():
        label = sight.labels.column(column)
        width = width_for(label, frame[column])
        if dtype.is_float() or (isinstance(dtype, pl.Decimal) and dtype.scale > 2):
            configured[column] = st.column_config.NumberColumn(label, format="percent")
        elif isinstance(dtype, pl.Decimal):
            configured[column] = st.column_config.NumberColumn(
                label, format="accounting" if dtype.scale else "localized", width=width
            )
        elif dtype.is_integer():
            configured[column] = st.column_config.NumberColumn(label, format="localized", width=width)
        else:
            configured[column] = st.column_config.TextColumn(label, width=110 if column in _LONG else width)
    return configured


def _log(sight: Sight, drill: Drill, behind: Behind) -> None:
    """Each opening once, not each click inside the dialog."""
    seen = (sight.published.as_of.snapshot, drill)
    if isinstance(sight.viewer, LogsQueries) and st.session_state.get("dashboards_logged") != seen:
        sight.viewer.log_query(sight.page, drill.metric, _said(drill), behind.count)
        st.session_state["dashboards_logged"] = seen


def _said(drill: Drill) -> dict[str, str]:
    return drill.filters.as_link() | {column: str(value) for column, value in drill.group}


def _export(sight: Sight, drill: Drill, side: str, behind: Behind) -> None:
    t, labels = sight.t, sight.labels
    if not sight.viewer.may_export():
        return
    with st.expander(t("rows.export")):
        if behind.count > EXPORT_ROWS:
            st.warning(t("rows.too_many", count=labels.count(behind.count), limit=labels.count(EXPORT_ROWS)))
            return
        line = st.container(horizontal=True, vertical_alignment="bottom")
        reason = line.text_input(
            t("rows.reason"), key=f"rows_reason_{drill.metric}", max_chars=200, width=420, live="300ms"
        )
        for file_format in FORMATS:
            asked = line.button(
                f"{t('rows.prepare')} ({file_format.upper()})", key=f"rows_{file_format}", disabled=not reason.strip()
            )
            if asked:
                _deliver(sight, drill, side, reason.strip(), file_format)


def _deliver(sight: Sight, drill: Drill, side: str, reason: str, file_format: FileFormat) -> None:
    frame = rows.page(sight.published, drill, side, 1, EXPORT_ROWS)
    as_of = sight.published.as_of
    said = _said(drill) | {"reason": reason, "as_of": as_of.business_date.isoformat(), "build": as_of.build_id}
    try:
        data = sight.viewer.export(
            f"{sight.page}_{drill.metric}_{side}",
            [sight.labels.column(column) for column in frame.columns],
            frame.rows(),
            filters=said,
            file_format=file_format,
        )
    except sight.viewer.refusals as refusal:
        st.error(refusal.sentence(sight.viewer.language))  # type: ignore[attr-defined]
        return
    name = f"recoup_{drill.metric}_{rows.rows_of(drill, side).rows}_{as_of.business_date}.{file_format}"
    st.download_button(
        sight.t("rows.download", name=name),
        data,
        file_name=name,
        mime=FORMATS[file_format],
        on_click="ignore",
        type="primary",
    )


def _note(sight: Sight, drill: Drill) -> None:
    if not isinstance(sight.viewer, Annotates):
        return
    with st.expander(sight.t("rows.note")), st.form("rows_note", border=False):
        text = st.text_area(sight.t("rows.note_text"), max_chars=1000)
        if st.form_submit_button(sight.t("rows.note")) and text.strip():
            sight.viewer.annotate(sight.page, drill.metric, _said(drill), text.strip())
            st.success(sight.t("rows.note_kept"))
