# The two commands of the README are `make demo` and `make test`; each does all its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test setup lint types contracts unit lock clean

demo: setup            ## set-up, then the demo: conversations through the whole pipeline on real parts
	$(BIN)/spillway demo

test: setup lint types contracts unit   ## set-up, then lint, types, import contracts and every test

setup: $(READY)        ## the virtual environment, every package checked against its hash; the command is .venv/bin/spillway

$(READY): requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Spillway needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "no virtual environment could be made: on Debian and Ubuntu install the package python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --progress-bar on -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

lint: setup            ## style, and the formatting of the code
	$(BIN)/ruff check .

types: setup           ## mypy, strict
	$(BIN)/mypy

contracts: setup       ## imports point down
	$(BIN)/lint-imports --no-cache

unit: setup            ## every test, against real parts
	$(BIN)/pytest

lock:                  ## pin every dependency anew, with hashes
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra cpu --extra train --extra local --extra dev \
		--custom-compile-command 'make lock' setup.cfg -o requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info
