SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# rustup's folder may not be on the path of a shell that is younger than rustup.
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin

target := $(or $(CARGO_TARGET_DIR),target)
# dev: not optimized, and a change of one file is built in seconds.
PROFILE ?= release
stack := $(target)/$(PROFILE:dev=debug)/local-stack
# `down` and `status` work by the run folder, so the program of either profile serves a stack of the other.
any_stack := $(or $(wildcard $(stack)),$(firstword $(wildcard $(target)/release/local-stack $(target)/debug/local-stack)))
run_dir := $(or $(RUN_DIR),.run)
filter := $(target)/edge_filter.wasm
wasm_cargo := tools/wasm-cargo.sh

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run up down status
run: build ## Start a whole gateway here, in the foreground, and print its URLs and a charge to paste
	@exec $(stack) run

up: build ## The same in the background; returns when it is healthy
	@$(stack) up

down: ## Stop what `make up` started
	@if [ -n '$(any_stack)' ]; then $(any_stack) down; else echo "nothing was built here, so nothing runs"; fi

status: ## Say what of the gateway runs, and where
	@if [ -n '$(any_stack)' ]; then $(any_stack) status; else echo "nothing was built here, so nothing runs"; exit 1; fi

.PHONY: compose-env
compose-env: ## Write .env and .tls/, the secrets that docker-compose.yml asks for
	@tools/compose-env.sh

.PHONY: compose-test
# Images that compile their programs need none of this machine's.
compose-test: $(if $(filter built,$(IMAGES)),prerequisites,build) ## Build the images, start docker-compose.yml on Docker Engine, break it, and judge by the ledger; IMAGES=built compiles in them; COMPOSE_TEST=required fails where no engine can run
	@IMAGES='$(IMAGES)' COMPOSE_TEST='$(COMPOSE_TEST)' tests/containers/engine/compose-test.sh $(target)

# With the programs of `make test`, which are built with its features: others would have to be built again.
.PHONY: compose-smoke
compose-smoke: ## After `make test`: its short form, about two minutes: a charge, a control plane killed, the ledger
	@SCOPE=short FEATURES='$(features)' COMPOSE_TEST='$(COMPOSE_TEST)' tests/containers/engine/compose-test.sh $(target)

.PHONY: push-filter
push-filter: filter ## Push the filter for Istio and Envoy Gateway: TO=registry.example/NAME:TAG, FORM=image or =artifact
	@cargo run --quiet --locked --release -p filter-image -- --form '$(or $(FORM),image)' $(filter) '$(TO)'

.PHONY: clients
clients: prerequisites ## Write docs/openapi.json, and what is generated from it: the clients' cores, the collection
	cargo build --locked --release --bin control-plane
	$(target)/release/control-plane openapi >docs/openapi.json
	@tools/generate-clients.sh

.PHONY: build filter
build: prerequisites envoy filter ## Build everything that runs; PROFILE=dev for quick rebuilds while you edit
	cargo build --locked --profile $(PROFILE) --bin control-plane --bin local-stack --bin log-relay --bin provider-sandbox $(features)

filter: prerequisites ## Build the Envoy filter: target/edge_filter.wasm
	$(wasm_cargo) wasm32-wasip1 build --locked --profile filter -p edge-filter
	cp $(target)/wasm32-wasip1/filter/edge_filter.wasm $(filter)

# With places where a test lets it die. Nothing but a test loads it.
.PHONY: crashing-filter
crashing-filter: prerequisites
	$(wasm_cargo) wasm32-wasip1 build --locked --profile filter -p edge-filter-crashing
	cp $(target)/wasm32-wasip1/filter/edge_filter_crashing.wasm $(target)/edge_filter_crashing.wasm

# Most tests wait, for servers that start and for limits of time: more of them at once than there are cores. Their servers'
# files need to outlive processes only, so they lie in memory where there is room for them.
cores := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
in_memory := $(shell ! grep -qs ' /dev/shm .*noexec' /proc/mounts && df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4194304 { print "/dev/shm" }')
test: export RUST_TEST_THREADS := $(or $(RUST_TEST_THREADS),$(shell echo $$((2 * $(cores)))))
test: export TMPDIR := $(or $(TMPDIR),$(in_memory),/tmp)

# Tests hold the sandbox's requests against the providers' contracts, where these are at hand.
test chaos compose-smoke: features = --features provider-sandbox/contracts
.PHONY: test
# Programs and tests are built in one go: apart, most crates would be built twice, with different features.
test: prerequisites envoy filter crashing-filter wasm-test-runner test-services ## Run every test: unit, filter under wasm, end to end on real Envoy; REQUIRE_TOOLS=1 fails those that lack a tool
	cargo build --locked --release --bins --tests $(features)
	CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
	  $(wasm_cargo) wasm32-unknown-unknown test --locked --release -p edge-core --lib
# Last, since it ends with what was skipped and what failed.
	@tools/failures-last.sh cargo test --locked --release --no-fail-fast $(features)

SEEDS ?= 1
SECONDS ?= 60
.PHONY: chaos
# By the profile of benchmarks, in which the clients are optimized: 300 charges a second are sent beside what they test.
chaos: build test-services ## Break whole gateways: SEEDS=20 fresh seeds or SEED=7,9 again, SECONDS=60 each, SHAPE=embedded, =distributed, =soak (SECONDS=1800) or =hostile (ATTACK='leave' for one attack)
	@CHAOS_SEED='$(SEED)' CHAOS_SEEDS='$(SEEDS)' CHAOS_SECONDS='$(SECONDS)' CHAOS_SHAPE='$(SHAPE)' \
	  CHAOS_ATTACK='$(ATTACK)' \
	  cargo test --locked --profile bench --test chaos -- --ignored --nocapture

SEQUENCES ?= 300000
.PHONY: model
model: ## Try the payments' and the keys' state machines in random order: SEQUENCES=300000 each
	MODEL_SEQUENCES='$(SEQUENCES)' cargo test --locked --release --test model --test idempotency_model

.PHONY: fuzz
fuzz: prerequisites ## Fuzz the edge's parsers by libFuzzer: TARGET=cache for one, SECONDS=60 each
	@tools/fuzz.sh $(target)/fuzz '$(SECONDS)' '$(TARGET)'

.PHONY: aws-kms
aws-kms: prerequisites ## Lint and test what a build with AWS KMS has, against a stand-in; `make test` and `make lint` build without it
	cargo clippy --locked --release -p control-plane --lib --bins --features aws-kms -- -D warnings
	cargo test --locked --release -p control-plane --lib --features aws-kms -- key_services config::encryption

.PHONY: sbom
sbom: prerequisites ## Write a bill of materials (CycloneDX) for each crate, and check it: target/sbom
	@tools/sbom.sh $(target)/sbom

.PHONY: bench
bench: features = --config 'profile.release.package.provider-sandbox.opt-level=3'
bench: build test-services ## Measure on this machine and print the tables; BENCH=charge, =claim, =encryption, =events, =replay or =webhook for one
	cargo bench --locked --bench gateway -- $(BENCH)

# The cheapest check first. None of them is skipped in silence: a tool that is missing is installed, or fails the run.
.PHONY: lint lint-quick
lint: lint-quick ## Check format, spelling, scripts, commits, dependencies, the bill of materials, clippy and rustdoc
	@tools/check-dependencies.sh
	@tools/sbom.sh $(target)/sbom
	cargo clippy --locked --release --all-targets -- -D warnings
	$(wasm_cargo) wasm32-wasip1 clippy --locked --profile filter -p edge-filter -p edge-filter-crashing -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --release --no-deps --document-private-items

lint-quick: prerequisites lint-tools ## Check what needs no compiler: format, spelling, scripts, the subjects of new commits
	cargo fmt --all --check
	typos . .ci .github
	shellcheck --external-sources $$(git ls-files '*.sh') .ci/run
	@tools/check-commits.sh

# A folder that RUN_DIR names is only removed if a stack has run in it.
.PHONY: clean
clean: down ## Remove everything that was built, fetched or generated, the local database (RUN_DIR) included; not .env and .tls/
	rm -rf $(target) .tools
	@if [ -e '$(run_dir)/stack.pid' ]; then rm -rf '$(run_dir)'; fi

# Set-up: each of these does nothing when its work is already done.
.PHONY: prerequisites envoy wasm-test-runner test-services lint-tools
prerequisites:
	@tools/check-prerequisites.sh

envoy:
	@tools/install-envoy.sh

wasm-test-runner: prerequisites
	@tools/install-wasm-test-runner.sh

test-services:
	@tools/install-test-services.sh

lint-tools: prerequisites
	@tools/install-lint-tools.sh
