# Recoup. `make` alone prints what there is.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow soak bench check docs lock serve clean

help: ## what can be made
	@echo "Recoup - post-loan collection suite / 贷后催收套件"
	@echo
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'
	@echo
	@echo "  Options are passed on: make demo ARGS=\"--no-serve --loans 2000\""

$(STAMP): requirements.lock pyproject.toml
	@bash ops_app/install.sh "$(PYTHON)" "$(VENV)"
	@touch $(STAMP)

demo: $(STAMP) ## a seeded portfolio, full business days, then the consoles (prints address and sign-ins)
	@$(BIN)/recoup demo $(ARGS)

serve: $(STAMP) ## the front door on the present home
	@$(BIN)/recoup serve $(ARGS)

# processes that the tests start are up twice as fast with bytecode, whatever the shell says of it
test test-slow soak: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMP) ## everything that must be green, under 20 minutes on 2 cores
	@bash ops_app/test_needs.sh
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not bench" $(PYTEST_ARGS)

test-slow: $(STAMP) ## the long ones
	@bash ops_app/test_needs.sh
	@$(BIN)/python -m pytest -m "slow and not bench" $(PYTEST_ARGS)

soak: $(STAMP) ## more seeds of the ledger against its model (ARGS="--store sqlite --seeds 8"; "--whole": 100,000 + 20,000 steps)
	@bash ops_app/test_needs.sh
	@$(BIN)/python -m tests.services.ledger.machine.soak $(ARGS)

bench: $(STAMP) ## the benchmarks, each beside its raw limit in the same run
	@for name in ingest build reconciliation posting; do $(BIN)/recoup bench $$name $(ARGS) || exit 1; done

check: $(STAMP) ## lint, format, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy ops_app/domain ops_app/engines ops_app/services ops_app/store
	@$(BIN)/lint-imports

docs: $(STAMP) ## dbt's documentation as one page under data/run/dbt
	@$(BIN)/recoup docs

lock: $(STAMP) ## pins and hashes anew from pyproject.toml (no addresses in it)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --python-version 3.11 --no-emit-index-url -q -o requirements.lock

clean: ## removes .venv and everything made at run time
	@rm -rf $(VENV) data/inbound data/quarantine data/warehouse data/published data/evidence data/dagster data/logs data/run data/ops.db*
