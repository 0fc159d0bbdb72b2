# `make demo` and `make test` are all that a fresh machine with Python 3.11 or newer needs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
RESET ?=
TESTS ?=
WORKERS ?= auto
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

.PHONY: demo
demo: setup ## the product with demo data; PORT=9000 chooses the port, RESET=1 starts over
	@PORT='$(PORT)' RESET='$(RESET)' exec $(py) -m config.demo

.PHONY: test
test: setup chromium ## every test, on the embedded PostgreSQL or the one in DATABASE_URL; TESTS=tests/crm for some
	@# By itself what drives a browser: Playwright leaves an event loop behind, and what is asynchronous refuses to run in another's.
	@# Exit code 5: there are none of the one kind in TESTS.
	@ran=; for kind in 'not browser' browser; do \
	    if $(py) -m pytest --numprocesses $(WORKERS) --dist worksteal -m "$$kind" $(TESTS); then ran=yes; \
	    else code=$$?; [ $$code = 5 ] || exit $$code; fi; \
	done; \
	test -n "$$ran" || { echo 'There are no such tests: $(TESTS)' >&2; exit 1; }

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
lint: style types floors templates migrations deployment ## all that can be checked without running the product

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
