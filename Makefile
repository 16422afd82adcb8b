# Needs Python 3.11 or newer, and make. Everything else is set up below, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/run ## watch the whole job: no account, no network, no settings
	$(BIN)/syncer demo

test: $(VENV)/dev ## all tests that need nothing but Python, with the coverage they must reach
	$(BIN)/python -m pytest -n auto --cov --cov-report=
	$(BIN)/python tools/coverage_floor.py

check: $(VENV)/dev ## format, lint, types, and the shipped config
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/syncer validate

fix: $(VENV)/dev ## repair what tools can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev ## the figures that the README quotes
	$(BIN)/python tools/bench.py

lock: $(VENV)/dev ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m $(LOCK) --upgrade --group build -o requirements.txt pyproject.toml
	$(BIN)/python -m $(LOCK) --upgrade --group dev -o requirements-dev.txt pyproject.toml

clean: ## forget what was set up and built
	rm -rf $(VENV) build dist .serverless .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv $(VENV)

# Each installs the locked set, then the checkout itself.
$(VENV)/run: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) -r requirements.txt
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev: requirements-dev.txt pyproject.toml | $(BIN)/python
	$(PIP) -r requirements-dev.txt
	$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/run
