PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN = $(VENV)/run.installed
TEST = $(VENV)/test.installed
ROUNDS ?= 1000
MINUTES ?= 120
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help run test check audit fix bench mutate docs calibration lock

help: ## Show what there is to do.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(RUN) ## Serve the sample on http://127.0.0.1:8000 until Ctrl-C.
	$(BIN)/registry demo

test: $(TEST) ## Run every test; Neo4j too where Java and Maven are there.
	$(BIN)/python -m pytest -n 2

check: $(TEST) ## Look for faults without running anything: ruff, mypy and bandit.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml registry schema loaders

audit: $(TEST) ## Ask the Python Packaging Advisory Database for known faults in what we depend on; needs the internet.
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/pip-audit --disable-pip --require-hashes -r requirements/run.txt

fix: $(TEST) ## Mend what ruff can mend, and format.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(TEST) ## Run the benchmarks; takes minutes, and a quiet machine.
	$(BIN)/python -m benchmarks

mutate: $(TEST) ## Make small faults in core modules and count how many the tests find; takes an hour. Less: ARGS="--sample 3 limits".
	$(BIN)/pip install --quiet --editable '.[mutate]'
	$(BIN)/python -m tests.support.mutation $(ARGS)

docs: $(TEST) ## Write what is written from the model and the reports anew.
	for page in model access report-list calibration; do $(BIN)/python -m registry.docs $$page > docs/$$page.md || exit 1; done
	$(BIN)/python -m registry.reports.json_schema > schema/report.schema.json
	$(BIN)/python -m schema > schema/schema.graphql
	$(BIN)/python -m schema.reports > schema/reports.graphql

calibration: $(TEST) ## Measure how reliable the reports are, and write docs/calibration.md. Takes MINUTES; run it again to continue.
	$(BIN)/registry calibrate --rounds $(ROUNDS) --minutes $(MINUTES) --settings generated --seed 20261125 --into calibration.jsonl --json > calibration.part || test $$? = 1
	mv calibration.part docs/calibration.json
	$(BIN)/python -m registry.docs calibration > docs/calibration.md

lock: $(TEST) ## Pin every dependency anew, with hashes.
	$(BIN)/pip install --quiet uv
	$(LOCK) --upgrade pyproject.toml --extra embedded --extra charts -o requirements/run.txt
	$(LOCK) pyproject.toml --constraint requirements/run.txt --extra embedded --extra charts --extra redis --extra test --extra dev -o requirements/test.txt

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(RUN): $(BIN)/python requirements/run.txt pyproject.toml
	$(BIN)/pip install --quiet -r requirements/run.txt
	$(BIN)/pip install --quiet --no-deps -e .
	touch $@

$(TEST): $(RUN) requirements/test.txt
	$(BIN)/pip install --quiet -r requirements/test.txt
	touch $@
