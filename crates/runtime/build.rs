//! Compiles the crate again when a migration changes: they are embedded.
#![expect(clippy::print_stdout, reason = "this is how a build script tells cargo")]

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
