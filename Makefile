# Shudi's commands. PYTHON is any Python from 3.11 on; everything is installed in .venv, nothing outside this folder.
PYTHON ?= python3
PLOTS ?= 400
SEED ?= 1
SERVE ?= 1
SITES ?= S-77 S-120 S-104 S-96 S-85 S-73 S-61 S-189 S-road
HOST_PORT := 127.0.0.1:8000

BIN := .venv/bin
SHUDI := $(BIN)/shudi
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --progress-bar off
ROOMS := geo layers maps api
RUN := .venv/.run
DEV := .venv/.dev
BENCH := .venv/.bench
READY := .venv/.shudi
TYPES := maps/web/node_modules/.package-lock.json

demo demo/report.html serve: export SHUDI_BASE = demo/park.gpkg
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Packages are compiled when they are first read, once: where nothing may be kept each command would do it anew, for four seconds.
unexport PYTHONDONTWRITEBYTECODE
.DELETE_ON_ERROR:
.PHONY: help demo serve test check format bench bench-web shots vendor lock clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

.venv: $(READY) ## everything that running needs

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shudi needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv

$(RUN): requirements/run.lock | .venv/bin/python
	@echo "installing the locked dependencies in .venv"
	@$(PIP) --no-compile --only-binary :all: --require-hashes -r requirements/run.lock
	@touch $@

$(DEV): requirements/dev.lock $(RUN)
	@echo "installing what tests and checks need"
	@$(PIP) --no-compile --only-binary :all: --require-hashes -r requirements/dev.lock
	@touch $@

$(BENCH): requirements/bench.lock $(DEV)
	@echo "installing the engines that benchmarks compare with"
	@$(PIP) --no-compile --only-binary :all: --require-hashes -r requirements/bench.lock
	@touch $@

# The editable installation gives the command `shudi` and fills maps/web/vendor: hatch_build.py.
$(READY): pyproject.toml hatch_build.py maps/web/package.json maps/web/package-lock.json $(RUN)
	@$(PIP) --no-deps --editable .
	@touch $@

demo: demo/report.html ## make the demo park, check its sites, assess it, pack what it offers, draw the report, serve it (SERVE=0: do not serve)
	@echo "open demo/report.html (needs no network) or demo/park.gpkg (in QGIS)"
ifneq ($(SERVE),0)
	@echo "open http://$(HOST_PORT)/ (Ctrl-C ends)"
	@$(SHUDI) serve
endif

demo/park.gpkg: | $(READY)
	@mkdir -p demo
	$(SHUDI) demo $@ --plots $(PLOTS) --seed $(SEED) --offer

# 0 free, 1 blocked and 3 unknown are verdicts on a site, not faults of the command.
demo/report.html: demo/park.gpkg | $(READY)
	@for site in $(SITES); do \
	  echo "$(SHUDI) check $$site"; $(SHUDI) check $$site; \
	  case $$? in 0|1|3) ;; *) exit 2 ;; esac; \
	done
	$(SHUDI) assess
	$(SHUDI) listing pack --all --out demo/packs
	@for pack in demo/packs/*.zip; do echo "$(SHUDI) verify $$pack"; $(SHUDI) verify $$pack; done
	$(SHUDI) map --out $@

serve: $(READY) ## serve demo/park.gpkg, or BASE=FILE
	@$(SHUDI) $(if $(BASE),--base $(BASE)) serve

test: $(DEV) $(READY) ## install what tests need and run all of them
	@$(BIN)/python -m pytest -q -n 2

# The page's types are checked by the compiler that maps/web/package-lock.json pins; node comes from the machine or, where it has none, from PyPI.
$(TYPES): maps/web/package-lock.json | $(DEV)
	@command -v npm >/dev/null || $(PIP) $$(sed -n 's/^NODE = "\(.*\)"/\1/p' hatch_build.py)
	@$(BIN)/python -m tests.node ci
	@touch $@

check: $(DEV) $(READY) $(TYPES) ## style, format, types and walls between the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy $(ROOMS)
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.node types

format: $(DEV) ## write the code in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(BENCH) $(READY) ## measure speed and memory: docs/benchmarks.md; a million plots take half an hour to make
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench million

bench-web: PLOTS = 100000
bench-web: $(DEV) $(READY) ## measure the page in a headless Chromium
	$(BIN)/python -m tests.bench.web $(PLOTS)

shots: $(DEV) $(READY) ## take pictures of every screen in both languages, in shots/
	$(BIN)/python -m tests.bench.web shots

vendor: ## fetch the browser libraries again
	@rm -rf maps/web/vendor $(READY)
	@$(MAKE) $(READY)

COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --python-version 3.11

lock: .venv/bin/python ## make the lock files again from pyproject.toml and maps/web/package.json
	@$(PIP) uv
	$(COMPILE) $(UPGRADE) pyproject.toml -o requirements/run.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group test --group check -c requirements/run.lock -o requirements/dev.lock
	$(COMPILE) $(UPGRADE) pyproject.toml --group bench -c requirements/dev.lock -o requirements/bench.lock
	cd maps/web && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved=true --loglevel=error
	@$(BIN)/python -c 'import json, pathlib; p = pathlib.Path("maps/web/package-lock.json"); d = json.loads(p.read_text()); \
	  [row.pop("funding", None) for row in d["packages"].values()]; p.write_text(json.dumps(d, indent=2) + "\n")'

clean: ## remove what make made
	rm -rf .venv demo dist build maps/web/vendor maps/web/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
