"""The sign-in and sign-out pages as HTML: no script, no address from elsewhere, both languages on the page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from ops_app.domain.errors import DomainError

TEXTS: dict[str, tuple[str, str]] = {
    "title": ("Sign in", "登录"),
    "lead": (
        "Post-loan collection suite",
        "贷后催收套件",
    ),
    "name": ("Sign-in name", "登录名"),
    "password": ("Password", "密码"),
    "submit": ("Sign in", "登录"),
    "failed": (
        "The name and password do not match, or this account cannot sign in just now. "
        "Check both and try again; after several failures wait a moment.",
        "登录名与密码不匹配，或该账号暂时不能登录。请核对后重试；多次失败后请稍候。",
    ),
    "name_missing": ("Enter your sign-in name.", "请填写登录名。"),
    "password_missing": ("Enter your password.", "请填写密码。"),
    "stale": (
        "This form was open too long or came from elsewhere. Nothing was sent; please sign in again.",
        "此表单已过期或来源不明，未提交任何内容；请重新登录。",
    ),
    "password_title": ("Change password", "修改密码"),
    "password_must": (
        "Your password was given to you by somebody else. Choose your own before you go on.",
        "您的密码由他人设置，请先修改为您自己的密码。",
    ),
    "password_hint": (
        "At least 12 characters; several unrelated words are good. All other sessions end.",
        "至少 12 个字符，建议使用几个互不相关的词。其他会话将全部退出。",
    ),
    "current": ("Present password", "当前密码"),
    "new_password": ("New password", "新密码"),
    "again": ("New password again", "再次输入新密码"),
    "again_differs": ("The two new passwords differ.", "两次输入的新密码不一致。"),
    "password_submit": ("Change password", "修改密码"),
    "out_title": ("Sign out", "退出登录"),
    "out_who": ("You are signed in as {name}.", "您当前以 {name} 登录。"),
    "out_here": ("Sign out here", "仅在此处退出"),
    "out_everywhere": ("Sign out everywhere", "在所有设备上退出"),
    "out_back": ("Back", "返回"),
    "out_done": ("You are signed out.", "您已退出登录。"),
}
"""Key → （English, 中文）. Both are shown: before sign-in nobody's language is known."""

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #f3f5f7; color: #1d2733;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC",
  "WenQuanYi Micro Hei", sans-serif; }
main { width: min(26rem, calc(100vw - 2rem)); background: #fff; border: 1px solid #d5dbe1; border-radius: 8px;
  padding: 2rem; }
h1 { margin: 0; font-size: 1.5rem; }
.lead { margin: .1rem 0 1.5rem; color: #4d5a68; }
label { display: block; font-weight: 600; margin-top: 1rem; }
input { width: 100%; font: inherit; padding: .55rem .7rem; margin-top: .3rem; border: 1px solid #8a96a3;
  border-radius: 6px; background: #fff; color: inherit; }
input[aria-invalid=true] { border-color: #b3261e; }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid #7fb2d6; outline-offset: 1px; }
button { width: 100%; font: inherit; font-weight: 600; padding: .65rem; margin-top: 1.25rem; border-radius: 6px;
  border: 1px solid #1f5f8b; background: #1f5f8b; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #1f5f8b; }
.error { color: #b3261e; margin: .3rem 0 0; }
.notice { border-left: 4px solid #b3261e; background: #fdf1f0; padding: .6rem .8rem; margin: 0 0 1rem; }
.done { border-left: 4px solid #2e8b6f; background: #eef7f3; padding: .6rem .8rem; margin: 0 0 1rem; }
.demo { margin-top: 1.5rem; border-top: 1px solid #d5dbe1; padding-top: 1rem; color: #4d5a68; font-size: .9rem; }
a { color: #1f5f8b; }
"""


def both(key: str, **values: str) -> str:
    """English and 中文 of ``key`` on one line, escaped."""
    english, chinese = TEXTS[key]
    return f"{escape(english.format(**values))} <span lang=zh-CN>{escape(chinese.format(**values))}</span>"


def _page(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1"><meta name=robots content=noindex>'
        f'<link rel=icon href="data:,"><title>Recoup · {escape(" ".join(TEXTS[title]))}</title>'
        f"<style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def sign_in_html(
    *,
    token: str,
    next_path: str,
    name: str = "",
    notice: str | None = None,
    done: str | None = None,
    errors: frozenset[str] = frozenset(),
    demo: bool = False,
) -> str:
    """The sign-in form. ``notice`` and ``errors`` are keys of ``TEXTS``; ``name`` is what the person had typed."""
    message = f"<p class=notice role=alert>{both(notice)}</p>" if notice else ""
    message += f"<p class=done role=status>{both(done)}</p>" if done else ""
    fields = _field("name", name, "username", "text", errors, focus=not name)
    fields += _field("password", "", "current-password", "password", errors, focus=bool(name))
    hint = "<p class=demo>demo / 演示： <code>recoup demo</code> prints the sign-ins.</p>" if demo else ""
    return _page(
        "title",
        f"<h1>Recoup</h1><p class=lead>{both('lead')}</p>{message}"
        '<form method=post action="/sign-in" novalidate>'
        f'<input type=hidden name=token value="{escape(token)}">'
        f'<input type=hidden name=next value="{escape(next_path)}">'
        f"{fields}<button type=submit>{both('submit')}</button></form>{hint}",
    )


def _field(key: str, value: str, autocomplete: str, kind: str, errors: frozenset[str], *, focus: bool) -> str:
    wrong = f"{key}_missing" in errors
    described = f' aria-invalid=true aria-describedby="{key}-error"' if wrong else ""
    error = f'<p class=error id="{key}-error">{both(f"{key}_missing")}</p>' if wrong else ""
    extra = "autocapitalize=none spellcheck=false maxlength=200" if kind == "text" else "maxlength=1000"
    return (
        f'<label for="{key}">{both(key)}</label>'
        f'<input id="{key}" name="{key}" type="{kind}" value="{escape(value)}" autocomplete="{autocomplete}" '
        f"required {extra}{' autofocus' if focus else ''}{described}>{error}"
    )


def sign_out_html(*, token: str, name: str) -> str:
    """The page on which signing out is a button (an address alone never changes anything)."""
    return _page(
        "out_title",
        f"<h1>{both('out_title')}</h1><p class=lead>{both('out_who', name=name)}</p>"
        '<form method=post action="/sign-out">'
        f'<input type=hidden name=token value="{escape(token)}">'
        f"<button type=submit name=where value=here>{both('out_here')}</button>"
        f"<button type=submit name=where value=everywhere class=quiet>{both('out_everywhere')}</button></form>"
        f'<p><a href="/">{both("out_back")}</a></p>',
    )


def password_html(*, token: str, name: str, must: bool, errors: Mapping[str, str | DomainError]) -> str:
    """The form on which one changes one's own password; ``errors`` by field (empty: about the whole form)."""
    general = f"<p class=notice role=alert>{_error(errors[''])}</p>" if "" in errors else ""
    why = f"<p>{both('password_must')}</p>" if must else ""
    back = "" if must else f'<p><a href="/">{both("out_back")}</a></p>'
    fields = "".join(
        _password_field(field, label, autocomplete, errors.get(field))
        for field, label, autocomplete in (
            ("current", "current", "current-password"),
            ("password", "new_password", "new-password"),
            ("again", "again", "new-password"),
        )
    )
    return _page(
        "password_title",
        f"<h1>{both('password_title')}</h1><p class=lead>{both('out_who', name=name)}</p>{why}{general}"
        '<form method=post action="/password" novalidate>'
        f'<input type=hidden name=token value="{escape(token)}">{fields}'
        f"<p class=lead>{both('password_hint')}</p>"
        f"<button type=submit>{both('password_submit')}</button></form>{back}",
    )


def _password_field(field: str, label: str, autocomplete: str, error: str | DomainError | None) -> str:
    described = f' aria-invalid=true aria-describedby="{field}-error"' if error else ""
    shown = f'<p class=error id="{field}-error">{_error(error)}</p>' if error else ""
    return (
        f'<label for="{field}">{both(label)}</label>'
        f'<input id="{field}" name="{field}" type=password autocomplete="{autocomplete}" required maxlength=1000'
        f"{described}>{shown}"
    )


def _error(error: str | DomainError) -> str:
    if isinstance(error, DomainError):
        return f"{escape(error.en)} <span lang=zh-CN>{escape(error.zh)}</span>"
    return both(error)
