"""Filters that live in the address: a link or the back button shows the same list, in whichever language.

The widget's own binding writes labels into the address, so that a link made in 中文 would mean nothing in English;
codes are written here instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import streamlit as st

_PAGE_DIGITS = 7
_SHOWN = "_recoup_shown_filters"
_LONGEST_SAID = 60


def choice(
    name: str, label: str, options: Sequence[str], show: Callable[[str], str], *, default: str, language: str
) -> str:
    """A selection among ``options`` kept in the address as its code; anything else in the address is ignored."""
    key = f"{name}.{language}"
    _seed(name, key, default, lambda value: value in options)
    if st.session_state[key] not in options:
        st.session_state[key] = default
    chosen = str(st.selectbox(label, list(options), format_func=show, key=key))
    chosen = chosen if chosen in options else default
    _write(name, chosen, default)
    _note(name, chosen, label, show(chosen))
    return chosen


def tab(name: str, label: str, options: Sequence[str], show: Callable[[str], str], *, language: str) -> str:
    """One of the parts of a page, kept in the address; only that part is run."""
    key = f"{name}.{language}"
    default = options[0]
    _seed(name, key, default, lambda value: value in options)
    chosen = st.segmented_control(
        label, list(options), format_func=show, key=key, required=True, label_visibility="collapsed"
    )
    chosen = str(chosen) if chosen in options else default
    _write(name, chosen, default)
    return chosen


def text(name: str, label: str, *, placeholder: str = "", language: str, max_chars: int = 100) -> str:
    """A search text kept in the address."""
    key = f"{name}.{language}"
    _seed(name, key, "", lambda value: len(value) <= max_chars)
    typed = st.text_input(label, placeholder=placeholder, key=key, max_chars=max_chars, type="search") or ""
    typed = typed.strip()[:max_chars]
    _write(name, typed, "")
    _note(name, typed, label, typed)
    return typed


def _note(name: str, value: str, label: str, shown: str) -> None:
    """Remember how a filter is called and what it shows, for who reads it elsewhere than above its list."""
    st.session_state.setdefault(_SHOWN, {})[name] = (value, label, shown)


def shown_filters(filters: Mapping[str, str]) -> list[tuple[str, str]]:
    """The filters of a list as the boxes above it name and show them (label, value); one that has no box keeps its
    code. What is not narrowed is left out."""
    known: dict[str, tuple[str, str, str]] = st.session_state.get(_SHOWN, {})
    said = []
    for code, value in filters.items():
        if not value:
            continue
        fits = [one for name, one in known.items() if name.rpartition("_")[2] == code and one[0] == value]
        fits += [one for name, one in known.items() if name.endswith(f"_{code}") and one[0] == value]
        # a filter may be called otherwise in the address than in the list: then its value tells
        fits += [one for one in known.values() if one[0] == value and not value.isdigit()]
        said.append(fits[0][1:] if fits else (code, value))
    return said


def page_number(name: str, pages: int | None = None) -> int:
    """The page of a list that the address asks for, at most ``pages``; ``page_buttons`` draws the buttons for it."""
    wanted = st.query_params.get(name, "1")
    number = int(wanted) if wanted.isdigit() and len(wanted) <= _PAGE_DIGITS else 1
    number = min(max(1, number), pages or number)
    _set(name, str(number), "1")
    return number


def page_buttons(name: str, pages: int) -> None:
    """The buttons that turn the pages of a list."""
    number = page_number(name, pages)
    # a key of its own for each page, so that the address decides which button is pressed
    key = f"{name}.{pages}.{number}"
    st.pagination(pages, default=number, key=key, on_change=lambda: _set(name, str(st.session_state[key]), "1"))


def _set(name: str, value: str, default: str) -> None:
    if value == default:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def day(name: str, label: str, wrong: Callable[[str], str] | None = None) -> date | None:
    """A calendar day kept in the address. What the address has instead of a day stays there until one is chosen, and
    ``wrong`` says so beside the field."""
    key, typed = f"{name}.", st.query_params.get(name)
    is_wrong = typed is not None and not _is_day(typed)
    if is_wrong and (st.session_state.get(f"_written_{name}") != typed or key not in st.session_state):
        st.session_state[key], st.session_state[f"_written_{name}"] = None, typed
    elif not is_wrong:
        _seed(name, key, None, _is_day, date.fromisoformat)
    chosen = st.date_input(label, key=key, format="YYYY-MM-DD", value=None)
    found = chosen if isinstance(chosen, date) else None
    if is_wrong and found is None:
        if wrong is not None:
            st.error(wrong(str(typed)[:_LONGEST_SAID]))
        return None
    _write(name, found.isoformat() if found else "", "")
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def cursor(name: str, fingerprint: object) -> int | None:
    """Where the page of a stream begins, kept in the address; forgotten when the filters change."""
    place = f"_fingerprint_{name}"
    before = st.session_state.get(place)
    st.session_state[place] = fingerprint
    if before is not None and before != fingerprint:
        st.query_params.pop(name, None)
    wanted = st.query_params.get(name, "")
    return int(wanted) if wanted.isdigit() and len(wanted) < 19 else None


def cursor_button(label: str, name: str, value: int | None, *, disabled: bool) -> None:
    """A button that moves a stream to ``value`` (``None``: the newest)."""

    def go() -> None:
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(value)

    st.button(label, key=f"{name}_{'newest' if value is None else 'older'}_{label}", on_click=go, disabled=disabled)


def mark_button(label: str, name: str, mark: str | None, *, disabled: bool) -> None:
    """A button that moves a list to behind ``mark`` (``None``: its first page)."""

    def go() -> None:
        if mark is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = mark

    st.button(label, key=f"{name}_{'first' if mark is None else 'next'}_{label}", on_click=go, disabled=disabled)


def back_to_first_page(name: str, fingerprint: object) -> None:
    """Go back to page one when the filters changed; call before ``page``."""
    place = f"_fingerprint_{name}"
    before = st.session_state.get(place)
    st.session_state[place] = fingerprint
    if before is not None and before != fingerprint:
        st.query_params.pop(name, None)


def _seed(
    name: str, key: str, default: object, valid: Callable[[str], bool], convert: Callable[[str], object] = str
) -> None:
    """Set the widget from the address when the address says something new (a link, the back button)."""
    wanted = st.query_params.get(name)
    written = f"_written_{name}"
    if wanted != st.session_state.get(written) or key not in st.session_state:
        usable = wanted is not None and valid(wanted)
        st.session_state[key] = convert(wanted) if usable and wanted is not None else default


def _write(name: str, value: str, default: str) -> None:
    if value == default:
        st.query_params.pop(name, None)
        st.session_state[f"_written_{name}"] = None
    else:
        if st.query_params.get(name) != value:
            st.query_params[name] = value
        st.session_state[f"_written_{name}"] = value
