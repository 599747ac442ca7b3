# Everything a newcomer or a build server does with Ferry. Needs Python 3.11 with pip, and nothing else.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Of a soak, and of ugly requests; a seed that is given makes the random choices again that one of before made.
SECONDS := 600
SEED :=
# Of pins: a package to take the newest version of, or "all"; without it versions stay.
UPDATE :=

.PHONY: help demo run unit test browser install lint bench trips soak ugly pins clean

help:
	@echo "make demo    see the main job done, with real processes, in half a minute"
	@echo "make run     run everything on this machine (ferry up)"
	@echo "make unit    the tests that need neither processes nor a server, in a minute"
	@echo "make test    every test, but those in a browser and those that install Ferry"
	@echo "make browser the tests in a browser, which need Debian's chromium and chromium-driver"
	@echo "make install the tests that follow each way to install Ferry, from empty environments"
	@echo "make lint    formatting, lint, types, import rules"
	@echo "make bench   measure, and write docs/benchmarks.md"
	@echo "make trips   count the files and calls that one change, one flush and one snapshot go through"
	@echo "make soak    random faults under load: make soak SECONDS=600 SEED=7"
	@echo "make ugly    20,000 ugly requests, and what the processes take: make ugly SEED=7"
	@echo "make pins    write the requirements files from pyproject.toml; the newest of one: make pins UPDATE=redis"
	@echo "make clean   remove what the others made"

demo: .venv/run
	$(BIN)/ferry demo

run: .venv/run
	$(BIN)/ferry up

unit: .venv/dev
	$(BIN)/pytest -n auto tests/unit

# Tests mostly wait for processes, so more of them run at a time than there are cores; a file stays with one server, and
# the long ones, which have few tests, do not come last.
test: .venv/dev
	$(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

browser: .venv/dev
	$(BIN)/pytest tests/browser

install: .venv/dev
	$(BIN)/pytest tests/install

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench
	$(BIN)/python -m bench

trips: .venv/run
	$(BIN)/python -m bench.trips

soak: .venv/dev
	$(BIN)/python -m tests.support.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

ugly: .venv/dev
	$(BIN)/python -m tests.support.ugly $(if $(SEED),--seed $(SEED))

# For every platform. Wheels only, also where they are installed: what a source is built with would come without a hash.
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --emit-build-options --custom-compile-command "make pins" \
	$(if $(UPDATE),$(if $(filter all,$(UPDATE)),--upgrade,$(addprefix --upgrade-package ,$(UPDATE))))

pins: .venv/dev
	$(PIN) pyproject.toml --group build --output-file requirements.txt
	$(PIN) --group dev -c requirements.txt --output-file requirements-dev.txt
	$(PIN) --group bench -c requirements.txt -c requirements-dev.txt --output-file requirements-bench.txt
	$(PIN) --group parquet -c requirements.txt -c requirements-dev.txt --output-file requirements-parquet.txt

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ferry needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

# pip refuses what has another hash than the file says. Ferry itself has none: it is built here, of what is installed.
INSTALL := $(BIN)/pip install --quiet --require-hashes

.venv/run: .venv/pip requirements.txt pyproject.toml
	$(INSTALL) -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	touch $@

.venv/bench: .venv/run requirements-bench.txt
	$(INSTALL) -r requirements-bench.txt
	touch $@
