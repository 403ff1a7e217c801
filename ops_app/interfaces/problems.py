"""Answers that say what went wrong, as ``application/problem+json`` with a sentence in both languages."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ops_app.domain.errors import Conflict, DomainError, Invalid, NotFound, NotReady, Refused
from ops_app.domain.ledger.repayments import SameIdOtherContent
from ops_app.domain.organisation.signatures import BadSignature
from ops_app.services.organisation.message_intake import StoreTrouble
from ops_app.store.store import SameKeyOtherContent, StoreBusy

_log = logging.getLogger(__name__)

STATUS: tuple[tuple[type[DomainError], int], ...] = (
    (SameKeyOtherContent, 422),
    (SameIdOtherContent, 422),
    (StoreBusy, 503),
    (StoreTrouble, 503),
    (BadSignature, 401),
    (NotReady, 409),
    (Refused, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
)
"""Kind of refusal → HTTP status; the first that fits."""


class SignedOut(DomainError):
    """No session, or one that has ended."""

    def __init__(self) -> None:
        super().__init__("Sign in first.", "请先登录。")


class InProgress(DomainError):
    """The same key is being worked on at this moment."""

    def __init__(self) -> None:
        super().__init__("This request is being worked on; ask again shortly.", "该请求正在处理中，请稍后再试。")


def problem(
    status: int, en: str, zh: str, *, fields: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One problem: ``detail`` in English, ``detail_zh`` in 中文, ``errors`` naming fields."""
    body: dict[str, Any] = {"type": "about:blank", "title": en, "status": status, "detail": en, "detail_zh": zh}
    if fields:
        body["errors"] = [{"field": name, "detail": detail} for name, detail in fields.items()]
    return JSONResponse(body, status, media_type="application/problem+json", headers=dict(headers or {}))


async def on_domain_error(_request: Request, error: Exception) -> JSONResponse:
    """A refusal of the house, with the field it is about."""
    assert isinstance(error, DomainError)
    if isinstance(error, SignedOut):
        return problem(401, error.en, error.zh)
    if isinstance(error, InProgress):
        return problem(409, error.en, error.zh, headers={"Retry-After": "1"})
    status = next((code for kind, code in STATUS if isinstance(error, kind)), 400)
    names = error.differs if isinstance(error, SameKeyOtherContent | SameIdOtherContent) else (error.field,)
    headers = {"Retry-After": "1"} if status == 503 else None
    return problem(status, error.en, error.zh, fields={name: error.en for name in names if name}, headers=headers)


async def on_wrong_body(_request: Request, error: Exception) -> JSONResponse:
    """A body or parameter of the wrong shape; names every field, repeats no value."""
    assert isinstance(error, RequestValidationError)
    fields: dict[str, str] = {}
    malformed = False
    for fault in error.errors():
        malformed = malformed or fault["type"] == "json_invalid"
        place = [str(part) for part in fault["loc"] if part not in {"body", "query", "path", "header"}]
        fields[".".join(place) or "body"] = str(fault["msg"])
    if malformed:
        return problem(400, "The body is not JSON.", "请求体不是有效的 JSON。")
    return problem(422, "Some fields are wrong.", "部分字段有误。", fields=fields)


async def on_http_error(_request: Request, error: Exception) -> JSONResponse:
    """Unknown address, wrong method and the like."""
    assert isinstance(error, HTTPException)
    en, zh = {
        404: ("There is nothing here.", "此处没有内容。"),
        405: ("This method is not offered here.", "此处不支持该方法。"),
        415: ("Send application/json.", "请以 application/json 发送。"),
    }.get(error.status_code, (str(error.detail), str(error.detail)))
    return problem(error.status_code, en, zh, headers=error.headers)


async def on_fault(_request: Request, error: Exception) -> JSONResponse:
    """A fault of ours: logged whole, told without its insides."""
    _log.error("unhandled fault in the API", exc_info=error)
    return problem(500, "Something failed on our side; it was logged.", "系统内部出错，已记录。")
