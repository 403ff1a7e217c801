"""Why a whole file is refused: a named code and a sentence in both languages."""

from __future__ import annotations

from ops_app.domain.errors import Invalid


class FileRefused(Invalid):
    """A file that cannot be read as what it claims to be; nothing of it is loaded.

    ``code`` is stable and short (``zip_ratio``, ``statement_balance``), so that tests and reports can name it;
    ``en`` and ``zh`` are the sentences a person can act on.
    """

    def __init__(self, code: str, en: str, zh: str, *, field: str | None = None) -> None:
        super().__init__(en, zh, field=field)
        self.code = code

    def __reduce__(self) -> tuple[type[FileRefused], tuple[str, str, str]]:
        # a refusal crosses from the limited child process to the parent
        return FileRefused, (self.code, self.en, self.zh)
