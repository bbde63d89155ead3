# The verbs a person needs. `make run` and `make test` set up what they use.

.DEFAULT_GOAL := help
.PHONY: help run setup exports test test-citus survive live lint format lock packages version bench clean

# The first Python that is new enough, looked for once; PYTHON=... overrides.
PYTHON ?= $(eval PYTHON := $(shell \
	for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && break; done))$(PYTHON)

# Where it is set, each program of a test compiles all that it imports, again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
# Python carries a pip, which can work as it is where there is none; to install it takes
# longer than all that it is needed for, which is uv.
FIND_PIP := import ensurepip, sysconfig; from pathlib import Path; \
	own = Path(ensurepip.__file__).with_name("_bundled"); \
	wheels = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or own); \
	print(next(pip for folder in (wheels, own) for pip in folder.glob("pip-*.whl")))
INSTALL_UV := install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.txt
UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python
# Installing plugins needs no bookmarks, so it must not need the database either.
MELTANO_INSTALL := MELTANO_CLI_LOG_CONFIG=none MELTANO_DATABASE_URI=sqlite:///.meltano/install.db $(BIN)/meltano

# What a first run would do bit by bit, one core does while the other installs: it
# compiles, first of all what Meltano imports last, and makes the database of a run.
WHILE_INSTALLING := $(BIN)/python -c \
	'import sqlalchemy.orm, healthhub.cli, oura_sandbox.cli'
run: WHILE_INSTALLING += ; $(BIN)/healthhub migrate
AFTER_INSTALLING := .meltano/extractors/tap-oura/venv/bin/tap-oura --version; \
	.meltano/loaders/target-postgres/venv/bin/target-postgres-on-conflict --version

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## Load what is new and show what is in the database
	@$(BIN)/healthhub run

setup: .venv/installed .meltano/installed ## Install what a run needs

exports: .venv/installed-exports ## Install what `healthhub export` needs

test: .venv/installed-dev .meltano/installed ## Run all tests
	@$(BIN)/pytest -n 2 --no-loadscope-reorder $(LONG_FIRST) orchestrate \
		tap-oura analyze sandbox target-postgres $(filter-out $(LONG_FIRST),$(wildcard tests/*))
# A worker takes a folder (conftest.py): with the longest last, the other would idle.
LONG_FIRST := $(addprefix tests/,transform pipeline operations survival lifetime tap)

test-citus: .venv/installed-dev .meltano/installed ## Run the tests of the database on Citus (CITUS_URL, or one is started)
	@$(BIN)/python tests/support/citus_server.py \
		$(BIN)/pytest $(or $(TESTS),tests/citus tests/pipeline tests/transform)

survive: .venv/installed-dev .meltano/installed ## Kill and disturb runs for an hour
	@SURVIVE=$(or $(ROUNDS),3) $(BIN)/pytest tests/survival

live: .venv/installed-dev .meltano/installed ## Live many days, and compare after each (DAYS, SEED)
	@DAYS=$(or $(DAYS),60) SEED=$(or $(SEED),1) $(BIN)/pytest --timeout=3600 tests/lifetime

lint: .venv/installed-dev ## Check style, types, SQL and YAML
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd tap-oura && ../$(BIN)/mypy tap_oura scripts tests
	cd target-postgres && ../$(BIN)/mypy target_postgres_on_conflict scripts tests
	cd sandbox && ../$(BIN)/mypy oura_sandbox tests
	cd orchestrate && ../$(BIN)/mypy healthhub tests
	cd analyze && ../$(BIN)/mypy healthhub_export healthhub_report tests
	$(BIN)/mypy tests --exclude tests/support
	$(BIN)/sqlfluff lint transform
	$(BIN)/yamllint --strict .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*
	$(BIN)/zizmor --quiet --offline .github
	$(BIN)/uvx --quiet --from kubernetes-validate==1.37.0 \
		kubernetes-validate --strict --quiet deploy/kubernetes.yaml

format: .venv/installed-dev ## Format Python and SQL
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix transform

lock: .venv/installed ## Pin the newest versions that the *.in files allow
	$(BIN)/uv pip compile $(LOCK) requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile $(LOCK) requirements-exports.in \
		--output-file requirements-exports.txt
	cp requirements.txt requirements-dev.txt
	$(BIN)/uv pip compile $(LOCK) requirements.in requirements-dev.in \
		--output-file requirements-dev.txt
	$(BIN)/uv pip compile $(LOCK) plugins/requirements.in \
		--no-emit-package tap-oura \
		--no-emit-package target-postgres-on-conflict --output-file plugins/constraints.txt
	$(BIN)/uv pip compile $(LOCK) bench/requirements.in \
		--output-file bench/requirements.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	--generate-hashes

PACKAGES := tap-oura target-postgres sandbox
packages: .venv/installed ## Build what others install, in dist
	rm -rf dist
	for each in $(PACKAGES); do $(BIN)/uv build --quiet --out-dir dist $$each || exit; done
	$(BIN)/uvx --from twine==7.0.0 twine check --strict dist/*

version: .venv/installed ## Give every package a version: make version NEW=0.2.0
	for each in $(PACKAGES) orchestrate analyze; do \
		$(BIN)/uv version --quiet --frozen --directory $$each $(NEW) || exit; done

bench: .venv/installed .meltano/installed bench/.venv/installed ## Measure it beside others (bench/README.md)
	@bench/.venv/bin/python bench/run.py $(WORK) $(if $(N),-n $(N)) $(OPTIONS)

clean: ## Remove the environments (the data in .healthhub stays)
	rm -rf .venv .meltano bench/.venv transform/target transform/logs

.venv/installed: requirements.txt orchestrate/pyproject.toml sandbox/pyproject.toml analyze/pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "healthHub needs Python 3.11 or newer: install it, or name it with"; \
		echo "  make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version) ..."
	@test -x $(BIN)/python || { $(PYTHON) -c '$(FIND_PIP)' > /dev/null 2>&1 && \
		$(PYTHON) -m venv --without-pip .venv; } || { rm -rf .venv; \
		echo "Python cannot make environments: on Debian and Ubuntu, install it with"; \
		echo "  apt install python3-venv"; exit 1; }
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	@test -x $(BIN)/uv || \
		$(PYTHON) -m pip --python $(BIN)/python $(INSTALL_UV) 2> /dev/null || \
		$(BIN)/python "$$($(BIN)/python -c '$(FIND_PIP)')/pip" $(INSTALL_UV)
	@$(UV_INSTALL) -r requirements.txt
	@touch $@

.venv/installed-exports: requirements-exports.txt .venv/installed
	@echo "Adding what exports need (200 MB) ..."
	@$(UV_INSTALL) -r requirements-exports.txt
	@touch $@

.venv/installed-dev: requirements-dev.txt tap-oura/pyproject.toml target-postgres/pyproject.toml .venv/installed
	@echo "Adding the tools for tests and checks ..."
	@$(UV_INSTALL) -r requirements-dev.txt
	@touch $@

.meltano/installed: meltano.yml plugins/constraints.txt tap-oura/pyproject.toml target-postgres/pyproject.toml .venv/installed
	@echo "Installing the Meltano plugins ..."
	@{ $(WHILE_INSTALLING); } > /dev/null 2>&1 &
	@$(MELTANO_INSTALL) --log-level warning install
	@chmod 700 .meltano/run # where a run's configuration is, tokens included
	@touch $@
	@{ $(AFTER_INSTALLING); } > /dev/null 2>&1 &

bench/.venv/installed: bench/requirements.txt .venv/installed
	@echo "Installing what the measurements compare with ..."
	@test -x bench/.venv/bin/python || $(BIN)/uv venv --quiet \
		--python $(BIN)/python bench/.venv
	@$(BIN)/uv pip install --quiet --python bench/.venv/bin/python \
		-r bench/requirements.txt
	@touch $@
