# Everything a person runs, by name. `make demo` and `make test` need nothing but Python >= 3.11.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
WORKERS ?= 2
CONTAINER_TOOL ?= docker
VERSION_NOW = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)

.PHONY: help install demo test test-all test-unit test-integration lint format coverage crds docs image release frameworks bench \
	bench-neighbours bench-pages bench-search clean
help:  ## Show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 20

# One venv for all; torch first and pinned, so that no other package pulls another build of it.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "Installing into $(VENV), once; PyTorch takes the longest."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cli,local,trial,gp,dev]'
	touch $@

install: $(VENV)/.installed  ## Install the package and all development tools into $(VENV)

demo: $(VENV)/.installed  ## Run examples/mnist.yaml on this machine: live table, best trial, picture
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/toprung run examples/mnist.yaml --dir .toprung/demo --fresh --picture mnist.png

test: lint  ## Lint, types, layers, and all tests but the slowest
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not e2e"

test-all: lint  ## All tests; those marked e2e run where KUBECONFIG names a cluster
	$(BIN)/python -m pytest -n $(WORKERS)

test-unit: $(VENV)/.installed  ## Tests without a cluster: unit, property, contract and simulation
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" tests/unit tests/property tests/contract tests/simulation

test-integration: $(VENV)/.installed  ## Tests on the embedded cluster
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" tests/integration

coverage: $(VENV)/.installed  ## Measure the coverage of the tests without a cluster, and check its floor
	$(BIN)/python -m pytest -n $(WORKERS) -m "not slow" --cov --cov-report=term:skip-covered tests/unit tests/property tests/contract tests/simulation

lint: $(VENV)/.installed  ## Ruff, mypy, import-linter, the words of the text
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python hack/prose.py

format: $(VENV)/.installed  ## Format the code, and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

crds: $(VENV)/.installed  ## Write crds/*.yaml from the models
	$(BIN)/python -m toprung.api.crd.generate crds/

docs: $(VENV)/.installed  ## Write docs/settings.md from the models
	$(BIN)/python -m toprung.api.crd.reference docs/settings.md

image:  ## Build both images with $(CONTAINER_TOOL)
	$(CONTAINER_TOOL) build -f operator/Dockerfile -t toprung-operator:$(VERSION_NOW) .
	$(CONTAINER_TOOL) build -f trial-image/Dockerfile -t toprung-trial:$(VERSION_NOW) .

release: $(VENV)/.installed  ## Write, commit and tag VERSION (see RELEASE.md)
	$(BIN)/python hack/release.py $(VERSION)

frameworks:  ## Install the frameworks whose output the slow tests read
	python3 -m venv .venv-frameworks
	.venv-frameworks/bin/pip install -r tests/frameworks/requirements.txt

bench: $(VENV)/.installed  ## Measure the control plane against its limits
	$(BIN)/python benchmarks/control_plane/costs.py --json benchmarks/results

bench-neighbours: $(VENV)/.installed  ## Measure a healthy Experiment next to noisy neighbours: some 15 minutes
	$(BIN)/python benchmarks/control_plane/noisy_neighbours.py --json benchmarks/results

$(VENV)/.peers: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	touch $@

bench-pages: $(VENV)/.installed  ## Generate the benchmark pages from the newest runs
	$(BIN)/python benchmarks/pages.py

bench-search: $(VENV)/.peers  ## Measure search and early stopping beside Ray Tune, Syne Tune and Optuna: some hundred minutes
	$(BIN)/python benchmarks/search/ask_cost.py --json benchmarks/results
	$(BIN)/python benchmarks/search/asha_cost.py --json benchmarks/results
	$(BIN)/python benchmarks/search/anytime.py --json benchmarks/results

clean:  ## Remove what was built or run here
	rm -rf $(VENV) .toprung .bench mnist.png
