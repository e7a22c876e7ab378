#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod address;
pub mod alias;
pub mod automatic;
pub mod body;
pub mod forward;
pub mod html;
mod incoming;
mod mime;
pub mod notification;
pub mod outgoing;
mod quote;
pub mod subject;
pub mod text;
pub mod threading;
pub mod webhook;

pub use incoming::{Attachment, FetchedFields, Incoming};
