"""What a list of cases is narrowed by: one of what its reader's reach declares; what is not declared is not offered."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from ops_app.consoles.kit import url
from ops_app.consoles.kit.context import Here
from ops_app.domain.casework.cases import CASE_STATE_NAMES, CaseState, Custody
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.casework.tags import TAG_NAMES, Tag
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.services.casework.assigning import list_collectors, list_holders
from ops_app.services.casework.cases import DECLARED, CaseFilter
from ops_app.services.organisation.agencies import agency_codes

NONE = "none"
_BY = "by"
_VALUE = "value"


def narrowed(at: Here, name: str, wanted: CaseFilter) -> tuple[CaseFilter, tuple[str, ...]]:
    """The filter that the reader chose, and the sorts it goes with. A list that the page itself narrows offers none
    more, but that of placed cases the agencies: what an agency has is placed."""
    reach = scope_of(at.actor).reach
    declared = {name: sorts_for(at.actor, sorts) for name, sorts in DECLARED[reach].items()}
    own = next(iter(wanted.named()), None)
    if wanted.custody is Custody.PLACED and "agency_code" in declared:
        with st.columns([1, 2])[0]:
            agency = agency_choice(at, f"{name}_agency")
        return (CaseFilter(agency_code=agency), declared["agency_code"]) if agency else (wanted, declared[own])
    if own is not None:
        return wanted, declared[own]
    people = _collectors(at) if "collector_id" in declared and at.may("cases.assign") else {}
    offered = [code for code in ("state", "agency_code", "collector_id", "tag") if code in declared]
    if not people:
        offered = [code for code in offered if code != "collector_id"]
    if not offered:
        return wanted, declared[None]
    t, language = at.t, at.actor.language
    one, two, _ = st.columns([1, 1, 2])
    by_place, place = f"{name}_{_BY}", f"{name}_{_VALUE}"
    _say_unknown(at, by_place, [NONE, *offered], t("cases.narrow"))
    with one:
        by = url.choice(
            by_place, t("cases.narrow"), [NONE, *offered], lambda code: t(f"cases.narrow_by.{code}"),
            default=NONE, language=language,
        )  # fmt: skip
    if by == NONE:
        return wanted, declared[None]
    with two:
        if by == "agency_code":
            value = agency_choice(at, place)
            return replace(wanted, agency_code=value or None), declared[by if value else None]
        options, named = {
            "state": ([it.value for it in CaseState], lambda code: at.labels.named(CASE_STATE_NAMES, code)),
            "tag": ([it.value for it in Tag], lambda code: at.labels.named(TAG_NAMES, code)),
            "collector_id": (list(people), lambda code: people[code]),
        }[by]
        _say_unknown(at, place, options, t(f"cases.narrow_by.{by}"))
        value = url.choice(place, t("cases.value"), options, named, default=options[0], language=language)
    return replace(wanted, **{by: CaseState(value) if by == "state" else value}), declared[by]


def agency_choice(at: Here, place: str) -> str:
    """The agency that is chosen by code and name and kept in the address at ``place``; empty for all."""
    agencies = agency_codes(at.actor, at.app.store) if at.may("agencies.view") else {}
    _say_unknown(at, place, list(agencies), at.t("cases.narrow_by.agency_code"))
    return url.choice(
        place, at.t("cases.agency"), ["", *agencies],
        lambda code: f"{code} {agencies[code]}" if code else at.t("lists.all"), default="",
        language=at.actor.language,
    )  # fmt: skip


def _collectors(at: Here) -> dict[str, str]:
    """Whoever of the reader's house works on cases now, or still has some: id and name."""
    able = list_collectors(at.actor, at.app.store, now=at.now)
    found = {one.person_id: one.display_name for one in (*able, *list_holders(at.actor, at.app.store, now=at.now))}
    return dict(sorted(found.items(), key=lambda one: one[1]))


def _say_unknown(at: Here, place: str, options: list[str], what: str) -> None:
    """A value in the address that the filter does not have is said, not passed over."""
    asked = st.query_params.get(place)
    if asked and asked not in options:
        st.warning(at.t("cases.unknown_filter", value=asked[:60], what=what))
