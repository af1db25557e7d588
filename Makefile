# Everything a newcomer needs: `make demo` to see it, `make test` to trust it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do command -v $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo run test coverage lint format bench hostile timing guessing mutation chaos faults docs definitions lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

$(VENV)/ready: requirements-dev.lock pyproject.toml tools/bootstrap.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/bootstrap.sh
	@touch $@

demo: $(VENV)/ready ## Start servers and a worker, and play a gateway
	@$(BIN)/python -m tools.demo

run: $(VENV)/ready ## Start servers and a worker, and leave them up until Ctrl-C
	@$(BIN)/python -m tools.run

test: $(VENV)/ready ## Run every test, on real servers
	$(BIN)/pytest

coverage: $(VENV)/ready ## Run every test, and show which lines and branches none of them reached
	$(BIN)/pytest --cov --cov-report=term

lint: $(VENV)/ready ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/ready ## Measure: reads beside logins, and the answer of a full pool
	$(BIN)/python -m benchmarks.reads_beside_logins
	$(BIN)/python -m benchmarks.overload

hostile: $(VENV)/ready ## Measure: do hostile messages slow down the good ones among them?
	$(BIN)/python -m benchmarks.hostile_messages

timing: $(VENV)/ready ## Measure: does a refused login tell by its time who has an account?
	$(BIN)/python -m benchmarks.login_timing

guessing: $(VENV)/ready ## Simulate: what does a guesser get per day, and what do others lose? (table of SECURITY.md)
	$(BIN)/python -m benchmarks.guessing

mutation: $(VENV)/ready ## Break the security modules on purpose, and see whether unit tests notice
	$(BIN)/python -m tools.mutation

chaos: $(VENV)/ready ## Ten minutes of faults at random, drawn by SEED: nothing lost, nothing doubled
	CHAOS_SECONDS=$${CHAOS_SECONDS:-600} $(BIN)/pytest -q -s tests/faults/test_history.py

faults: $(VENV)/ready ## The other fault tests at length: 200 kills, 10 deploys under load, 1,000 of each hostile message
	KILLS=200 RESTARTS=10 RATE=200 HOSTILE=1000 $(BIN)/pytest -q -s tests/faults --deselect tests/faults/test_history.py

docs: $(VENV)/ready ## Make the AsyncAPI document and the tables of the README again
	$(BIN)/python -m asyncapi.generate
	$(BIN)/python -m tools.readme

definitions: $(VENV)/ready ## Make the broker's definitions file again
	$(BIN)/profilectl topology definitions > deploy/rabbitmq/definitions.json

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header -q --no-emit-package profile-contracts --no-emit-package profile-service
lock: $(VENV)/ready ## Pin all dependencies again, with hashes
	$(BIN)/$(COMPILE) --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/$(COMPILE) pyproject.toml -o requirements.lock
	grep '^uv==' requirements-dev.lock | cut -d' ' -f1 | $(BIN)/$(COMPILE) - -o requirements-uv.lock

clean: ## Remove what was made here
	rm -rf $(VENV) build asyncapi/node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
