"""The browser of a page under test holds a session, as in the tests of the consoles."""

from __future__ import annotations

from tests.consoles.conftest import holding, signed_in

__all__ = ["holding", "signed_in"]
