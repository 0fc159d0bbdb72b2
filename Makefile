# `make demo` and `make test` are all that a fresh machine with Python 3.11 or newer needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
RESET ?=
TESTS ?=
FRESH ?=
WORKERS ?= auto

venv := .venv
py := $(venv)/bin/python
# What is installed: everything for `make test` and its like, and the product alone for `make demo`.
lock := requirements-dev.lock
installed := $(venv)/installed.lock
# Compiled code is kept outside of the source tree.
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(venv)/pycache

.PHONY: help
help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: setup
setup: ## install the locked dependencies into .venv
	@if cmp -s $(lock) $(installed) && $(py) -c '' 2>/dev/null; then exit 0; fi; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'Mandate needs Python 3.11 or newer: name one, as in `make $(MAKECMDGOALS) PYTHON=python3.12`.' >&2; exit 1; }; \
	test -f $(installed) && $(py) -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(venv); \
	echo 'Installing the locked dependencies…'; \
	install="$(py) -m pip install -qq --disable-pip-version-check --require-hashes"; \
	if $$install -r requirements-uv.lock 2>/dev/null \
	    && $(venv)/bin/uv pip install --quiet --python $(py) --require-hashes -r $(lock) 2>/dev/null; then :; \
	else $$install -r $(lock); fi; \
	cp $(lock) $(installed)

.PHONY: lock
lock: ## write the lock files from pyproject.toml again (needs uv)
	compile() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$$@"; }; \
	compile pyproject.toml --output-file requirements.lock; \
	compile pyproject.toml --extra demo --constraint requirements.lock --output-file requirements-demo.lock; \
	compile pyproject.toml --extra demo --extra dev --constraint requirements-demo.lock --output-file requirements-dev.lock; \
	echo uv | compile - --output-file requirements-uv.lock

.PHONY: demo
demo: ## run the product with demo data; PORT=9000 chooses the port, RESET=1 starts over
	@cmp -s requirements-dev.lock $(installed) || $(MAKE) --no-print-directory setup lock=requirements-demo.lock
	@PORT='$(PORT)' RESET='$(RESET)' exec $(py) -m config.demo

.PHONY: try
try: setup ## run some tests on a kept database: TESTS=tests/crm; FRESH=1 after a migration was edited
	@$(py) -m pytest --numprocesses 0 --reuse-db $(if $(FRESH),--create-db) $(TESTS)

.PHONY: test
test: setup chromium ## run every test, on the embedded PostgreSQL or the one in DATABASE_URL; TESTS=tests/crm for some
	@# Playwright leaves an event loop running, in which asynchronous tests refuse to run: its tests get a run of their own.
	@run="$(py) -m pytest --numprocesses $(WORKERS) --dist worksteal"; \
	if [ -n '$(TESTS)' ]; then $$run $(TESTS); else $$run -m 'not browser'; $$run -m browser; fi

.PHONY: chromium
chromium:
	@if ! command -v chromium chromium-browser google-chrome-stable google-chrome >/dev/null; then \
	    if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	        echo 'Installing Chromium for the tests in a browser…'; \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium >/dev/null; \
	    else \
	        echo 'The tests in a browser need Chromium: install it, and run `make test` again.' >&2; exit 1; \
	    fi; \
	fi

.PHONY: lint
lint: style types floors words templates migrations deployment ## all that can be checked without running the product

.PHONY: style
style: setup
	$(py) -m ruff check .
	$(py) -m ruff format --check .

.PHONY: types
types: setup
	$(py) -m mypy

.PHONY: floors
floors: setup
	$(venv)/bin/lint-imports

.PHONY: words
words: setup
	$(py) -m tests.words.lint

.PHONY: templates
templates: setup
	git ls-files -z --cached --others --exclude-standard '*.html' \
	    | xargs -0 --no-run-if-empty $(venv)/bin/djade --check --target-version 5.2

.PHONY: migrations
migrations: setup
	DJANGO_SETTINGS_MODULE=config.settings.test $(py) manage.py makemigrations --check --dry-run

.PHONY: deployment
deployment: setup
	SECRET_KEY=$$($(py) -c 'import secrets; print(secrets.token_urlsafe(64))') \
	    DJANGO_SETTINGS_MODULE=config.settings.production ALLOWED_HOSTS=mandate.example \
	    EMAIL_URL=smtp://mail.example DEFAULT_FROM_EMAIL=crm@mandate.example \
	    DATABASE_URL=postgres://localhost/unused $(py) manage.py check --deploy --fail-level WARNING

.PHONY: bench
bench: setup ## what the engine costs, measured beside hand-written SQL and other libraries
	$(py) -m bench

.PHONY: pictures
pictures: setup chromium ## the pictures of docs/guide, taken anew by the tests in a browser
	rm -rf docs/images/guide
	MANDATE_PICTURES=1 $(py) -m pytest --numprocesses $(WORKERS) $$(grep -lE '\btake\(' tests/browser/test_*.py)
