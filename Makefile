# Omsorgstid. `make` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# Tests wait for locks, browsers and brokers most of their time: one worker more than there are cores.
PYTEST_WORKERS ?= 3
ENGINE_SOURCES := build_engine.py $(wildcard scheduling/native/*.[ch])
DEBIAN_PARTS := mosquitto redis-server postgresql chromium prometheus coturn

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock pyproject.toml $(ENGINE_SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements-dev.lock pyproject.toml $(ENGINE_SOURCES) | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(STAMP)

.PHONY: setup
setup: $(STAMP) ## install what running needs, into .venv

.PHONY: demo
demo: setup ## set up and run the platform with a simulated municipality (ARGS="--exit --seed 1")
	$(BIN)/omsorgstid demo $(ARGS)

.PHONY: parts
parts: ## install the real parts tests use from Debian, where missing and permitted
	@sh deploy/install-parts.sh $(DEBIAN_PARTS)

.PHONY: lint
lint: $(DEV_STAMP) ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: collect
collect: $(DEV_STAMP) ## import every test without running it
	@said=$$($(BIN)/pytest --collect-only -qq) || { echo "$$said"; exit 1; }

.PHONY: test
test: $(DEV_STAMP) parts ## set up and run everything: lint, all tests, real parts
	@# mypy takes one core: on the other one the tests are compiled meanwhile, once for all workers
	@$(MAKE) --no-print-directory -j2 lint collect
	$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: test-fast
test-fast: $(DEV_STAMP) ## the tests that need no browser and no PostgreSQL
	$(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadfile --no-loadscope-reorder -m "not postgres and not browser and not slow"

.PHONY: serve
serve: setup ## gateway alone: pages, API, event streams, by the settings in the environment
	$(BIN)/omsorgstid serve

.PHONY: bench
bench: $(DEV_STAMP) ## the benchmarks: ingest at full fleet, with their calibration
	$(BIN)/python -m loadtests.ingest --devices 700 --rate 100 --seconds 20

.PHONY: attack
attack: $(DEV_STAMP) ## every named attack on the doors, a line each; fails if one succeeds
	$(BIN)/python -m loadtests.attack

.PHONY: soak
soak: $(DEV_STAMP) ## faults at length: crash model, kill -9, fuzz (half an hour and more; ARGS="model --sequences 50")
	$(BIN)/python -m loadtests.soak $(or $(ARGS),all)

.PHONY: bench-gateway
bench-gateway: $(DEV_STAMP) parts ## the device gateway against its goals: measured, holds or not (ARGS="--only drain")
	$(BIN)/python -m loadtests.gateway_bench --out docs/benchmarks/gateway.md $(ARGS)

.PHONY: honesty
honesty: $(DEV_STAMP) ## known savings through the ledgers: are the intervals honest (hours; resumes; ARGS="--runs 50")
	$(BIN)/python -m loadtests.honesty --results var/honesty.jsonl --page docs/benchmarks/benefits.md $(ARGS)

PROFILE ?= smoke
.PHONY: load
load: $(DEV_STAMP) ## load test with a verdict, on throw-away PostgreSQL, Redis, mosquitto (PROFILE=centre)
	$(BIN)/omsorgstid loadtest $(PROFILE) $(ARGS)

.PHONY: bench-routes
bench-routes: $(DEV_STAMP) ## every part of the route benchmark, or some (ARGS="hhcrsp --seconds 1 --seeds 2 city")
	$(BIN)/python -m loadtests.bench_routes $(ARGS)

PEERS := .venv-peers
$(PEERS)/.installed: requirements-peers.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-peers.lock
	@touch $@

.PHONY: bench-peers
bench-peers: $(DEV_STAMP) $(PEERS)/.installed ## OR-Tools beside our planner, in an environment of its own (ARGS="--seconds 5")
	$(BIN)/python -m loadtests.peers --python $(PEERS)/bin/python --out docs/benchmarks/peers.md $(ARGS)

.PHONY: bench-benefits
bench-benefits: $(DEV_STAMP) ## what counting costs: a new event, a year from nothing, a scrape, the page (ARGS="--days 60")
	$(BIN)/python -m loadtests.benefits_bench --page docs/benchmarks/benefits.md $(ARGS)

.PHONY: bench-board
bench-board: $(DEV_STAMP) ## the planner's board with 400 routes and 6,000 visits in a real browser, against its budgets
	$(BIN)/python -m loadtests.board_bench --out docs/benchmarks/board.md $(ARGS)

.PHONY: engine
engine: $(STAMP) ## compile the route engine anew, after a change in scheduling/native
	$(BIN)/python build_engine.py

.PHONY: lock
lock: ## write the requirement locks anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --group build --group dev pyproject.toml -o requirements-dev.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-header --no-annotate --group pyproject.toml:peers -o requirements-peers.lock
