# Every command a person needs. `make` lists them.
#   make demo                        sets up, runs small studies on synthetic data, opens the dashboard
#   make study ARGS="motion/lma_to_pad --dataset lma --root FILE --trials 50"

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install demo test fuzz chaos test-all study dashboard mlflow-ui optuna-dashboard lint types bench screenshots clean

# The first Python that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
REQUIREMENTS := requirements.txt requirements-dev.txt
# What is installed, word for word: .venv is filled anew when the requirements differ from it.
STAMP := .venv/installed-requirements.txt
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q

# The store that the commands write to and the viewers read from.
STORE := $(or $(AFFECTORY_STORE),mlruns)
TRACKING := $(or $(MLFLOW_TRACKING_URI),sqlite:///$(STORE)/mlflow.db)
STORAGE := $(or $(OPTUNA_STORAGE),sqlite:///$(STORE)/optuna.db)

help: ## list every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## create .venv and install what is pinned (again only when the pins change)
	@if [ -z "$(PYTHON)" ]; then \
		echo "Affectory needs Python 3.11 or newer, and found $$(python3 --version 2>/dev/null || echo none)." >&2; \
		echo "Install one, or name it: make install PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi
	@if $(PY) -c "" 2>/dev/null && cat $(REQUIREMENTS) | cmp -s - $(STAMP); then exit 0; fi; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then \
		echo "Creating .venv with $$($(PYTHON) --version)"; \
		[ -e $(PY) ] || rm -f .venv/bin/python*; \
		$(PYTHON) -m venv .venv || exit 1; \
	fi; \
	echo "Installing what requirements-dev.txt pins (some minutes the first time)"; rm -f $(STAMP); \
	$(PY) -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt && cat $(REQUIREMENTS) > $(STAMP)

demo: install ## set up, run small studies on synthetic data, serve the dashboard on 127.0.0.1:8501
	@$(PY) -m training demo

test: install ## run the tests with what this machine has, and say what was skipped
	$(PYTEST) -m "not slow"

fuzz: install ## hand 20,000 odd inputs to every reader and print the counts
	$(PY) -m tests.fuzzing

chaos: install ## kill, fill and restart what studies run on, and print what was lost
	$(PY) -m tests.chaos $(ARGS)

test-all: install ## run the slow tests as well
	$(PYTEST)

study: install ## run a study: make study ARGS="METHOD --dataset D --root FILE"
	@$(PY) -m training study $(ARGS)

dashboard: install ## serve the dashboard on 127.0.0.1:8501 (another: PORT=8502)
	@$(PY) -m dashboard serve --port $(or $(PORT),8501)

mlflow-ui: install ## look at the same store with MLflow's own pages, on 127.0.0.1:5000
	@case "$(TRACKING)" in http*) echo "The store is served at $(TRACKING): open that address."; exit 1;; esac
	@MLFLOW_DISABLE_TELEMETRY=true $(PY) -m mlflow ui --host 127.0.0.1 --port $(or $(PORT),5000) --backend-store-uri "$(TRACKING)"

optuna-dashboard: install ## look at the same studies with optuna-dashboard, on 127.0.0.1:8080
	@.venv/bin/optuna-dashboard --host 127.0.0.1 --port $(or $(PORT),8080) "$(STORAGE)"

lint: install ## check the style with ruff
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: install ## check the types with mypy
	$(PY) -m mypy

bench: install ## time ours against its peers; prints a table and keeps it in bench_results/
	$(PY) -m tests.benchmarks $(ARGS)

screenshots: install ## draw docs/screenshots/ anew from the synthetic demo
	AFFECTORY_STORE=.cache/screenshots $(PY) -m training demo --no-serve
	AFFECTORY_STORE=.cache/screenshots $(PY) -m tests.screenshots

clean: ## remove what tools left behind; keeps .venv, mlruns and bench_results
	rm -rf .cache .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find affect dashboard search_spaces tests training -name __pycache__ -type d -exec rm -rf {} +
