SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEMO_READY := .venv/.demo-ready
PROTO_READY := .venv-proto/.ready
# The web UI is built with a Node of its own, whatever the machine has.
NODE := $(CURDIR)/.venv-web/bin
NPM := PATH="$(NODE):$$PATH" npm --prefix web
WEB_READY := web/node_modules/.ready
WEB_BUILT := server/runstream_server/web/index.html
WEB_SOURCES = $(shell find web/src -type f -not -path 'web/src/api/gen/*') $(wildcard proto/runstream/v1/*.proto web/*.ts web/*.json web/index.html)
# Environments of MLflow's releases, which the tests with real clients use.
MLFLOW_READY := .venv-mlflow3/.ready .venv-mlflow2/.ready
# Tests start hundreds of processes; without bytecode each of them compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE
# Compiling every module that might be imported would take as long as installing them.
PIP := -m pip install --quiet --disable-pip-version-check --no-compile
SOURCES = client server tests tools $(sort $(dir $(wildcard benchmarks/*.py examples/*.py)))
# Quick tests also wait for servers and clocks. Whoever is done early takes over from the others.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
PARALLEL = -n $(WORKERS) --dist worksteal
# More pytest arguments, e.g. `make test ARGS='-k spool'`.
ARGS ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(READY) ## Create .venv with everything that the demo, the tests and the linters need

.PHONY: demo
demo: $(DEMO_READY) $(WEB_BUILT) ## Train a small model and watch it arrive (DEMO_EXIT=1: end when it is done)
	$(BIN)/python examples/demo.py

.PHONY: serve
serve: $(DEMO_READY) $(WEB_BUILT) ## Run the server: gRPC on 50051, HTTP on 5000, data in ./runstream-data
	$(BIN)/runstream server

.PHONY: test
test: $(READY) ## Run the tests that take seconds
	$(BIN)/pytest $(PARALLEL) -m 'not slow and not faults and not browser' $(ARGS)

.PHONY: test-all
test-all: $(READY) $(MLFLOW_READY) $(WEB_BUILT) browser ## Run the others: faults, slow ones, a browser, the real MLflow and the built wheel
	$(BIN)/pytest -n auto --dist worksteal -m 'slow or faults or browser' $(ARGS)

.PHONY: pictures
pictures: $(READY) $(WEB_BUILT) browser ## Take the pictures of the documentation anew
	RUNSTREAM_PICTURES=docs/images $(BIN)/pytest -n 0 tests/browser/test_pictures.py

.PHONY: browser
browser: ## See to it that there is a browser for the tests of the web UI
	@found=$$(command -v "$${RUNSTREAM_TEST_BROWSER:-chromium}" || command -v chromium-browser || command -v google-chrome); \
	if [ -n "$$found" ]; then echo "browser: $$found"; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
		apt-get update && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core; \
	else \
		echo "There is no browser for the tests of the web UI. Install Chromium (Debian, as root: apt-get install chromium fonts-dejavu-core), or set RUNSTREAM_TEST_BROWSER to the command of a Chromium or Chrome." >&2; \
		exit 1; \
	fi

.PHONY: bench
bench: $(READY) .venv-mlflow3/.ready ## Measure the promised numbers
	$(BIN)/python -m benchmarks.run

.PHONY: proto
proto: $(PROTO_READY) ## Regenerate the stubs in client/runstream/v1 from proto/
	.venv-proto/bin/python tools/generate_proto.py

.PHONY: web
web: $(WEB_BUILT) ## Build the web UI into the server's package

.PHONY: lint
lint: lint-python lint-proto lint-deploy lint-web ## Check style, types, import direction and the contract

.PHONY: lint-python
lint-python: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy $(SOURCES)
	$(BIN)/pyright

.PHONY: lint-proto
lint-proto: $(READY) $(PROTO_READY)
	$(BIN)/buf lint proto
	$(BIN)/buf format --diff --exit-code proto
	$(BIN)/python tools/check_breaking.py
	.venv-proto/bin/python tools/generate_proto.py --check

.PHONY: lint-deploy
lint-deploy: $(READY)
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --quiet deploy/kubernetes/*.yaml

.PHONY: lint-web
lint-web: $(WEB_BUILT)
	$(NPM) run --silent lint
	$(NPM) run --silent test

.PHONY: format
format: $(READY) ## Format the code and the contract
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(BIN)/buf format --write proto

.PHONY: build
build: $(READY) $(WEB_BUILT) ## Build the wheel and the sdist into dist/
	$(BIN)/python -m build

.PHONY: clean
clean: ## Remove environments, caches and builds
	rm -rf .venv .venv-proto .venv-web .venv-mlflow2 .venv-mlflow3 web/node_modules web/src/api/gen server/runstream_server/web build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --editable '.[dev]'
	@touch $(DEMO_READY) $@

$(DEMO_READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python $(PIP) --editable '.[demo]'
	@touch $@

$(WEB_READY): web/package-lock.json web/requirements.txt
	$(PYTHON) -m venv .venv-web
	.venv-web/bin/python $(PIP) --requirement web/requirements.txt
	$(NPM) ci --silent
	@touch $@

$(WEB_BUILT): $(WEB_READY) $(WEB_SOURCES)
	$(NPM) run --silent generate
	$(NPM) run --silent build -- --logLevel warn
	@touch $@

.PHONY: mlflow2 mlflow3
mlflow2 mlflow3: mlflow%: .venv-mlflow%/.ready

.venv-mlflow%/.ready: tests/mlflow/requirements-%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) --requirement $<
	@touch $@

$(PROTO_READY): tools/proto-requirements.txt
	$(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python $(PIP) --requirement $<
	@touch $@
