# Each target sets up what it needs by itself: `make help` lists them. Another Python: make PY=python3.12 TARGET

PY ?= python3
UV_VERSION := 0.13.9
V := .venv
STAMP := $(V)/.stamp
CUDA := .venv-cuda
ORACLES := .venv-oracles
export PY
export NUMBA_CACHE_DIR := $(CURDIR)/.numba_cache

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup sichuan test slow lint format bench gpu-check cuda-compile lock clean distclean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make .venv: the locked packages and hashwatt itself

# Touched last: an interrupted set-up is begun again.
$(STAMP): requirements.lock requirements-uv.lock pyproject.toml tools/setup-venv
	@tools/setup-venv
	@touch $@

sichuan: $(STAMP) ## Simulate Sichuan's cut of June 2021 and compare it with the real chain
	@$(V)/bin/hashwatt run sichuan-2021

test: $(STAMP) ## Run the tests
	@$(V)/bin/python -m pytest -q --numprocesses 2 --dist loadfile

slow: $(ORACLES)/.stamp ## Run the slow tests: statistics, and other programs as oracles, in .venv-oracles
	@$(ORACLES)/bin/python -m pytest -q -m slow

# The oracles want some packages older than the lock has them.
$(ORACLES)/.stamp: requirements.lock requirements-uv.lock pyproject.toml tools/setup-venv
	@HASHWATT_VENV=$(ORACLES) tools/setup-venv oracles
	@touch $@

lint: $(STAMP) ## Check style, types and the floors
	@status=0; \
	$(V)/bin/ruff check . || status=1; \
	$(V)/bin/ruff format --check . || status=1; \
	$(V)/bin/mypy || status=1; \
	$(V)/bin/lint-imports --no-logo || status=1; \
	exit $$status

format: $(STAMP) ## Lay out the code as lint wants it
	@$(V)/bin/ruff check --fix --quiet . || true
	@$(V)/bin/ruff format .

bench: $(STAMP) ## Measure the nonce-search kernels of this machine
	@$(V)/bin/hashwatt bench

# Probes of the pipes are timed while nothing else runs. With PARTS="pipes kernels shapes" all ends within ten minutes; the rest is
# then `python -m miner.backends.gpu_record FILE --parts energy`, which adds to the same file.
gpu-check: $(STAMP) ## Run the tests that need a CUDA device, then measure its kernels into docs/benchmarks
	@if ! nvidia-smi -L >/dev/null 2>&1; then \
	  echo "gpu-check: no CUDA device here (nvidia-smi finds none), so the GPU tests were not run"; exit 0; \
	fi; \
	$(V)/bin/python -c 'import cupy, numba_cuda, pynvml' 2>/dev/null || tools/setup-venv +gpu || exit 1; \
	$(V)/bin/python -m pytest -q -rs -m gpu -k "not pipes" --numprocesses 4 --dist load tests/miner/cuda || exit 1; \
	$(V)/bin/python -m pytest -q -rs -m gpu -k pipes tests/miner/cuda || exit 1; \
	$(V)/bin/python -m miner.backends.gpu_record docs/benchmarks/gpu-$$(date -u +%Y-%m-%d).md $(if $(PARTS),--parts $(PARTS))

cuda-compile: $(CUDA)/.stamp ## Compile the GPU kernels without a GPU and count their instructions, in .venv-cuda
	@$(CUDA)/bin/python -m pytest -q -m cuda_compile tests/miner/cuda

$(CUDA)/.stamp: requirements.lock requirements-uv.lock pyproject.toml tools/setup-venv
	@HASHWATT_VENV=$(CUDA) tools/setup-venv cuda-compile
	@touch $@

# Compiled without any configuration of this machine, so that the hashes are those of the public packages for all
# platforms; UPGRADE=1 takes newer versions. No address may stand in a lock.
COMPILE = $$UV pip compile --quiet --no-config --no-header --no-emit-index-url --no-emit-find-links --no-annotate \
  --generate-hashes --universal --python-version 3.11 $(if $(UPGRADE),--upgrade)
lock: ## Compile requirements.lock and requirements-uv.lock anew
	@UV=$$(command -v uv || ls .uvboot/bin/uv $(V)/bin/uv 2>/dev/null | head -n 1); \
	[ -n "$$UV" ] || { echo "lock: needs uv; make setup fetches it" >&2; exit 1; }; \
	unset UV_FIND_LINKS UV_INDEX UV_EXTRA_INDEX_URL UV_CONSTRAINT; export UV_SYSTEM_CERTS=1; set -e; \
	$(COMPILE) --group test --output-file requirements.lock pyproject.toml; \
	echo "uv==$(UV_VERSION)" | $(COMPILE) --output-file requirements-uv.lock -; \
	sed -i '1i # Made by `make lock`; not to be edited by hand.' requirements.lock requirements-uv.lock; \
	! grep -n '://' requirements.lock requirements-uv.lock

clean: ## Remove caches and builds; runs/ and .venv stay
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .numba_cache .coverage htmlcov build dist
	@find miner hw gridsim reports tests -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove .venv, .venv-cuda, .venv-oracles and the fetched uv as well
	@rm -rf $(V) $(CUDA) $(ORACLES) .uvboot .ci-tools
