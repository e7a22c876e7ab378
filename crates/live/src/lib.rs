#![doc = include_str!("../README.md")]

pub mod arguments;
pub mod engine;
pub mod executor;
pub mod frames;
pub mod outcome;
pub mod protocol;
pub mod session;

pub use engine::Engine;
pub use session::Session;
