"""Forms: the error stands beside its field, nothing typed is lost, a second click does nothing twice.

A form is drawn with its fields, then its command is run once with an idempotency key that belongs to this filling of
this form. After success the fields are emptied by giving them new names, and the next filling gets a new key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.sitting import Said, present_sitting
from ops_app.domain.errors import Conflict, DomainError, SomeOfMany

Answer = TypeVar("Answer")


class Form:
    """One form on a page. ``name`` is unique on the page and holds what the form is about (an id, never a version: a
    form that changed its name would lose the press and all that was typed)."""

    def __init__(self, here: Here, name: str) -> None:
        self.here = here
        self.name = name
        self._slots: dict[str, DeltaGenerator] = {}
        self._submitted = False
        # the fields of a form that was not on the page in the last run are gone from the session
        self._is_new = not any(str(key).startswith(f"{name}.") for key in st.session_state)
        self._sitting = present_sitting()
        self.key = self._sitting.filling(name)
        """The idempotency key of this filling: the same however often the button is pressed."""
        self._versions: dict[tuple[str, str], Any] = {}

    def version(self, present: Answer, of: str = "") -> Answer:
        """The version a person began to fill this form on, whatever ``present`` has become since; ``of`` tells apart
        several of one form. Who is told of a change by somebody else goes on from the present version."""
        place, kept = (self.name, of), self._sitting.versions
        self._versions[place] = present
        if self._is_new:
            kept[place] = present
        began: Answer = kept.setdefault(place, present)
        return began

    def _field_key(self, field: str) -> str:
        return f"{self.name}.{field}.{self.key}"

    def _slot(self, field: str) -> None:
        self._slots[field] = st.empty()

    def _texts(self, field: str, show: Callable[[str], str]) -> Callable[[str], str]:
        """``show`` as it was when each option was first shown in this filling: a box sends back the text of its choice,
        and a text that changed meanwhile (how many cases somebody has) would lose what was chosen."""
        kept = self._sitting.texts.setdefault(self.name, {})

        def text(option: str) -> str:
            place = (field, self.here.actor.language, option)
            if place not in kept:
                kept[place] = show(option)
            return kept[place]

        return text

    def text(self, field: str, label: str, *, value: str = "", max_chars: int = 200, password: bool = False) -> str:
        """One line of text."""
        typed = st.text_input(
            label,
            value=value,
            max_chars=max_chars,
            key=self._field_key(field),
            type="password" if password else "default",
            autocomplete="new-password" if password else "off",
        )
        self._slot(field)
        return (typed or "") if password else (typed or "").strip()

    def reason(self, field: str, label: str, *, value: str = "", height: int = 80) -> str:
        """Why something is done: free text, kept in the audit log."""
        typed = st.text_area(label, value=value, max_chars=1000, height=height, key=self._field_key(field))
        self._slot(field)
        return (typed or "").strip()

    def paragraphs(self, field: str, label: str, *, value: str = "", max_chars: int, height: int = 160) -> str:
        """Text of several lines."""
        typed = st.text_area(label, value=value, max_chars=max_chars, height=height, key=self._field_key(field))
        self._slot(field)
        return typed or ""

    def choice(
        self, field: str, label: str, options: Sequence[str], show: Callable[[str], str], *, index: int | None = 0
    ) -> str | None:
        """One of ``options``, shown by its label."""
        chosen = st.selectbox(
            label,
            list(options),
            index=index if options else None,
            format_func=self._texts(field, show),
            placeholder=self.here.t("forms.choose"),
            key=self._field_key(field),
        )
        self._slot(field)
        return chosen if chosen in options else None

    def choices(
        self, field: str, label: str, options: Sequence[str], show: Callable[[str], str], *, default: Sequence[str] = ()
    ) -> list[str]:
        """Any number of ``options``; ``default`` are chosen at first."""
        chosen = st.multiselect(
            label,
            list(options),
            default=list(default),
            format_func=self._texts(field, show),
            placeholder=self.here.t("forms.choose_some"),
            select_all=False,
            key=self._field_key(field),
        )
        self._slot(field)
        return [value for value in chosen if value in options]

    def tick(self, field: str, label: str) -> bool:
        """A yes or no that starts as no."""
        ticked = st.checkbox(label, key=self._field_key(field))
        self._slot(field)
        return bool(ticked)

    def day(self, field: str, label: str, value: date | None) -> date | None:
        """A calendar day."""
        chosen = st.date_input(label, value=value, format="YYYY-MM-DD", key=self._field_key(field))
        self._slot(field)
        return chosen if isinstance(chosen, date) else None

    def files(self, field: str, label: str, *, endings: Sequence[str], most_bytes: int) -> list[tuple[str, bytes]]:
        """Files by name and bytes. The browser is told what is taken; the service looks at what came."""
        chosen = st.file_uploader(
            label,
            type=list(endings),
            accept_multiple_files=True,
            max_upload_size=most_bytes // (1024 * 1024),
            key=self._field_key(field),
        )
        self._slot(field)
        return [(one.name, one.getvalue()) for one in chosen or ()]

    def file(self, field: str, label: str, kinds: Sequence[str]) -> tuple[str, bytes] | None:
        """One file of the visitor's machine: its name and its bytes."""
        given = st.file_uploader(label, type=list(kinds), key=self._field_key(field))
        self._slot(field)
        return (given.name, given.getvalue()) if given is not None else None

    def lines(self, field: str, label: str, *, value: str = "", help: str | None = None, height: int = 240) -> str:
        """Several lines of text."""
        typed = st.text_area(label, value=value, help=help, max_chars=4000, height=height, key=self._field_key(field))
        self._slot(field)
        return typed or ""

    def upload(self, field: str, label: str, *, endings: Sequence[str], most_mb: int) -> tuple[str, bytes] | None:
        """One file, its name and its bytes; what it really holds is for the command to check."""
        brought = st.file_uploader(
            label, type=list(endings), max_upload_size=most_mb, key=self._field_key(field), accept_multiple_files=False
        )
        self._slot(field)
        return (brought.name, brought.getvalue()) if brought is not None else None

    def look(self, label: str, command: Callable[[], Answer]) -> Callable[[], Answer | None]:
        """A second button, that shows what the form would do: call what it returns after the form. ``command`` changes
        nothing; its refusal goes beside the field, and everything typed stays."""
        pressed = st.form_submit_button(label, key=f"{self.name}.look")
        self._slot("")  # a form that only shows something has no other button

        def answer() -> Answer | None:
            if not pressed:
                return None
            try:
                return command()
            except DomainError as error:
                self._show(error)
                return None

        return answer

    def submit(self, label: str, *, primary: bool = True) -> bool:
        """The button; true on the run in which it was pressed."""
        # of this filling: the second press of a double click is none of the next one's button
        self._submitted = st.form_submit_button(
            label, type="primary" if primary else "secondary", key=self._field_key("submit")
        )
        self._slot("")
        return self._submitted

    def require(self, values: Mapping[str, object]) -> None:
        """Say beside each empty field that it must be filled; ``run`` then does nothing."""
        if not self._submitted:
            return
        for field, value in values.items():
            if value in (None, "", []):
                self._slots[field].error(self.here.t("forms.required"))
                self._submitted = False

    def say(self, wrong: Mapping[str, str]) -> None:
        """Say beside fields what was found wrong with what stands in them, until something else is submitted."""
        for field, sentence in () if self._submitted else wrong.items():
            self._slots.get(field, self._slots[""]).error(sentence)

    def run(
        self,
        command: Callable[[str], Any],
        *,
        done: str | Callable[[Any], str | Said],
        refused: Callable[[Mapping[str, DomainError]], str] | None = None,
    ) -> None:
        """Run ``command`` with the idempotency key; a refusal goes beside its field, success empties the form.

        ``refused`` is given what was refused of many things (by id), and the sentence it returns stands in the place of
        the error's own."""
        if not self._submitted:
            return
        try:
            self._once(command, done)
        except DomainError as error:
            if refused is not None and isinstance(error, SomeOfMany):
                said = refused(error.refused)
                self._slots.get(error.field or "", self._slots[""]).error(said)
            else:
                self._show(error)
            return
        st.rerun()

    def _once(self, command: Callable[[str], Any], done: str | Callable[[Any], str | Said]) -> None:
        """Nothing may touch the page between the act and the record that this filling is over: a second press would
        break the run off there, and be given another page to carry out than the one that was pressed."""
        with self._sitting.turn:
            if self._sitting.is_over(self.name, self.key):
                return
            answer = command(self.key)
            self._sitting.say(done(answer) if callable(done) else done)
            self.forget()
            self._sitting.versions.clear()  # what one has changed oneself is no news in the other forms of the page

    def forget(self) -> None:
        """Begin a new filling: empty fields, new key."""
        self._sitting.forget(self.name)

    def _show(self, error: DomainError) -> None:
        slot = self._slots.get(error.field or "", self._slots[""])
        sentence = error.sentence(self.here.actor.language)
        if isinstance(error, Conflict):
            slot.warning(sentence)
            self._sitting.versions.update(self._versions)
        else:
            slot.error(sentence)


@contextmanager
def form(here: Here, name: str) -> Iterator[Form]:
    """Draw a form: ``with form(here, "decide") as f: …fields…; f.submit(label)``, then ``f.run(command, done=…)``."""
    made = Form(here, name)
    with st.form(f"form_{name}", enter_to_submit=False):
        yield made


def attempt(here: Here, command: Callable[[], Any], *, done: str) -> None:
    """Run the command of a plain button (one without fields) and say how it went."""
    sitting = present_sitting()
    try:
        with sitting.turn:
            command()
            sitting.say(done)
    except DomainError as error:
        st.error(error.sentence(here.actor.language))
        return
    st.rerun()
