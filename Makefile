# `make demo` and `make test` are all that a fresh machine with Python 3.11 or newer needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
RESET ?=
export PYTHONDONTWRITEBYTECODE ?=

venv := .venv
py := $(venv)/bin/python
lock := requirements-dev.lock
installed := $(venv)/installed.lock

.PHONY: help
help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: setup
setup: ## the virtual environment, as the lock says
	@if cmp -s $(lock) $(installed) && $(py) -c '' 2>/dev/null; then exit 0; fi; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'Mandate needs Python 3.11 or newer: name one, as in `make $(MAKECMDGOALS) PYTHON=python3.12`.' >&2; exit 1; }; \
	test -f $(installed) && $(py) -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(venv); \
	echo 'Installing the locked dependencies…'; \
	$(py) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(lock); \
	cp $(lock) $(installed)

.PHONY: lock
lock: ## the lock files again, from pyproject.toml (needs uv)
	for extra in "" "--extra dev"; do \
	    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	        $$extra $${extra:+--constraint requirements.lock} pyproject.toml \
	        --output-file requirements$${extra:+-dev}.lock; \
	done
