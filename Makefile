# make smoke   every method trained, scored and printed beside the paper's numbers (minutes on two cores)
# make test    linters, types and tests
# make test-all  the same and the long tests: every pair of method and number of processes, more kills, each kind of remote
# make setup   only the virtual environment; those above call it when it is missing or out of date

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Set, every process of a run or a test would compile our files anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup smoke test test-all tests-but-long all-tests lint deps lock sbom image

setup: $(READY)

$(READY): requirements/dev.lock pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --no-compile --no-deps --require-hashes -r requirements/dev.lock
	$(BIN)/pip install --quiet --no-compile $(TORCH)
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/pip check
	$(BIN)/python -m compileall -qq -j 0 -x '/tests?/|/moto/' $(VENV)/lib || true  # on all cores, which pip does not; templates may fail
	touch $(READY)

smoke: $(READY)
	$(BIN)/harness run smoke

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright

# Three workers on two cores: some tests wait for servers and for processes of their own. Linters run beside them.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadgroup

test: $(READY)
	$(MAKE) --jobs 2 lint tests-but-long

test-all: $(READY)
	$(MAKE) --jobs 2 lint all-tests

tests-but-long:
	$(PYTEST) -m "not long"

all-tests:
	$(PYTEST)

# The code that each stage of dvc.yaml depends on, after imports have changed.
deps: $(READY)
	$(BIN)/python tools/stage-deps

# The locks; needs uv (pip install uv). dev.lock is cpu.lock and the tools for tests, at the same versions.
UV := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-package torch \
  --custom-compile-command "make lock" --quiet --extra remote

lock:
	$(UV) --extra cpu -o requirements/cpu.lock
	$(UV) --extra gpu -c requirements/cpu.lock -o requirements/gpu.lock
	$(UV) --extra cpu --extra dev -c requirements/cpu.lock -o requirements/dev.lock

# What is installed, as CycloneDX, and under which licences.
sbom: $(READY)
	$(BIN)/python tools/sbom

# The CPU image with whatever engine is here, the proof that its numbers are ours, and the tests inside.
image: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" tools/build-image cpu test
	tools/prove-image
	tools/prove-image --tests -m "not long"
