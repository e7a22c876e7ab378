//! Every function of the contract at once: access, arguments, live consistency, the shape of results.

mod access;
mod arguments;
mod coverage;
mod exceptions;
mod live;
mod openapi;
mod principal;
mod roles;
mod rows;
mod shape;
mod snapshots;
mod world;
