"""JSON that means one thing: a name twice in one object, or a number that is none, is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise json.JSONDecodeError("a name stands twice in one object", "", 0)
    return found


def _no_number(text: str) -> NoReturn:
    raise json.JSONDecodeError(f"{text} is no number", "", 0)


class StrictRequest(Request):
    """A request whose body is read strictly (Python's own reader keeps the last of two equal names)."""

    async def json(self) -> Any:
        body = await self.body()
        try:
            return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
        except (RecursionError, UnicodeDecodeError) as error:
            raise json.JSONDecodeError("too deep, or not UTF-8", "", 0) from error


class StrictRoute(APIRoute):
    """A route that reads its body strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strictly
