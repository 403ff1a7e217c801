"""The front door: one server on one port for the consoles, the dashboards, the sign-in form and the REST interface."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit
import uvicorn
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from streamlit.web.bootstrap import load_config_options

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.consoles.kit.context import use_app
from ops_app.interfaces.cookies import Cookies
from ops_app.interfaces.doors import Doors
from ops_app.interfaces.gate import Gate
from ops_app.interfaces.headers import BodyLimit, SecurityHeaders, page_policy
from ops_app.interfaces.rest.api import build_api

SCRIPT = Path(__file__).parent / "consoles" / "main.py"
CONFIG = PROJECT_ROOT / ".streamlit" / "config.toml"

_log = logging.getLogger(__name__)


def streamlit_options(path: Path = CONFIG) -> dict[str, Any]:
    """The options of the project's own ``config.toml`` by dotted name.

    They are given to Streamlit by hand because it looks for the file in the working directory, and the server must be
    the same wherever it is started from.
    """

    def flat(tree: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in tree.items():
            if isinstance(value, Mapping):
                found |= flat(value, f"{prefix}{name}.")
            else:
                found[f"{prefix}{name}"] = value
        return found

    return flat(tomllib.loads(path.read_text(encoding="utf-8")), "")


def front_of(app: App) -> tuple[list[BaseRoute], list[Middleware]]:
    """What stands before and beside the pages: forms and API as routes; headers, limits and gate as middleware."""
    cookies = Cookies(over_tls=app.settings.secure_cookies)
    doors = Doors(app, cookies)
    index_html = Path(streamlit.__file__).parent / "static" / "index.html"
    routes: list[BaseRoute] = [*doors.routes(), Mount("/api", app=build_api(app, cookies))]
    return routes, [
        Middleware(SecurityHeaders, policy=page_policy(index_html), over_tls=app.settings.secure_cookies),
        Middleware(BodyLimit),
        Middleware(Gate, cookie_name=cookies.session, is_signed_in=doors.is_signed_in),
    ]


def build_server(app: App) -> streamlit.App:
    """The ASGI application of an installation: gate, headers, forms, API and pages; one in a process."""
    use_app(app)
    megabytes = max(1, app.settings.max_upload_bytes // 1024**2)
    load_config_options({**streamlit_options(), "server.maxUploadSize": megabytes})
    routes, middleware = front_of(app)
    return streamlit.App(SCRIPT, routes=routes, middleware=middleware, on_script_error=_on_script_error)


def _on_script_error(error: Exception) -> bool:
    """A fault on a page: logged whole; the person is told that it was, not what was in it."""
    _log.error("a page failed", exc_info=error)
    streamlit.error("Something failed on our side; it was logged. 系统内部出错，已记录。")
    return True


def run_server(settings: Settings | None = None) -> None:
    """Serve until interrupted. Raises ``OSError`` when the port is taken."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    app = open_app(settings)
    try:
        uvicorn.run(
            build_server(app),
            host=app.settings.host,
            port=app.settings.port,
            ws="websockets-sansio",
            ws_max_size=64 * 1024**2,
            server_header=False,
            # by default the server would believe whatever anybody on this machine forwards
            proxy_headers=bool(app.settings.trusted_proxies),
            forwarded_allow_ips=app.settings.trusted_proxies or None,
            access_log=False,
            log_level="warning",
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
    finally:
        app.close()


if __name__ == "__main__":
    run_server()
