# make run    the environment, the installation, and the daemon on an example of its own
# make test   everything the tests need, then ruff, mypy and the tests
# make set    an hour on stage that plays itself, listened to; MINUTES=5 for less
# make torture  an hour of kills, broken packets and files, and a soak; PART=kills for one of them

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROGRAMS := sclang scsynth supernova jackd ghci
BROWSERS := chromium google-chrome google-chrome-stable chromium-browser
PACKAGES := supercollider-language supercollider-server supercollider-supernova jackd2 ghc libghc-tidal-dev
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run install test set torture programs clean

run: $(VENV)/installed
	$(BIN)/dreamd run $(if $(RECORDINGS),"$(RECORDINGS)")

install: $(VENV)/installed
	$(BIN)/dreamd install

test: programs $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup  # side by side: half an hour becomes a quarter

torture: $(VENV)/tested
	PYTHONPATH=tests $(BIN)/python -m torture $(PART) --out docs

set: programs $(VENV)/tested
	PYTHONPATH=tests $(BIN)/python -m concert $(if $(MINUTES),--minutes $(MINUTES)) --out docs

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "DreamRNN needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable .
	$(BIN)/python -c 'from dreamd.dreaming import render; render.prepare()'  # compiles, so no dream waits for it
	touch $@

$(VENV)/tested: $(VENV)/installed
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

# The tests run real SuperCollider, real Tidal and a real browser. Debian and Ubuntu get them here.
programs:
	@missing=""; for p in $(PROGRAMS); do command -v $$p >/dev/null || missing="$$missing $$p"; done; \
	browser="chromium"; for p in $(BROWSERS); do command -v $$p >/dev/null && browser=""; done; \
	missing="$$missing$${browser:+ }$$browser"; \
	if [ -n "$$missing" ] || ! ghc-pkg list --global 2>/dev/null | grep -q ' tidal-[0-9]'; then \
	  if command -v apt-get >/dev/null; then \
	    $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends \
	      $(PACKAGES) $$browser; \
	  else \
	    echo "The tests need$$missing and Tidal for ghc: install SuperCollider, JACK, GHC, Tidal and Chromium first"; \
	    exit 1; \
	  fi; \
	fi

clean:
	rm -rf $(VENV)
