# Every recipe is a command that CI runs too, or that a person wants often. Bare `just` lists them.

default:
    @just --list

# Serve, with an embedded PostgreSQL in ./data
serve *flags:
    cargo run --release -- {{flags}}

# Serve with the demo: a visitor and an agent side by side, at http://127.0.0.1:3210/demo
demo *flags:
    cargo run --release -- --demo {{flags}}

# Everything that CI checks
ci:
    bash .ci/run

# Format and lint as CI does
lint:
    cargo fmt --all --check
    bash .ci/arrows
    bash .ci/dependencies
    cargo clippy --workspace --all-targets -- -D warnings

# All tests, on throw-away databases
test *args:
    cargo test --workspace {{args}}

# One crate's tests, for the inner loop: `just t inbox`
t crate *args:
    cargo test -p opencom-{{crate}} {{args}}

# The official clients (npm, React in Chromium, PyPI) against the debug binary
clients:
    cargo build -p opencom
    bash .ci/clients

# The API's OpenAPI document: validated, and held against the debug binary
api:
    cargo build -p opencom
    bash .ci/api

# What each crate of ours takes to compile, from a release build that starts with none of them
build-times:
    bash .ci/build-times

# Load against the limit: one table, each row beside pgbench running the same statements in the same run
bench *args:
    cargo build --release -p opencom -p opencom-bench
    target/release/opencom-bench {{args}}
