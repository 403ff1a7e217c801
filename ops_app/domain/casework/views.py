"""Views that people keep of a list: a name for filters, checked anew whenever it is used."""

from __future__ import annotations

from ops_app.domain.errors import Conflict, Invalid, NotFound

LONGEST_NAME = 60
MOST_OF_A_PERSON = 50


class NoSuchView(NotFound):
    """No such view for this person: missing, foreign and removed look the same."""

    def __init__(self) -> None:
        super().__init__("There is no such saved view.", "没有该视图。")


class ViewChanged(Conflict):
    """The view is not what it was when it was read."""

    def __init__(self) -> None:
        super().__init__(
            "This view was changed in another window meanwhile. Please look again.",
            "该视图已在其他窗口中更改，请刷新后再试。",
        )


def checked_name(name: str) -> str:
    """A view's name with its blanks tidied; raises ``Invalid`` unless it has 1 to 60 characters."""
    text = " ".join(name.split())
    if not 1 <= len(text) <= LONGEST_NAME:
        raise Invalid(
            f"Give the view a name (1 to {LONGEST_NAME} characters).",
            f"请填写视图名称（1 至 {LONGEST_NAME} 字）。",
            field="name",
        )
    return text
