#![doc = include_str!("../README.md")]

// The macros name this crate by its own name, here as everywhere.
extern crate self as opencom_core;

pub mod attributes;
pub mod audience;
#[cfg(feature = "auth")]
pub mod auth;
pub mod email;
pub mod error;
pub mod html;
pub mod id;
pub mod jsonb;
pub mod number;
pub mod origin;
pub mod permission;
pub mod text_enum;

pub use attributes::{Attributes, Json};
pub use error::{Code, Error, Result};
pub use id::Id;
pub use number::{Int, Millis};
pub use permission::{Permission, Role};

#[cfg(feature = "diesel")]
mod columns;

/// What the macros of this crate expand to; not for use by hand.
#[doc(hidden)]
pub mod macro_support {
    pub use schemars;
    pub use serde;
    pub use serde_json;
}
