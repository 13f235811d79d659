# Needs python3 (3.11 or newer) and make; brings the rest into $(VENV) from requirements.lock.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test kills week lint format lock bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

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

bench: $(READY) ## speed and memory, as ratios to a floor of the same run
	$(BIN)/python -m benchmarks

lock: $(READY) ## pin all dependencies anew, with hashes
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	  --upgrade --quiet --output-file requirements.lock

clean: ## remove the environment and the demo's data
	rm -rf $(VENV) data/demo .mypy_cache .pytest_cache .ruff_cache .hypothesis

# uv is faster than pip by far; pip brings it, at the version that the lock was made with.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "finews needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
