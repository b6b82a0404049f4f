# The two that a newcomer needs: make demo, make test.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PROVINCES := $(shell printf '%s:' plugins/*/ | sed 's,/:,:,g; s,:$$,,')

.PHONY: demo test quick check docs bench faults format clean

demo: $(STAMP)
	$(BIN)/hub demo

test: $(STAMP)
	$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

quick: $(STAMP)
	$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder -m "not (slow or faults or bench)"

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=$(PROVINCES) $(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check

docs: $(STAMP)
	$(BIN)/mkdocs build --quiet --strict

bench: $(STAMP)
	$(BIN)/python tests/bench/run.py $(ARGS)

faults: $(STAMP)
	FAULT_ROUNDS=$(or $(ROUNDS),200) $(BIN)/python -m pytest -n logical tests/faults

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python docs/generate.py

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache $(VENV)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)
