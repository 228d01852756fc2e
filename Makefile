# The two commands of the README, and what CI runs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
JS_STAMP := examples/hello_js/node_modules/.installed

.PHONY: demo test thorough lint types layers docs chaos bench clean

demo: $(RUNS)  ## land Perseverance
	$(BIN)/lightlag launch mars2020

test: $(STAMP) $(JS_STAMP) lint types layers docs  ## everything that CI runs
	$(BIN)/pytest -n 2 --dist worksteal

thorough: $(STAMP) $(JS_STAMP)  ## every test there is, and what of the code they reach
	$(BIN)/pytest -n 2 --dist worksteal -m "" --cov --cov-report=term:skip-covered --cov-fail-under=90

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

docs: $(STAMP)  ## the site, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

chaos: $(STAMP)  ## a hundred runs, in each of which a process is killed
	LIGHTLAG_CHAOS=100 $(BIN)/pytest -n 2 --dist worksteal tests/integration/test_chaos.py

bench: $(STAMP)  ## figures on this machine, beside HELICS, SimPy and bare sockets
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python bench/launches.py mars2020
	$(BIN)/python bench/launches.py february-2021
	$(BIN)/python bench/all.py

# What runs it, and what checks it as well.
$(RUNS): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(STAMP): $(RUNS)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

$(JS_STAMP): $(STAMP) examples/hello_js/package.json tests/javascript.py
	$(BIN)/python tests/javascript.py && touch $@ || true

clean:
	rm -rf $(VENV) examples/hello_js/node_modules runs site .coverage
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
