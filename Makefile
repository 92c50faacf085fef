# Everything a person runs, by name. `make demo` and `make test` need nothing but Python >= 3.11.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: help demo test test-all lint crds frameworks bench bench-neighbours bench-search clean
help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# One venv for all; torch first and pinned, so that no other package pulls another build of it.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into $(VENV), once; PyTorch takes the longest."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[trial,gp,dev]'
	touch $@

demo: $(VENV)/.installed  ## Run examples/mnist.yaml on this machine: live table, best trial, picture
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/toprung run examples/mnist.yaml --dir .toprung/demo --fresh --picture mnist.png

test: lint  ## Lint, types, layers, and all tests but the slowest
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not e2e"

test-all: lint  ## All tests; those marked e2e run where KUBECONFIG names a cluster
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/.installed  ## Ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

crds: $(VENV)/.installed  ## Write crds/*.yaml from the models
	$(BIN)/python -m toprung.api.crd.generate crds/

frameworks:  ## Install the frameworks whose output the slow tests read
	python3 -m venv .venv-frameworks
	.venv-frameworks/bin/pip install -r tests/frameworks/requirements.txt

bench: $(VENV)/.installed  ## Measure the control plane against its limits
	$(BIN)/python benchmarks/control_plane.py

bench-neighbours: $(VENV)/.installed  ## Measure a healthy Experiment next to noisy neighbours: some 15 minutes
	$(BIN)/python benchmarks/noisy_neighbours.py

$(VENV)/.peers: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

bench-search: $(VENV)/.peers  ## Measure search and early stopping beside Ray Tune, Syne Tune and Optuna: some hundred minutes
	$(BIN)/python benchmarks/search_ask.py
	$(BIN)/python benchmarks/asha_decision.py
	$(BIN)/python benchmarks/anytime.py

clean:  ## Remove what was built or run here
	rm -rf $(VENV) .toprung .bench mnist.png
