"""Masks and search terms of personal data."""

from __future__ import annotations

import pytest

from ops_app.domain.casework.personal import (
    BLIND,
    PERSONAL_FIELD_NAMES,
    TERM_NAMES,
    Personal,
    PersonalField,
    Term,
    checked_term,
    masked_name,
    masked_number,
    terms_of,
)
from ops_app.domain.errors import Invalid

ONE = Personal("张三丰", "11010119900307123x", ("138 0013 8000", "+86-139-0000-1234"), "一号路", None)


def test_a_mask_shows_no_more_than_a_desk_needs() -> None:
    assert (masked_name("张三丰"), masked_name(""), masked_name(None)) == ("张**", None, None)
    assert (masked_number("13800138000"), masked_number("12345"), masked_number(None)) == ("****8000", "****", None)


def test_a_debtor_is_found_under_every_way_of_writing_a_term() -> None:
    terms = terms_of(ONE)
    assert {term for term, _ in terms} == set(BLIND)
    for term, typed in (
        (Term.NAME, " 张三丰 "),
        (Term.NATIONAL_ID, "11010119900307123X"),
        (Term.ID_TAIL, "123x"),
        (Term.PHONE_TAIL, "8000"),
        (Term.PHONE_TAIL, "１２３４"),
    ):
        assert (term, checked_term(term, typed)) in terms


@pytest.mark.parametrize(
    ("term", "typed"),
    [(Term.PHONE_TAIL, "13800138000"), (Term.ID_TAIL, "12"), (Term.NAME, " "), (Term.LOAN, "x" * 201)],
)
def test_a_term_that_would_find_too_much_or_nothing_is_refused(term: Term, typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        checked_term(term, typed)
    assert refusal.value.field == "text"


def test_a_field_is_shown_as_text() -> None:
    assert ONE.shown(PersonalField.PHONES) == "138 0013 8000、+86-139-0000-1234"
    assert ONE.shown(PersonalField.EMPLOYER) is None
    assert set(PERSONAL_FIELD_NAMES) == set(PersonalField)
    assert set(TERM_NAMES) == set(Term)
