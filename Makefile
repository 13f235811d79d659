# Needs python3 (3.11 or newer) and make; brings the rest into $(VENV) from requirements.lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
READY := $(VENV)/.ready
PEERS ?= .venv-peers
JOB ?= parse

.DEFAULT_GOAL := help
.PHONY: help demo test kills week lint format lock bench bench-peers profile clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 13

demo: $(READY) ## crawl a bundled miniature of the site, offline; again: nothing is fetched twice
	@$(BIN)/finews demo

test: $(READY) ## all tests
	$(BIN)/python -m pytest -q -n 3 --dist worksteal

kills: $(READY) ## kill it a hundred times at random moments, and many together (FINEWS_SEED=N: others)
	FINEWS_KILLS=$${FINEWS_KILLS:-100} $(BIN)/python -m pytest -q -n 2 --dist worksteal tests/test_kills.py tests/test_many_kills.py

week: $(READY) ## seven days of cron by a clock that is moved, then every fault; a table of figures
	$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/whole_week.py

lint: $(READY) ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## let ruff lay the code out
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) $(PEERS)/.ready ## speed, memory and size beside floors and peers of the same run; bench.json
	PEERS=$(PEERS) $(BIN)/python -m benchmarks

bench-peers: $(PEERS)/.ready ## what make bench compares with, in an environment of its own

profile: $(READY) ## where the time of one JOB of make bench goes (JOB=crawl)
	$(BIN)/python -m benchmarks.point $(JOB) "$(SIZE)" --profile

lock: $(READY) ## pin all dependencies anew, with hashes
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	  --upgrade --quiet --output-file requirements.lock
	$(BIN)/uv pip compile benchmarks/peers/requirements.in --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	  --upgrade --quiet --output-file benchmarks/peers/requirements.lock

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) $(PEERS) data/demo .mypy_cache .pytest_cache .ruff_cache .hypothesis

# uv is faster than pip by far; pip brings it, at the version that the lock was made with.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "finews needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(PEERS)/.ready: benchmarks/peers/requirements.lock | $(READY)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(BIN)/uv pip install --quiet --python $(PEERS)/bin/python --require-hashes --requirement $<
	@touch $@
