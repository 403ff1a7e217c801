"""Settings: the only place that looks at the environment."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What an installation may choose, each by ``RECOUP_<NAME>``.

    Run-time files live under ``home``; templates, rules, reference and samples are always read from the
    project's own ``data/``, and ``home/templates`` may add to them.
    """

    model_config = SettingsConfigDict(env_prefix="RECOUP_", extra="ignore", frozen=True, hide_input_in_errors=True)

    home: Path = PROJECT_ROOT / "data"
    ops_url: str = ""
    warehouse: str = "duckdb"
    timezone: str = "Asia/Shanghai"
    host: str = "127.0.0.1"
    port: int = Field(default=8501, ge=1, le=65535)
    dagster_port: int = Field(default=3000, ge=1, le=65535)
    demo: bool = False
    secure_cookies: bool = False
    """Set where TLS ends in front of the server: the session cookie is then sent over TLS only."""
    real_data: Path = PROJECT_ROOT.parent / "shared" / "data"
    chromium: str = ""
    trusted_proxies: str = ""
    """Addresses or networks, with commas, of the proxies in front of the server whose ``X-Forwarded-For`` is believed.
    Empty: nobody's, and the address of a browser is the other end of its connection."""
    keep_snapshots: int = Field(default=7, ge=2)
    """Full snapshots kept per audience; older ones are removed after a publication."""
    smtp_url: str = ""
    """``smtp://host:port`` for notifications; empty means none is sent by mail."""
    webhook_url: str = ""
    notify_to: str = ""
    events_url: str = ""
    """Where every event that acts publish is posted as JSON; empty means that events wait in the outbox."""
    queue_url: str = Field(default="", repr=False)
    """The broker whose messages are taken in: ``nats://user:password@host:port`` (JetStream) or ``amqp://…`` (RabbitMQ,
    quorum queues); empty: none, and messages come by REST alone."""
    message_keys: str = Field(default="", repr=False)
    """The keys with which senders sign their messages, ``SOURCE=key,SOURCE=key``: up to two of a source live at the
    same time, so that one is exchanged without a gap."""
    max_upload_bytes: int = 200 * 1024 * 1024

    @classmethod
    def load(cls, **overrides: object) -> Settings:
        """Read the environment once; ``overrides`` win (tests and the command line)."""
        return cls(**overrides)  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """The environment of a process of ours that works on this installation."""
        chosen = self.model_dump(mode="json") | {"home": str(self.home.resolve())}
        return dict(os.environ) | {f"RECOUP_{name.upper()}": str(value) for name, value in chosen.items()}

    @property
    def project_root(self) -> Path:
        return PROJECT_ROOT

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone in which a business date begins and ends."""
        return ZoneInfo(self.timezone)

    @property
    def ops_database_url(self) -> str:
        """The ops store: as set, else SQLite in the home."""
        return self.ops_url or f"sqlite:///{self.home.resolve() / 'ops.db'}"

    @property
    def inbound(self) -> Path:
        return self.home / "inbound"

    @property
    def quarantine(self) -> Path:
        return self.home / "quarantine"

    @property
    def warehouse_path(self) -> Path:
        return self.home / "warehouse" / "recoup.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def evidence(self) -> Path:
        return self.home / "evidence"

    @property
    def exports(self) -> Path:
        """Files of released exports, by internal id, for as long as their links live."""
        return self.home / "exports"

    @property
    def imports(self) -> Path:
        """Files that people brought, each in the folder of its import, with its preview."""
        return self.home / "imports"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def run(self) -> Path:
        """Locks, leases and other files that mean nothing after a restart."""
        return self.home / "run"

    @property
    def template_dirs(self) -> tuple[Path, ...]:
        return (PROJECT_ROOT / "data" / "templates", self.home / "templates")

    @property
    def lender_dirs(self) -> tuple[Path, ...]:
        """Where lenders are described; what the home says of one replaces what the project says."""
        return (PROJECT_ROOT / "data" / "lenders", self.home / "lenders")

    @property
    def reference_dir(self) -> Path:
        return PROJECT_ROOT / "data" / "reference"

    @property
    def dbt_dir(self) -> Path:
        return PROJECT_ROOT / "dbt"

    def make_folders(self) -> None:
        """Create the folders of the home that do not exist yet."""
        for folder in (
            self.inbound,
            self.quarantine,
            self.warehouse_path.parent,
            self.published,
            self.evidence,
            self.exports,
            self.imports,
            self.dagster_home,
            self.logs,
            self.run,
        ):
            folder.mkdir(parents=True, exist_ok=True)


def yaml_of(text: str) -> Any:
    """What a text of YAML says, plain values alone; by libyaml, ten times as fast as the parser written in Python."""
    return yaml.load(text, Loader=yaml.CSafeLoader)
