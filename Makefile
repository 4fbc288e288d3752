# `make` lists the targets. The environment is set up once, from a lock file, and reused after that.
# The first Python of 3.11 to 3.13; a name that is found is also run, because a pyenv shim may have no version behind it.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	$$name -c '$(FITS)' 2>/dev/null && { echo $$name; break; }; done)
VENV ?= .venv
LOCK ?= requirements/lock.txt
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The tensors of the demo and of the tests are small: threads that wait for each other cost more than they bring.
export OMP_NUM_THREADS ?= 1

.PHONY: help env demo test first-tests second-tests lint docs lock wheel clean

help:
	@echo 'make env    set up $(VENV) (Python 3.11 to 3.13; PYTHON=/path/to/python and LOCK=requirements/lock-onedl.txt choose)'
	@echo 'make demo   classify a scene from start to end, on a CPU'
	@echo 'make test   style check, types and tests'
	@echo 'make lint   style check and types alone'
	@echo 'make docs   build the documentation into docs/_build/html'
	@echo 'make wheel  build the package into dist/'
	@echo 'make lock   compile the locks anew (UPGRADE=1 takes newer versions)'
	@echo 'make clean  remove what was built, the environment included'

env: $(READY)

$(READY): $(LOCK)
	@$(PYTHON) -c '$(FITS)' 2>/dev/null || { echo 'Python 3.11, 3.12 or 3.13 is needed, and "$(PYTHON)" is none of them:' \
		'install one (uv python install 3.13 does), or name it with make PYTHON=/path/to/python' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '"$(PYTHON)" has no venv module: install it (on' \
		'Debian and Ubuntu the package python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' $(LOCK))"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --build-constraints requirements/build.txt $(LOCK)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)
	$(BIN)/python demo/indian_pines.py

# Two processes, each with about half of the time: most tests use one core.
FIRST_TESTS := $(addprefix tests/test_,datasets engine evaluation inference models ops tasks utils visualization weights analysis classical comparison)

# They fork, which is safe only as long as no library has started threads: a process of their own, before other tests.
FORKING_TESTS := $(addprefix tests/test_engine/test_,interrupted_runs.py non_finite_loss_hook.py fully_sharded.py)

test: lint
	$(MAKE) --jobs 2 first-tests second-tests

first-tests: $(READY)
	$(BIN)/python -m pytest $(FORKING_TESTS)
	$(BIN)/python -m pytest $(FIRST_TESTS) $(FORKING_TESTS:%=--ignore=%)

second-tests: $(READY)
	$(BIN)/python -m pytest $(FIRST_TESTS:%=--ignore=%)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going docs docs/_build/html

# the versions that the locks already have are kept where they still fit
COMPILE = $(BIN)/uv pip compile --quiet $(if $(UPGRADE),--upgrade) --universal --python-version 3.11 \
	--build-constraints requirements/build.txt --no-emit-index-url --annotation-style line --custom-compile-command 'make lock'
lock: $(READY)
	$(COMPILE) --excludes requirements/excludes.txt --output-file requirements/lock.txt \
		$(foreach name,runtime restoration-zoo export tests docs build,requirements/$(name).txt)
	$(COMPILE) --no-deps --generate-hashes --no-annotate --output-file requirements/lock-hashed.txt requirements/lock.txt
	$(COMPILE) --excludes requirements/excludes.txt --excludes requirements/onedl-excludes.txt \
		--output-file requirements/lock-onedl.txt $(foreach name,runtime onedl tests build,requirements/$(name).txt)
	$(COMPILE) --excludes requirements/excludes.txt --resolution lowest-direct \
		--output-file requirements/lock-lowest.txt $(foreach name,runtime tests build,requirements/$(name).txt)

wheel: $(READY)
	rm -rf build
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info .pytest_cache .ruff_cache .mypy_cache
