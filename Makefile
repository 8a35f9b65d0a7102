# Everything is made on demand: `make run` and `make test` install what they need into .venv.
.DEFAULT_GOAL := help
.PHONY: help run test check e2e torture hostile bench format lock openapi setup-tests

# Only what is written here and on the command line counts, whatever a shell exports.
override SHELL := /bin/sh
override VENV := .venv/bin/python
# Node is in .venv if the machine has no suitable version.
override PYTEST := PATH="$(CURDIR)/.venv/bin:$$PATH" $(VENV) -m pytest
# The benchmark's scaled server uses the tests' database and Redis.
override BENCH := PYTHONPATH=test/support $(VENV) -m bench.run
override LOCK := $(VENV) -m uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url \
	--no-emit-find-links --annotation-style line --custom-compile-command "make lock"

ifneq ($(origin ARGS),command line)
override ARGS :=
endif
# Test processes start servers and mostly wait for them, so there may be more of them than cores.
ifneq ($(origin JOBS),command line)
override JOBS := 4
endif
# What another project's Python, or its tests, were told.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT \
	PYTHONSTARTUP PYTHONPLATLIBDIR PYTEST_ADDOPTS PYTEST_PLUGINS RUFF_CONFIG MYPYPATH
.NOTPARALLEL:

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: .venv/run.stamp ## Start the server (settings: Documentation/configuration.md)
	@exec .venv/bin/python app.py

test: setup-tests check ## Run everything that a change must pass
	$(PYTEST) --numprocesses $(JOBS) --dist loadgroup $(ARGS)
	$(BENCH) --short

check: .venv/test.stamp ## Lint, format, types and layers
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy .
	.venv/bin/lint-imports --no-logo

e2e: setup-tests ## Run the tests that start the real server
	$(PYTEST) test/e2e $(ARGS)

torture: setup-tests ## Kill servers and workers again and again, and send what the schemas allow
	$(PYTEST) test/torture/test_many_workers.py --torture-kills 200 --numprocesses 0 $(ARGS)
	$(PYTEST) test/e2e/upstream/test_faults.py --fault-rounds 20 --numprocesses $(JOBS) --dist loadgroup $(ARGS)
	$(PYTEST) test/torture test/api/edge/test_openapi_fuzz.py --torture-rounds 50 --fuzz-examples 100 \
		--timeout 1800 --numprocesses $(JOBS) --dist loadgroup $(ARGS)

hostile: setup-tests ## Attack a server in every way that is known, and send 20,000 odd requests
	$(PYTEST) test/hostile --hostile-long --numprocesses 0 $(ARGS)

bench: setup-tests ## Measure beside two textbook relays (ARGS=--short, or ARGS="--only relay,burst")
	$(BENCH) $(ARGS)

format: .venv/test.stamp ## Format the code, mend what ruff can mend
	$(VENV) -m ruff check --fix .
	$(VENV) -m ruff format .

lock: .venv/test.stamp ## Pin what pyproject.toml asks for (ARGS=--upgrade: the newest that fit)
	$(LOCK) $(ARGS) pyproject.toml --output-file requirements.txt
	$(LOCK) $(ARGS) pyproject.toml --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt

openapi: .venv/run.stamp ## Write Documentation/openapi.json
	@data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && DATA_DIR="$$data" \
		$(VENV) -m flask --app app openapi write --format json Documentation/openapi.json

# The stamps say what is installed in .venv; when a lock file changes, it is installed again.
.venv/run.stamp: requirements.txt
	@.ci/setup-python requirements.txt
	@touch $@

.venv/test.stamp: requirements.txt requirements-dev.txt
	@.ci/setup-python requirements-dev.txt
	@touch .venv/run.stamp $@

.venv/npm.stamp: .venv/test.stamp test/package-lock.json .ci/requirements-node.txt
	@.ci/setup-npm
	@touch $@

setup-tests: .venv/npm.stamp
	@.ci/setup-system chromium curl postgresql redis-server nginx-light
