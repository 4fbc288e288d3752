# `make` lists the targets. The environment is set up once, from requirements/lock.txt, and reused after that.
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The tensors of the demo and of the tests are small: threads that wait for each other cost more than they bring.
export OMP_NUM_THREADS ?= 1

.PHONY: help env demo test lint docs lock wheel clean

help:
	@echo 'make env    set up $(VENV) (Python 3.11; another one with PYTHON=/path/to/python)'
	@echo 'make demo   classify a scene from start to end, on a CPU'
	@echo 'make test   style check and tests'
	@echo 'make lint   style check alone'
	@echo 'make docs   build the documentation into docs/_build/html'
	@echo 'make wheel  build the package into dist/'
	@echo 'make lock   compile requirements/lock.txt anew (UPGRADE=1 takes newer versions)'
	@echo 'make clean  remove what was built, the environment included'

env: $(READY)

$(READY): requirements/lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null || \
		{ echo 'Python 3.11 (or 3.12) is needed and "$(PYTHON)" is not one: install it, or name it with make PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '"$(PYTHON)" has no venv module: install it (on Debian and Ubuntu the package python3.11-venv)' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements/lock.txt)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --build-constraints requirements/constraints.txt requirements/lock.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	$(BIN)/python demo/indian_pines.py

test: lint
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check .

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going docs docs/_build/html

# the versions that the lock already has are kept where they still fit
lock: $(READY)
	$(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) \
		--python-version 3.11 --python-platform x86_64-unknown-linux-gnu \
		--constraints requirements/constraints.txt --excludes requirements/excludes.txt \
		--no-emit-index-url --annotation-style line --custom-compile-command 'make lock' \
		--output-file requirements/lock.txt \
		$(foreach name,runtime mminstall optional tests docs build,requirements/$(name).txt)

wheel: $(READY)
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .pytest_cache .ruff_cache
