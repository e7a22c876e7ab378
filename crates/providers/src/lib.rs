#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod email;
pub mod embeddings;
pub mod files;
pub mod http;
