#![doc = include_str!("../README.md")]

pub mod absent;
pub mod compose;
pub mod config;
pub mod demo;
pub mod discovery;
mod doctor;
pub mod http;
mod internal_calls;
mod logging;
pub mod mail_channel;
pub mod measurements;
pub mod program;
pub mod rotate;
mod secrets;
mod seed;
mod serve;
mod setup;
pub mod sockets;
pub mod tokens;
