# Needs Python 3.11 or newer, and make. Everything else is set up below, in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes
LOCK := uv pip compile --universal --generate-hashes --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test check fix promise soak sabotage mutate test-deploy test-browser bench lock clean

# The deployed function runs on Python 3.13; found on the PATH, or where pyenv keeps it.
PYTHON313 ?= $(firstword $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null \
  || ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.13*/bin/python3.13 2>/dev/null) python3.13)
TEMPLATE := .serverless/cloudformation-template-update-stack.json

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

test-deploy: .venv-deploy/done .venv-runtime/done .venv-lint/done node_modules/.package-lock.json ## deploy for real, to stand-ins for AWS on this machine (Python 3.13, node 20)
	LAMBDA_PYTHON=.venv-runtime/bin/python .venv-deploy/bin/python -m pytest -n auto --dist loadfile tests/deploy
	for fanout in false true; do \
	  PATH=$(CURDIR)/.venv-deploy/bin:$$PATH PYTHON=.venv-deploy/bin/python NODE_NO_WARNINGS=1 npx --no-install \
	    serverless package --stage test --param alarmEmail=me@example.com --param fanout=$$fanout \
	  && .venv-lint/bin/cfn-lint $(TEMPLATE) \
	  && .venv-lint/bin/checkov --config-file .checkov.yaml -f $(TEMPLATE) --framework cloudformation || exit; \
	done
	.venv-lint/bin/bandit --quiet --recursive syncer tools --skip B101,B105,B311,B404,B603 # ruff checks these, each with its reason
	.venv-lint/bin/detect-secrets-hook --baseline .secrets.baseline $$(git ls-files) || [ $$? -eq 3 ] # 3: lines have moved

promise: $(VENV)/dev ## prove that nothing is doubled or lost, over every fault we know (minutes)
	$(BIN)/python -m pytest -n auto tests/promise

soak: $(VENV)/dev ## the same for many more schedules; SEEDS=1000000 and an hour at most by default
	$(BIN)/python tools/soak.py --seeds $(or $(SEEDS),1000000) --minutes $(or $(MINUTES),60)

sabotage: $(VENV)/dev ## show that the proof turns red for each of thirty-four broken builds
	$(BIN)/python tools/sabotage.py

mutate: .venv-mutate/done ## break the code that decides, in small ways: the tests must notice 95 % of it
	.venv-mutate/bin/python tools/mutate.py

test-browser: $(VENV)/dev ## sign in for real, in Debian's chromium
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null \
	  || { echo "chromium and chromedriver are needed: apt-get install chromium chromium-driver"; exit 1; }
	$(BIN)/python -m pytest tests/browser

bench: $(VENV)/dev .venv-deploy/done .venv-runtime/done ## the figures that the README quotes, beside plain spotipy (minutes; those of Lambda with Python 3.13)
	@$(BIN)/python -m tools.bench; missed=$$?; \
	LAMBDA_PYTHON=.venv-runtime/bin/python .venv-deploy/bin/python -m tools.bench_lambda && exit $$missed

lock: $(VENV)/dev ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m $(LOCK) --upgrade --python-version 3.11 --group build -o requirements.txt pyproject.toml
	$(BIN)/python -m $(LOCK) --upgrade --python-version 3.11 --group dev -o requirements-dev.txt pyproject.toml
	$(BIN)/python -m $(LOCK) --upgrade --python-version 3.11 --group mutate -o requirements-mutate.txt pyproject.toml
	for group in "" -runtime -lint; do $(BIN)/python -m $(LOCK) --upgrade --python-version 3.13 --group deploy$$group \
	  -o tests/deploy/requirements$$group.txt pyproject.toml; done

clean: ## forget what was set up and built
	rm -rf $(VENV) .venv-mutate .venv-deploy .venv-runtime .venv-lint node_modules build dist .serverless .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis

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

.venv-deploy/done: tests/deploy/requirements.txt
.venv-runtime/done: tests/deploy/requirements-runtime.txt
.venv-lint/done: tests/deploy/requirements-lint.txt
.venv-deploy/done .venv-runtime/done .venv-lint/done:
	$(PYTHON313) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

.venv-mutate/done: requirements-mutate.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
