# Every task of t1. `make` alone lists them. Needs Go 1.26, Python 3.11 or newer and make.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

RUN ?= countdown

TEMPORAL_CLI := v1.5.1
GOLANGCI     := v2.15.0
WORKFLOWCHECK := v0.6.0
VERSITYGW := v1.8.0

root := $(CURDIR)
bin  := $(root)/.bin
venv := $(root)/engine/.venv
# The interpreter is the one of this machine; uv fetches none.
export UV_PYTHON_DOWNLOADS := never
# Compiled once, when installed: else each start of an engine compiles torch, twice its time, where Python may not write.
export UV_COMPILE_BYTECODE := 1
export GOFLAGS := $(filter-out -buildvcs=%,$(GOFLAGS)) -buildvcs=false
uv = $(shell command -v uv || echo $(root)/.tools/uv/bin/uv)

# step NAME, COMMAND: one line with the time taken; all of the output where it failed.
define step
@begin=$$(date +%s%N); printf '%-34s' '$(1)'; \
if out=$$({ $(2); } 2>&1); then printf '%7.1f s\n' "$$(( ($$(date +%s%N) - begin) / 100000000 ))e-1"; \
else printf 'failed\n%s\n' "$$out" >&2; exit 1; fi
endef

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

.PHONY: demo
demo: setup ## train the example here and write report.html; RUN=name for another run
	@$(bin)/t1 demo --run $(RUN)

.PHONY: ablations
ablations: setup ## take every part of the recipe away, one at a time; about an hour, resumable
	@$(bin)/t1 ablate examples/ablations/countdown.yaml

.PHONY: setup
setup: ## install and build what the demo needs, into this directory
	$(call step,Go and Python,$(MAKE) prerequisites)
	$(call step,uv,$(MAKE) $(uv))
	$(call step,Python environment of the engine,$(MAKE) $(venv)/.synced)
	$(call step,Temporal $(TEMPORAL_CLI),$(MAKE) temporal)
	$(call step,t1,$(MAKE) build)

.PHONY: prerequisites
prerequisites:
	@command -v go >/dev/null || { echo 'Go is missing. Try: install Go 1.26, https://go.dev/dl'; exit 1; }
	@command -v python3 >/dev/null || { echo 'Python is missing. Try: install Python 3.11 or newer, with venv'; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$(python3 --version)"; exit 1; }

$(root)/.tools/uv/bin/uv:
	python3 -m venv $(root)/.tools/uv
	$(root)/.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv

# --inexact: what `make test` added stays.
$(venv)/.synced: engine/uv.lock engine/pyproject.toml
	cd engine && $(uv) sync --frozen --no-dev --inexact
	@touch $@

$(venv)/.synced-dev: engine/uv.lock engine/pyproject.toml | $(uv)
	cd engine && $(uv) sync --frozen
	@touch $@ $(venv)/.synced

.PHONY: temporal
temporal:
	@test -x $(bin)/temporal || { mkdir -p $(bin); test -z "$$(command -v temporal)" || ln -sf "$$(command -v temporal)" $(bin)/temporal; }
	@test -x $(bin)/temporal || GOBIN=$(bin) go install -ldflags '-s -w' github.com/temporalio/cli/cmd/temporal@$(TEMPORAL_CLI)

.PHONY: build
build: ## build .bin/t1
	@go build -ldflags "-X main.version=$$(git describe --tags --always --dirty 2>/dev/null || echo dev)" -o $(bin)/t1 ./cmd/t1

##@ Develop

.PHONY: test
test: setup ## all fast tests: Go, then the engine's
	$(call step,Python tools,$(MAKE) $(venv)/.synced-dev)
	$(call step,versitygw $(VERSITYGW),$(MAKE) versitygw)
	@$(MAKE) test-go test-engine

# -count=1: the import rules look at files that Go's test cache does not know of.
.PHONY: test-go
test-go:
	go test -count=1 -timeout 10m ./...

.PHONY: test-engine
test-engine:
	cd engine && .venv/bin/python -m pytest -q

checks := check-format check-vet check-lint check-python check-types check-workflows check-generated

.PHONY: setup-vllm
setup-vllm: | $(uv) ## install vLLM for the CPU, 5.9 GB
	cd infra/vllm/environment && $(uv) sync --frozen

.PHONY: test-vllm
test-vllm: setup ## what talks to vLLM on real servers: the sampler's conformance suite, a run, a synthesis; six minutes
	$(call step,Python tools,$(MAKE) $(venv)/.synced-dev)
	$(call step,vLLM,$(MAKE) setup-vllm)
	T1_TEST_VLLM=1 go test -count=1 -timeout 15m -v -p 2 -run VLLM ./infra/vllm ./cmd/t1

.PHONY: check
check: tools setup ## what CI runs: format, vet, lint, types, determinism, generated code, tests
	$(call step,Python tools,$(MAKE) $(venv)/.synced-dev)
	@for check in $(checks); do $(MAKE) timed CHECK=$$check; done
	@$(MAKE) test

.PHONY: timed
timed:
	$(call step,$(CHECK),$(MAKE) $(CHECK))

.PHONY: $(checks)
check-format:
	@bad=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); test -z "$$bad" || { echo "not formatted: $$bad. Try: gofmt -w ."; exit 1; }
check-vet:
	go vet ./...
check-lint:
	$(bin)/golangci-lint run ./...
check-python:
	cd engine && .venv/bin/ruff check . && .venv/bin/ruff format --check . --exclude t1_engine/pb
check-types:
	cd engine && .venv/bin/pyright
check-workflows:
	$(bin)/workflowcheck -config workflowcheck.config.yaml ./workflows/...
# Generated code is fresh when making it again changes nothing.
generated := engine/t1_engine/pb infra/engine/enginepb
check-generated:
	@before=$$(find $(generated) -name '*.pyc' -prune -o -type f -print | sort | xargs sha256sum); \
	$(MAKE) generate; \
	after=$$(find $(generated) -name '*.pyc' -prune -o -type f -print | sort | xargs sha256sum); \
	test "$$before" = "$$after" || { echo "generated code was not fresh. Try: make generate, and commit"; exit 1; }

.PHONY: tools
tools: ## install the linters into .bin
	$(call step,golangci-lint $(GOLANGCI),$(MAKE) $(bin)/golangci-lint-$(GOLANGCI))
	$(call step,workflowcheck $(WORKFLOWCHECK),$(MAKE) $(bin)/workflowcheck-$(WORKFLOWCHECK))

$(bin)/golangci-lint-$(GOLANGCI):
	GOBIN=$(bin) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	@ln -sf golangci-lint $@
$(bin)/workflowcheck-$(WORKFLOWCHECK):
	GOBIN=$(bin) go install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK)
	@ln -sf workflowcheck $@

# A real S3 server, for tests.
.PHONY: versitygw
versitygw: $(bin)/versitygw-$(VERSITYGW)
$(bin)/versitygw-$(VERSITYGW):
	GOBIN=$(bin) go install -ldflags '-s -w' github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)
	@ln -sf versitygw $@

.PHONY: chaos
chaos: setup ## kill, hang and starve everything a run depends on, and print the table; an hour
	$(call step,versitygw $(VERSITYGW),$(MAKE) versitygw)
	@go run ./cmd/t1chaos

.PHONY: generate
generate: $(venv)/.synced-dev ## make generated code again
	./engine/generate.sh
	go generate ./...

.PHONY: bench
bench: setup ## take the figures of docs/results.md; an hour
	$(call step,Python tools,$(MAKE) $(venv)/.synced-dev)
	@./scripts/bench

.PHONY: clean
clean: ## remove what was built; runs under .t1 stay
	rm -rf .bin .tools engine/.venv report.html
