# Everything runs in .venv, made from the lock file; nothing is installed outside it.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The tests of one file stay in one process, with its fixtures.
IN_TWO := --numprocesses=2 --dist=loadfile
# Programs of `make bench-scale` by part.
SCALE_a := history
SCALE_b := cluster
SCALE_c := workers
SCALE_d := rebalance
SCALE_e := warnings

# The tests start many processes; without this each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install hooks demo check quick test system lint typecheck format lock lock-jars bench bench-short bench-scale region-rehearsal chaos chaos-payments postgres soak docs screenshots wheel sbom clean

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements/lock.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt
	@# uv is ten times faster; where it cannot reach the index that pip is configured for, pip does it.
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/lock.txt || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(STAMP) ## Create .venv from the lock file

demo: $(STAMP) ## Run the whole pipeline on a simulated town (real Kafka, real Redis)
	$(BIN)/forewarn demo

check: $(STAMP) ## Check style, types and the tests that need no server, two jobs at a time
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint typecheck quick

quick: $(STAMP) ## Run the tests that need neither a server nor much time, in two processes
	$(BIN)/python -m pytest -q -m "not system and not chaos and not slow" $(IN_TWO)

test: $(STAMP) ## Run all tests, all but those that kill processes in two processes (with COVERAGE=1 also measure); what was skipped is said
	$(BIN)/python -m pytest -m "not system and not chaos" $(IN_TWO) $(if $(COVERAGE),--cov --cov-report=)
	$(if $(COVERAGE),$(BIN)/python -m coverage report --fail-under=$$(cat .ci/coverage-floor))
	@$(MAKE) --no-print-directory system

system: $(STAMP) ## Run the tests that start servers, in two processes, then those that kill processes
	$(BIN)/python -m pytest -m "system and not chaos" $(IN_TWO)
	$(BIN)/python -m pytest -m chaos

hooks: $(STAMP) ## Install the pre-commit hooks of this repository
	$(BIN)/pre-commit install

bench: $(STAMP) ## Measure the stream worker against its targets, and against BASE=<commit> if given
	$(BIN)/python -m benchmarks.stream_worker $(if $(BASE),--base $(BASE))
	$(BIN)/python -m benchmarks.decide_answers

bench-short: $(STAMP) ## The same in under four minutes
	$(BIN)/python -m benchmarks.stream_worker --short $(if $(BASE),--base $(BASE))

bench-scale: $(STAMP) ## Growth: PART=a history by workers (PEOPLE=500,4000), b state of two million in Redis Cluster (SUBSCRIBERS=200000), c stream workers held to a part of a core (as root), d changes of a group, e warnings and the ledger (WARNINGS=300000)
	$(BIN)/python -m benchmarks.scale_$(or $(SCALE_$(or $(PART),a)),$(error PART is a, b, c, d or e)) $(if $(PEOPLE),--people $(PEOPLE)) $(if $(WARNINGS),--warnings $(WARNINGS)) $(if $(SUBSCRIBERS),--subscribers $(SUBSCRIBERS))

region-rehearsal: $(STAMP) ## Lose a region on purpose: what is lost with it, and how long the other takes to serve (docs/second-region.md)
	$(BIN)/python -m benchmarks.region_rehearsal

chaos: $(STAMP) ## Crash and cut the stream for five minutes, counting everything (FOREWARN_CHAOS_SEED repeats)
	FOREWARN_CHAOS_SECONDS=$${FOREWARN_CHAOS_SECONDS:-300} $(BIN)/python -m pytest tests/chaos -s

chaos-payments: $(STAMP) ## Kill workers, replicas and the broker while 10,000 payments ask (PAYMENTS=..., FOREWARN_CHAOS_SEED repeats)
	FOREWARN_CHAOS_PAYMENTS=$(or $(PAYMENTS),10000) $(BIN)/python -m pytest tests/chaos/test_decisions_chaos.py -s

postgres: $(STAMP) ## Run the alerting tests that use PostgreSQL against 16, 17 and 18, downloaded once (VERSIONS=17: one)
	@for version in $(or $(VERSIONS),16 17 18); do \
		echo "PostgreSQL $$version"; \
		FOREWARN_TEST_POSTGRES=$$version $(BIN)/python -m pytest -q tests/alerting -m system -k postgres || exit 1; \
	done

soak: $(STAMP) ## Load, rebalances and lost servers for an hour: slopes of memory and files, every event counted (SECONDS=600: shorter)
	$(BIN)/python -m tests.chaos.soak --seconds $(or $(SECONDS),3600)

docs: $(STAMP) ## Write every generated page, manifest and dashboard
	$(BIN)/forewarn reference
	$(BIN)/python -m deploy.monitoring.render

screenshots: $(STAMP) ## Take the pictures of the console in the documentation
	$(BIN)/python -m tests.alerting.web.console.screenshots

wheel: $(STAMP) ## Build the wheel into dist/, the same bytes each time
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build -t wheel -d dist

sbom: wheel ## List what an installation with every extra contains: dist/sbom.cdx.json (CycloneDX) and dist/licences.txt
	$(BIN)/python -m deploy.sbom dist

lint: $(STAMP) ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(STAMP) ## Check types
	$(BIN)/mypy

format: $(STAMP) ## Rewrite files in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP) ## Resolve pyproject.toml into the lock file
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-annotate pyproject.toml requirements/tools.in -o requirements/lock.txt
	{ echo '# The installer, pinned as in lock.txt; `make lock` keeps both in step.'; \
		sed -n '/^uv==/,/^[^ ]/{/^uv==/p;/^ /p}' requirements/lock.txt; } > requirements/installer.txt

lock-jars: $(STAMP) ## Resolve Kafka's jars into their lock file
	$(BIN)/python -c "from forewarn.local import kafka_jars as k; print(k.write_lock(), k.write_lock(k.MIRROR_LOCK_FILE, k.MIRROR_COORDINATES))"

clean: ## Remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
