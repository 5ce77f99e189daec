# Works from nothing but python3: every target makes its own .venv first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell sh requirements/python.sh)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := .uv/bin/uv
# Some images forbid Python to keep compiled modules; then every process here takes seconds longer to start.
unexport PYTHONDONTWRITEBYTECODE
# Two processes test at a time; with more of them the gateways that tests start would wait for each other.
TWO_AT_A_TIME := --numprocesses 2 --no-loadscope-reorder
PROTOS := $(wildcard protos/sluice/v1/*.proto)

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(STAMP): requirements/dev.txt requirements/uv.txt pyproject.toml
	@test -x $(UV) || { python3 -m venv .uv && \
		.uv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/uv.txt; }
	@test -x $(BIN)/python || $(UV) venv --quiet --no-python-downloads --python "$(PYTHON)" $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { rm -rf $(VENV); \
		echo "Sluice's locked dependencies are for Python 3.11, and this is $(PYTHON): make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing the development environment into $(VENV), $$($(BIN)/python -VV | head -1)"
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/uv.txt -r requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

install: $(STAMP) ## make the development environment

up: $(STAMP) ## bring up Redis, bundles, features and the gateway on this machine
	@exec $(BIN)/sluice up

test: $(STAMP) check ## run every test, and the checks
	$(BIN)/python -m pytest $(TWO_AT_A_TIME)

check: $(STAMP) ## ruff, mypy strict, import-linter, generated code current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory check-protos

protos: $(STAMP) ## generate code from protos/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=. --mypy_out=quiet:. \
		--grpc_python_out=. --mypy_grpc_out=quiet:. $(PROTOS)

check-protos: $(STAMP)
	@rm -rf .sluice/protos && mkdir -p .sluice/protos
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc -I. --python_out=.sluice/protos \
		--mypy_out=quiet:.sluice/protos --grpc_python_out=.sluice/protos --mypy_grpc_out=quiet:.sluice/protos $(PROTOS)
	@for file in $$(cd .sluice/protos && find . -name '*_pb2*'); do \
		cmp -s $$file .sluice/protos/$$file || { echo "$$file is not current: run make protos"; exit 1; }; done
	@echo "generated code is current"

bench: $(STAMP) ## measure one worker on one core against its goals and its peers; BENCH="--quick --only tls" says more
	$(BIN)/python -m loadtests.bench $(BENCH)

stress: $(STAMP) ## break and drown gateways under traffic, 40 minutes; STRESS="--quick", "--only redis", "--list" say more
	$(BIN)/python -m loadtests.faults $(STRESS)

fuzz: $(STAMP) ## 4,000 inputs a fuzz test, other ones every time, some minutes
	$(BIN)/python -m pytest -m fuzz --hypothesis-profile long

sim: $(STAMP) ## roll innocent and guilty canaries back, or not, thousands of times; SIM="--runs 200" says less
	$(BIN)/python -m tests.sim.judge $(SIM)

micro: $(STAMP) ## time the gateway's parts alone
	$(BIN)/python -m loadtests.micro

lock: $(STAMP) ## resolve requirements/ anew from pyproject.toml
	@$(UV) pip compile --quiet --upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 pyproject.toml --extra cpu --extra triton --extra control --extra train --extra loadtest \
		--group dev -o requirements/dev.txt
	@$(UV) pip compile --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 pyproject.toml --extra cpu --extra triton -c requirements/dev.txt -o requirements/serve.txt
	@for peer in triton kserve mlserver litserve bentoml; do $(UV) pip compile --quiet --upgrade --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		requirements/peers/$$peer.in -o requirements/peers/$$peer.txt; done

clean: ## forget what was built: bundles, features, Redis data, metrics (the environment stays)
	rm -rf .sluice models/bundles

.PHONY: help install up test check protos check-protos bench stress fuzz sim micro lock clean
