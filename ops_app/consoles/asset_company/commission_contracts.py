"""Contracts on commission: the versions in force, a try-out step by step, and the proposal of a new version."""

from __future__ import annotations

from ops_app.consoles.commission import contracts
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "commission_contracts")
chosen = contracts.show(at)
contracts.try_it(at, chosen)
contracts.propose(at, chosen)
