"""Which passwords are good enough, and how guessing is slowed down."""

from __future__ import annotations

import re
from datetime import timedelta

from ops_app.domain.errors import Invalid

SHORTEST = 12
LONGEST = 128
_COMMON_WORDS = (
    "password", "passwort", "qwerty", "asdfgh", "zxcvbn", "letmein", "welcome", "iloveyou", "admin", "administrator",
    "changeme", "secret", "master", "dragon", "monkey", "football", "baseball", "sunshine", "princess", "superman",
    "woaini", "mima", "recoup", "collection", "company", "login", "abc", "test", "guest", "user", "root", "system",
)  # fmt: skip
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qazwsxedcrfvtgbyhnujm")
_LOOK_ALIKES = str.maketrans({"@": "a", "$": "s", "0": "o", "3": "e", "5": "s"})

FREE_FAILURES = 4
_FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""After this long without an attempt, earlier failures no longer count."""


def check_new_password(password: str, *, sign_in_name: str) -> None:
    """Raise ``Invalid`` (saying what to do) unless ``password`` is long and not guessable in a few tries.

    Length counts, not kinds of characters; any character is allowed, spaces and 中文 too.
    """
    if len(password) < SHORTEST:
        raise _weak(f"Use at least {SHORTEST} characters.", f"密码至少 {SHORTEST} 个字符。")
    if len(password) > LONGEST:
        raise _weak(f"Use at most {LONGEST} characters.", f"密码最多 {LONGEST} 个字符。")
    if not password.isprintable():
        raise _weak("Control characters cannot be used.", "密码不能含控制字符。")
    folded = password.casefold()
    if sign_in_name.casefold() in folded:
        raise _weak("The sign-in name must not be part of it.", "密码不能包含登录名。")
    if len(set(folded)) < 5:
        raise _weak("Use more different characters.", "请使用更多不同的字符。")
    if _is_common(folded):
        raise _weak(
            "This is among the first passwords anybody tries. Use several unrelated words.",
            "该密码过于常见，请使用几个互不相关的词。",
        )


def _is_common(folded: str) -> bool:
    """Whether little is left beside common words, runs of the keyboard, years and punctuation."""
    rest = folded.translate(_LOOK_ALIKES)
    for word in sorted(_COMMON_WORDS, key=len, reverse=True):
        rest = rest.replace(word, " ")
    plain = re.sub(r"[\W_\d]", "", rest)
    for run in _RUNS:
        for start in range(len(run) - 3):
            plain = plain.replace(run[start : start + 4], "")
    return len(plain) < 4


def _weak(en: str, zh: str) -> Invalid:
    return Invalid(en, zh, field="password")


def delay_after(failures: int) -> timedelta:
    """How long the next attempt has to wait after so many failures in a row: none for the first few, then doubling
    up to a quarter of an hour. Over an hour this allows fewer than twenty guesses, and nobody is locked out for good.
    """
    if failures <= FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES - 1, 20)
    return min(_FIRST_DELAY * (1 << doublings), LONGEST_DELAY)
