# The commands of this repository. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
RUN := $(BIN)/python -m
LOCK := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-annotate --no-header $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help install lock up down status token demo test check faults bench contracts clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "Variables: BANGFU_HOME (state, default .bangfu), PORT_BASE (default 8000: households +1,"
	@echo "funds +2, inspection +3, notify +4, broker +92), BROKER=embedded|apache,"
	@echo "SIMULATION_CLOCK=1. They may stand in the environment or behind the command."

install: $(STAMP) ## virtual environment with everything, from hashed requirements

# Standard output stays free for what a command prints (`make token`).
$(STAMP): requirements/development.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: put it first on PATH, or say make PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is incomplete: install it (on Debian: apt-get install python3-venv)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >&2
	@if test -x $(BIN)/uv; then \
		$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python $< >&2; \
	else \
		$(RUN) pip install --quiet --disable-pip-version-check --require-hashes -r $< >&2; \
	fi
	@touch $@

lock: $(STAMP) ## resolve requirements/*.in into hashed *.txt (UPGRADE=1: to the newest)
	cd requirements && for name in runtime chat embedded development; do \
		../$(LOCK) $$name.in --output-file $$name.txt || exit 1; \
	done

up: $(STAMP) ## start the suite; Ctrl-C stops it (DETACH=1: return once all is ready)
	@$(RUN) deploy.embedded up $(if $(filter 1 true yes,$(DETACH)),--detach)

down: $(STAMP) ## stop a suite started with DETACH=1
	@$(RUN) deploy.embedded down

status: $(STAMP) ## which services are ready
	@$(RUN) deploy.embedded status

token: $(STAMP) ## print an access token: SUB=person ORG=HOUS@511132 ROLES=dept_handler,dept_head
	@$(RUN) deploy.embedded token --sub "$(SUB)" --org "$(ORG)" --roles "$(ROLES)"

demo: $(STAMP) ## load a small county into the running suite
	@$(RUN) deploy.demo

# Most tests need little but a database each, so they share the cores; stacks and faults are about time
# and have the machine to themselves.
ALONE := tests/deploy tests/faults tests/system

test: $(STAMP) ## all tests, fault suites with small counts (ARGS="-k word -x")
ifeq ($(strip $(ARGS)),)
	@$(BIN)/pytest --numprocesses 2 --dist loadfile $(ALONE:%=--ignore=%) tests
	@$(BIN)/pytest $(ALONE)
else
	@$(BIN)/pytest $(ARGS)
endif

check: $(STAMP) ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest --quiet tests/test_architecture.py

faults: $(STAMP) ## the fault suites with their full counts
	@FAULTS=full $(BIN)/pytest tests/faults $(ARGS)

bench: $(STAMP) ## measure, each figure beside its floor
	@$(RUN) bench $(ARGS)

contracts: $(STAMP) ## write the JSON Schemas and AsyncAPI document of the events
	@$(RUN) shared.events.contracts --write

clean: ## remove caches (state in BANGFU_HOME and the virtual environment stay)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
