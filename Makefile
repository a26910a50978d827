# Every target builds its own environment, .venv, from pyproject.toml with constraints.txt.
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test lint bench docs clean

demo: $(READY)  ## the whole path on scikit-learn's digits, 80 seconds
	$(BIN)/bicameral demo

test: $(READY)  ## everything but the slow tests, then the kernels as they are where nothing could be compiled
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2
	OMP_NUM_THREADS=1 BICAMERAL_KERNELS=reference $(BIN)/pytest -n 2 tests/kernels

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror src/bicameral/kernels/native/*.[ch]pp
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: $(READY)  ## each benchmark refuses to report while its correctness test is red
	for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

docs: $(READY)  ## the generated page; a test fails while it is stale
	$(BIN)/bicameral models --markdown > docs/models.md

clean:
	rm -rf .venv src/bicameral/kernels/native/lib .pytest_cache .ruff_cache .hypothesis .import_linter_cache

NATIVE := $(wildcard src/bicameral/kernels/native/*.[ch]pp) src/bicameral/kernels/native/build.py hatch_build.py

$(READY): pyproject.toml constraints.txt $(NATIVE)
	python3 -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@
