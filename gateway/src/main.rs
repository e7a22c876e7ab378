//! The `opencom` binary.
fn main() {}
