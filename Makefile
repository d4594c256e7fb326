# Every target sets itself up in .venv. A second call finds a stamp there and goes straight to work;
# a changed pyproject.toml or lock makes the next call install again.

PYTHON ?= python3
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
SMALL := $(VENV)/.installed
FULL := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help docs run test interpreters check lint types bench faults browser servers servers-here lock clean

help: ## Say what can be made (this list)
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null \
		|| sed -n 's/^\([a-z-]*\):.*## /  make \1: /p' $(MAKEFILE_LIST)

run: $(SMALL) ## A day at a front door: events in, the list and one story out, rebuilt and verified
	@$(PY) -m eventlog demo $(ARGS)

# What takes minutes, a browser or a server has a target of its own; the last line names them.
LEFT_OUT := faults browser servers
test: $(SMALL) ## Run the tests (ARGS="-k journal" for some of them)
	@$(PY) -m pytest -n auto -m "not faults and not browser and not servers" $(ARGS); code=$$?; \
		echo "Not run here: $(LEFT_OUT:%=make %,) and what is marked SKIPPED above."; exit $$code

interpreters: $(VENV)/bin/pip ## Run a small part of the tests on each newer Python that is found (PYTHONS="...")
	@.ci/interpreters $(PYTHONS)

check: lint types test ## Lint, types and tests

lint: $(FULL) ## Check style and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(FULL) ## Check types
	$(PY) -m mypy --strict

docs: $(SMALL) ## Write the drawing of the rooms and the list of files in docs/architecture.md
	@$(PY) docs/rooms.py

bench: $(FULL) ## Measure (ARGS="--help" for the choices)
	@$(PY) -m benchmarks $(ARGS)

TOOLS := $(VENV)/.installed-tools
faults: $(SMALL) $(TOOLS) ## Run the tests that kill processes and fill disks
	$(PY) -m pytest -m faults tests $(ARGS)

BROWSER := $(VENV)/.installed-browser
SCREENSHOTS ?= docs/screenshots
APT := apt-get update -q && apt-get install -qy --no-install-recommends chromium fonts-dejavu-core
browser: $(BROWSER) ## Run the dashboard's tests in a real browser, and its API under a fuzzer
	EVENTLOG_SCREENSHOTS=$(SCREENSHOTS) $(PY) -m pytest -m browser tests $(ARGS)

MOSQUITTO := apt-get update -q && apt-get install -qy --no-install-recommends mosquitto
# Home Assistant 2024.3.3 is the last for Python 3.11, 2025.1.4 knows discovery by device and needs
# 3.12. Each has about 1 GB in a venv of its own.
PYTHON312 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python) $(shell command -v python3.12) python3.12)
HASS = [ -x .servers/$(1)/bin/hass ] || { $(2) -m venv .servers/$(1) \
	&& .servers/$(1)/bin/pip install --quiet --disable-pip-version-check -r tests/live/$(1).txt; } \
	|| echo "Without $(1) its tests are skipped, and say so" >&2
servers: $(SMALL) ## Run the tests that start real servers: mosquitto, Home Assistant, nginx, Caddy
	@PATH=$$PATH:/usr/sbin command -v mosquitto >/dev/null || { [ "$$(id -u)" = 0 ] && $(MOSQUITTO); } \
		|| echo "Without mosquitto its tests are skipped, and say so: sudo apt install --no-install-recommends mosquitto" >&2
	@[ "$$(id -u)" != 0 ] || { command -v nginx && command -v caddy && command -v debootstrap; } >/dev/null \
		|| { apt-get update -q && apt-get install -qy --no-install-recommends nginx-light caddy debootstrap; }
	@[ "$$(id -u)" != 0 ] || [ -e .servers/debian/etc/debian_version ] \
		|| debootstrap --variant=minbase --include=ca-certificates bookworm .servers/debian \
		|| echo "Without an empty Debian in .servers/debian, docs/install.md is not run" >&2
	@$(call HASS,home-assistant,$(PYTHON))
	@$(call HASS,home-assistant-new,$(PYTHON312))
	$(PY) -m pytest -m servers -p no:xdist tests $(ARGS)

servers-here: $(SMALL) ## The same with the servers that are here already; names what it skips
	$(PY) -m pytest -m servers -p no:xdist tests $(ARGS)

EXTRAS := --extra web --extra mqtt --extra alerts --extra homeassistant --extra ring --extra proof --extra push
# uv writes locks that pip installs: names, versions and hashes, without an address. It comes into a
# folder that is thrown away. Versions stay as they are unless UPGRADE=--upgrade.
lock: $(VENV)/bin/pip ## Write the locks anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT \
		&& $(PIP) install --quiet --target "$$tools" uv \
		&& compile="$$tools/bin/uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-header --no-annotate $(UPGRADE)" \
		&& $$compile $(EXTRAS) --group dev --output-file requirements-dev.lock \
		&& $$compile $(EXTRAS) --group test --constraint requirements-dev.lock --output-file requirements.lock \
		&& $$compile --extra proof --constraint requirements-dev.lock --output-file requirements-proof.lock \
		&& $$compile $(EXTRAS) --group build \
			--constraint requirements-dev.lock --output-file requirements-door.lock \
		&& $$compile $(EXTRAS) --group test --group browser --group api-fuzz \
			--constraint requirements-dev.lock --output-file requirements-browser.lock

clean: ## Remove .venv, caches and builds; logs and pictures stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is the last thing that venv makes: where it is missing, the environment is not whole.
$(VENV)/bin/pip:
	@command -v $(PYTHON) >/dev/null \
		|| { echo "There is no $(PYTHON) here. Install it: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "eventlog needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) can't make a virtual environment. Install what is missing: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV): once, and a minute or two on a Raspberry Pi"
	@$(PYTHON) -m venv $(VENV)

# The checkout itself is put on the path, by the build backend that the lock has brought.
$(SMALL): $(VENV)/bin/pip requirements.lock pyproject.toml
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(FULL): $(SMALL) requirements-dev.lock
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

# What brings faults about: system calls that fail or kill, and a clock that jumps.
$(TOOLS): $(VENV)/bin/pip
	@command -v strace >/dev/null && command -v faketime >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -q && apt-get install -qy --no-install-recommends strace faketime; } \
		|| echo "Without strace and faketime some tests are skipped, and say so: sudo apt install strace faketime" >&2
	@touch $@

# Chromium comes from Debian, as a browser needs libraries of the system; what is there is left alone.
$(BROWSER): $(SMALL) requirements-browser.lock
	@$(PIP) install --quiet --require-hashes --no-deps -r requirements-browser.lock
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && $(APT); } \
		|| { echo "The browser tests need Chromium: sudo apt install chromium fonts-dejavu-core" >&2; exit 1; }
	@touch $@
