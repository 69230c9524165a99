# make run    the environment, the installation, and the daemon on an example of its own
# make test   everything the tests need, then ruff, mypy and the tests
# make superdirt  SuperDirt for the tests of its relay, where there is a network; else they have a double
# make set    an hour on stage that plays itself, listened to; MINUTES=5 for less
# make torture  an hour of kills, broken packets and files, and a soak; PART=kills for one of them

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROGRAMS := sclang scsynth supernova jackd ghci
BROWSERS := chromium google-chrome google-chrome-stable chromium-browser
PACKAGES := supercollider-language supercollider-server supercollider-supernova jackd2 ghc libghc-tidal-dev
DIRT := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/dreamrnn/superdirt
SUPERDIRT_AT := 0c1416808c5bbdd576082f15d1f9566100341b28
VOWEL_AT := ab59caa870201ecf2604b3efdd2196e21a8b5446
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: run install test set torture programs superdirt clean

run: $(VENV)/installed
	$(BIN)/dreamd run $(if $(RECORDINGS),"$(RECORDINGS)")

install: $(VENV)/installed
	$(BIN)/dreamd install

test: programs superdirt $(VENV)/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadgroup  # side by side: half an hour becomes a quarter

torture: $(VENV)/tested
	PYTHONPATH=tests $(BIN)/python -m torture $(PART) --out docs

set: programs superdirt $(VENV)/tested
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

# What the relay's tests take besides their double. It is GPL, as we are, and stays out of this repository.
superdirt:
	@$(call got,SuperDirt,https://github.com/musikinformatik/SuperDirt,$(SUPERDIRT_AT))
	@$(call got,Vowel,https://github.com/supercollider-quarks/Vowel,$(VOWEL_AT))

# Name, address, commit: into the cache, where it is not there yet. Without a network that is no failure.
define got
at="$(DIRT)/$(1)"; limit=$$(command -v timeout >/dev/null && echo timeout 60); \
[ "$$(git -C "$$at" rev-parse HEAD 2>/dev/null)" = $(3) ] || { \
  rm -rf "$$at" && git init -q "$$at" && \
  GIT_TERMINAL_PROMPT=0 $$limit git -C "$$at" fetch -q --depth 1 $(2) $(3) 2>/dev/null && \
  git -C "$$at" checkout -q FETCH_HEAD; \
} || { rm -rf "$$at"; echo "no $(1) from $(2): SuperDirt's relay is tested with a double alone"; }
endef

clean:
	rm -rf $(VENV)
