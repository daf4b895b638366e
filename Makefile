# Every target sets itself up; nothing is done twice.
# On a machine without a CPU-only torch wheel in pip's sources, set PIP_EXTRA_INDEX_URL to one (see README).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: study test test-gpu fuzz bench bench-sim bench-kernels bench-search bench-accuracy bench-clip bench-repairs bench-study bench-arithmetic bench-dashboard validate dashboard lint clean setup accept-baselines

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "bnn-dse needs Python 3.11 or newer; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

study: $(READY)
	$(BIN)/dse study run

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist=worksteal

# Training on an NVIDIA GPU: needs one, and a CUDA build of PyTorch.
test-gpu: $(READY)
	$(BIN)/python -m pytest -m gpu

# The property tests alone, with many times the examples: about a quarter of an hour.
fuzz: $(READY)
	FUZZ_FACTOR=50 $(BIN)/python -m pytest -n auto --dist=worksteal -m hypothesis

bench: $(READY)
	$(BIN)/python -m benchmarks

bench-sim: $(READY)
	$(BIN)/python -m benchmarks.bench_sim

# Every tile of every layer on every core: about 20 minutes the first time, seconds after.
bench-kernels: $(READY)
	$(BIN)/python -m benchmarks.bench_kernels

# The search for tiles on all plain tiles of some layers, on every core: about ten minutes the first time, seconds after.
bench-search: $(READY)
	$(BIN)/python -m benchmarks.bench_search

bench-arithmetic: $(READY)
	$(BIN)/python -m benchmarks.bench_arithmetic

# Quick runs against long trainings, on Fashion-MNIST and, from DATA_DIR, CIFAR-10: an hour or more on two cores the
# first time, seconds after; stopped, it goes on where it was.
bench-accuracy: $(READY)
	$(BIN)/python -m benchmarks.bench_accuracy $(if $(DATA_DIR),--data-dir $(DATA_DIR))

# CIFAR-10 as for bench-accuracy: about 25 minutes of one core the first time.
bench-clip: $(READY)
	$(BIN)/python -m benchmarks.bench_clip $(if $(DATA_DIR),--data-dir $(DATA_DIR))

# One repair of a network or its training at a time, on Fashion-MNIST: about 20 minutes of one core the first time.
bench-repairs: $(READY)
	$(BIN)/python -m benchmarks.bench_repairs

# What searches cost, on a space that is simulated as a whole: a quarter of an hour of one core the first time.
bench-study: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,gp]'
	$(BIN)/python -m benchmarks.bench_study

# First paint of the study page, and from a click to its updated views, at 10,000 trials: about three minutes, in Chromium.
bench-dashboard: $(READY)
	$(BIN)/python -m benchmarks.bench_dashboard

validate: $(READY)
	$(BIN)/python -m isa_models.silicon.validation

dashboard: $(READY)
	$(BIN)/dse dashboard

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

accept-baselines: $(READY)
	$(BIN)/python -m tests.baselines --accept

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
