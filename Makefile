# The two commands of the README, and the few a developer needs.
PYTHON ?= python3
BIN := .venv/bin
# Passed to pytest: make test ARGS="-k ledger"
ARGS ?=

# Where this is set, every command would compile the whole of dxp anew, for a second or more.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench lint format docs translations constraints dist clean

help: ## List the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 22

run: python ## Set up, load the demo, and serve it with the sample storefront
	@$(PYTHON) tools/bootstrap.py run
	@$(BIN)/dxp db upgrade
	@$(BIN)/dxp demo --load
	@exec $(BIN)/dxp serve --demo

test: setup lint ## Run everything: linters, then the suite on SQLite and on PostgreSQL
	@$(BIN)/python tools/run_tests.py $(ARGS)

check: setup lint ## Run the linters and the fast tests, on SQLite
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal \
	    -m "not slow and not browser and not broker and not postgres and not schemathesis" $(ARGS)

bench: setup ## Measure events beside a plain INSERT, and reads among a million customers
	@$(BIN)/python -m bench $(ARGS)

lint: setup
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run 'make format'."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/lint-imports --no-logo --config plugins/.importlinter

format: setup ## Format the code and repair what the linter can
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

docs: setup ## Write the reference pages anew from the code
	@$(BIN)/dxp docs all $(patsubst plugins/%/setup.cfg,--plugin %,$(wildcard plugins/*/setup.cfg))

translations: setup ## Collect new texts into the catalogues, and tell what is not translated
	@$(BIN)/python tools/translations.py

constraints: setup ## Move every dependency to the newest version its range allows
	@$(BIN)/python tools/constraints.py

dist: setup ## Build the wheels, with the front end and translations inside
	@rm -rf dist build plugins/*/build
	@for source in . plugins/*/; do \
	    $(BIN)/python -m build --wheel --no-isolation --outdir dist "$$source" >/dev/null || exit 1; \
	done; rm -rf build plugins/*/build; ls dist

clean: ## Remove the environment and everything built; keeps var/, which holds your data
	@rm -rf .venv node_modules dist build plugins/*/build *.egg-info plugins/*/*.egg-info \
	    .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis \
	    dxp/admin/static/build dxp/web/static/build
	@find dxp plugins examples tests -name __pycache__ -prune -exec rm -rf {} + -o -name '*.mo' -exec rm {} +

.PHONY: setup python
setup: python
	@$(PYTHON) tools/bootstrap.py test

python:
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) was not found. dxp needs Python 3.11 or newer: install it, or name it with"; \
	    echo "    make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "dxp needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) -V 2>&1`. Name a newer one with"; \
	    echo "    make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
