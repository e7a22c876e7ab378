//! Tokens and keys: agents' JWTs, visitors' session tokens, keyed hashes and sealed secrets. Pure functions of their
//! inputs and the system's random source; no I/O.

pub mod jwt;
mod ring_provider;
pub mod seal;
pub mod token;
