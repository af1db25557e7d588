# Everything a newcomer needs: `make demo` to see it, `make test` to trust it.
# PYTHON=... takes another one than the first that fits.
VENV ?= .venv
BIN := $(VENV)/bin
# A run starts hundreds of Pythons: what one has compiled, the others need not.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run cluster test-docker test-fast test test-all coverage lint format bench overload hostile timing guessing mutation browser rules chaos chaos-cluster faults docs definitions lock check-setup dist clean FORCE

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# Times of files do not tell whether the environment is what it should be, so it looks for itself, in 0.1 s.
$(VENV)/ready: FORCE
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tools/bootstrap.sh
FORCE:

demo: $(VENV)/ready ## Start servers and a worker, and play a gateway
	@$(BIN)/python -m tools.demo

run: $(VENV)/ready ## Start servers and a worker, and leave them up until Ctrl-C
	@$(BIN)/python -m tools.run

WORKERS ?= 2
cluster: $(VENV)/ready ## Start a RabbitMQ cluster, a replica set and WORKERS, to kill members of; until Ctrl-C
	@$(BIN)/python -m tools.cluster --workers $(WORKERS)

# Tests of one run share their servers. As many of them wait, more run at once than there are cores.
CORES := $(shell nproc 2>/dev/null || echo 1)
JOBS ?= $(shell expr 3 '*' $(CORES))
SIDE_BY_SIDE = $(BIN)/pytest -n $(JOBS) --dist worksteal -m "not at_length"
EVERYTHING = $(addprefix tests/,unit architecture ports integration faults)

test-docker: $(VENV)/ready ## As root on Debian: demo, image and compose on a Docker engine of our own
	@$(BIN)/python -m tools.docker

test-fast: $(VENV)/ready ## Run the tests that need no server: for every save
	$(BIN)/pytest -q -n $(shell expr 1 + $(CORES)) --dist worksteal tests/architecture tests/unit

test: $(VENV)/ready ## Run them, those on real servers, and one short run of each kind of fault: for every commit
	$(SIDE_BY_SIDE) $(EVERYTHING)

test-all: $(VENV)/ready ## Run every test, at length
	$(SIDE_BY_SIDE) $(filter-out tests/faults,$(EVERYTHING))
	$(MAKE) rules check-setup faults chaos

coverage: $(VENV)/ready ## Run what `make test` runs, and show which lines and branches none of it reached
	$(SIDE_BY_SIDE) $(EVERYTHING) --cov --cov-report=term

lint: $(VENV)/ready ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/ready ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What peers need is in an environment of its own: `make bench BENCH=--quick`, `make bench BENCH="--only auth."`.
BENCH ?=
$(VENV)-bench/ready: benchmarks/requirements.lock | $(VENV)/ready
	@rm -rf $(@D)
	@$(BIN)/uv venv -q --python $(BIN)/python $(@D)
	@$(BIN)/uv pip sync -q --python $(@D)/bin/python --require-hashes $<
	@touch $@

bench: $(VENV)/ready $(VENV)-bench/ready ## Measure: the service beside what one would write instead (BENCH=--quick)
	@$(BIN)/python -m benchmarks.comparison --venv $(VENV)-bench $(BENCH)

overload: $(VENV)/ready ## Measure: reads beside logins, and the answer of a full pool
	$(BIN)/python -m benchmarks.reads_beside_logins
	$(BIN)/python -m benchmarks.overload

hostile: $(VENV)/ready ## Measure: do hostile messages slow down the good ones among them?
	$(BIN)/python -m benchmarks.hostile_messages

TRIES ?= 400
timing: $(VENV)/ready ## Measure: does a refused login, reset or verification tell by its time who has an account?
	$(BIN)/python -m benchmarks.token_timing $(TRIES)
	$(BIN)/python -m benchmarks.login_timing $(TRIES)

guessing: $(VENV)/ready ## Simulate: what does a guesser get per day, and what do others lose? (table of SECURITY.md)
	$(BIN)/python -m benchmarks.guessing

mutation: $(VENV)/ready ## Break the security modules on purpose, and see whether unit tests notice
	$(BIN)/python -m tools.mutation

rules: $(VENV)/ready ## Check and test what Prometheus is told, and have one watch a worker (Debian: prometheus)
	@$(BIN)/python -m tools.rules
	$(BIN)/pytest -q tests/monitoring

CHAOS_SECONDS ?= 600
chaos: $(VENV)/ready ## Ten minutes of faults at random, drawn by SEED: nothing lost, nothing doubled
	CHAOS_SECONDS=$(CHAOS_SECONDS) $(BIN)/pytest -q -s tests/faults/test_history.py

ROUNDS ?= 5
chaos-cluster: $(VENV)/ready ## Members of a RabbitMQ cluster and a replica set die, hang and are cut off: ROUNDS, RATE, SEED
	ROUNDS=$(ROUNDS) RATE=$(RATE) $(BIN)/pytest -q -s tests/cluster

# Several at once meet a slower machine than each alone would.
FAULTS_AT_ONCE ?= 2
KILLS ?= 200
RESTARTS ?= 10
RATE ?= 200
HOSTILE ?= 1000
POSTS ?= 10000
FUZZ ?= 10000
faults: $(VENV)/ready ## The other fault tests at length: 200 kills, 10 deploys under load, 1,000 of each hostile message
	KILLS=$(KILLS) RESTARTS=$(RESTARTS) RATE=$(RATE) HOSTILE=$(HOSTILE) POSTS=$(POSTS) FUZZ=$(FUZZ) HANGING=1 \
	$(BIN)/pytest -q -n $(FAULTS_AT_ONCE) --dist worksteal -m "faults or at_length" \
		tests/faults tests/integration --deselect tests/faults/test_history.py

browser: $(VENV)/ready ## Use the gateways of examples/ and RabbitMQ's console in a real Chromium
	$(BIN)/pytest -q tests/browser

docs: $(VENV)/ready ## Make the AsyncAPI document, what follows from it, docs/reference, docs/comparison.md and docs/capacity.md again
	$(BIN)/python -m asyncapi.generate
	$(BIN)/python -m tools.typescript
	$(BIN)/python -m tools.openapi
	$(BIN)/python -m tools.reference
	$(BIN)/python -m benchmarks.comparison.page
	$(BIN)/python -m benchmarks.capacity

definitions: $(VENV)/ready ## Make the broker's definitions file and the topology for Kubernetes again
	$(BIN)/profilectl topology definitions > deploy/rabbitmq/definitions.json
	$(BIN)/python -m tools.kubernetes

COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header -q
OURS := --no-emit-package profile-contracts --no-emit-package profile-service
lock: $(VENV)/ready ## Pin all dependencies again, with hashes
	$(BIN)/$(COMPILE) $(OURS) --extra dev pyproject.toml -o requirements-dev.lock
	$(BIN)/$(COMPILE) $(OURS) pyproject.toml -o requirements.lock
	$(BIN)/$(COMPILE) -c requirements.lock benchmarks/requirements.in -o benchmarks/requirements.lock
	grep -E '^(uv|setuptools)==' requirements-dev.lock | cut -d' ' -f1 | $(BIN)/$(COMPILE) - -o requirements-build.lock

check-setup: $(VENV)/ready ## Show that the locks install the same with old and new pips, whatever the index holds by then
	@$(BIN)/python -m tools.check_setup
	$(SIDE_BY_SIDE) tests/setup

dist: $(VENV)/ready ## Build wheels and source archives of both distributions into dist/, without network
	@$(BIN)/python -m tools.dist

clean: ## Remove what was made here
	rm -rf $(VENV) $(VENV).lock $(VENV).log $(VENV)-bench build dist contracts/build asyncapi/node_modules asyncapi/modelina/node_modules contracts/typescript/node_modules contracts/typescript/dist *.egg-info examples/gateway-express/node_modules examples/gateway-express/dist contracts/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
