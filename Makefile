# make smoke   every method trained, scored and printed beside the paper's numbers (minutes on two cores)
# make test    linters, types and tests
# make setup   only the virtual environment; the two above call it when it is missing or out of date

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup smoke test lint lock

setup: $(READY)

$(READY): requirements/cpu.lock pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/cpu.lock
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/pip check
	touch $(READY)

smoke: $(READY)
	$(BIN)/harness run smoke

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup

# The locks for both extras; needs uv (pip install uv).
lock:
	for extra in cpu gpu; do \
	  uv pip compile pyproject.toml --extra $$extra --extra dev --universal --python-version 3.11 \
	    --generate-hashes --no-emit-package torch --custom-compile-command "make lock" --quiet -o requirements/$$extra.lock; \
	done
