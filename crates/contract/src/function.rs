//! What a function of the API is, and the macro that defines one.

use opencom_core::{Error, Permission, Result};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

/// A function of the API. The request type is the function.
///
/// The conversions from and to JSON are methods that [`functions!`] overrides for each type with the same text, so that
/// their code is compiled once, here, and not again in every crate that calls or serves the function.
pub trait Function: Clone + Serialize + DeserializeOwned + Validate + JsonSchema + Send + Sync + 'static {
    /// The result.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// Query, mutation or action, as a type: it decides in which unit of work the function runs.
    type Kind: FunctionKind;
    /// The function as data.
    const DESCRIPTOR: Descriptor;

    /// Parses and validates the arguments.
    ///
    /// # Errors
    /// `INVALID_INPUT` with the path of the first argument that is wrong.
    fn from_json(arguments: &str) -> Result<Self> {
        crate::arguments::parse(arguments)
    }

    /// Returns the arguments as JSON.
    ///
    /// # Errors
    /// An internal error if a value has no JSON form.
    fn to_json(&self) -> Result<String> {
        to_text(self)
    }

    /// Returns a result as JSON.
    ///
    /// # Errors
    /// An internal error if a value has no JSON form.
    fn output_to_json(output: &Self::Output) -> Result<String> {
        to_text(output)
    }

    /// Parses a result.
    ///
    /// # Errors
    /// An internal error if the text is not such a result.
    fn output_from_json(text: &str) -> Result<Self::Output> {
        from_text(text)
    }
}

/// A kind of function, as a type.
pub trait FunctionKind: 'static {
    /// The kind as a value.
    const KIND: Kind;
}

/// The kind of functions that read.
#[derive(Clone, Copy, Debug)]
pub enum Query {}
/// The kind of functions that run in one transaction.
#[derive(Clone, Copy, Debug)]
pub enum Mutation {}
/// The kind of functions that may call the outside world.
#[derive(Clone, Copy, Debug)]
pub enum Action {}

impl FunctionKind for Query {
    const KIND: Kind = Kind::Query;
}
impl FunctionKind for Mutation {
    const KIND: Kind = Kind::Mutation;
}
impl FunctionKind for Action {
    const KIND: Kind = Kind::Action;
}

/// Something that happened in one context and that others react to in the same transaction.
pub trait Event: Send + Sync + 'static {}

/// Writes a value as JSON.
pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Reads a value from JSON.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::internal)
}

/// The three kinds of functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Reads; can be subscribed to.
    Query,
    /// Reads and writes in one transaction.
    Mutation,
    /// May call the outside world; no transaction of its own.
    Action,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everyone.
    Anyone,
    /// Nobody from outside: such a path does not exist for callers.
    Internal,
    /// A token that verifies, whatever stands behind it.
    SignedIn,
    /// A signed-in agent: a user with an e-mail address, a workspace and a role.
    Agent,
    /// A member of the workspace at hand.
    Member,
    /// A member with this permission.
    Permitted(Permission),
    /// A visitor, by session token.
    Visitor,
    /// A member with this permission, or the visitor whose row it is.
    PermittedOrVisitor(Permission),
    /// A member with this permission; whoever is not signed in gets what is public.
    PermittedOrPublic(Permission),
}

impl Who {
    /// Returns true if visitors may call; they authenticate by the argument `sessionToken`.
    pub(crate) const fn includes_visitors(self) -> bool {
        matches!(self, Self::Visitor | Self::PermittedOrVisitor(_))
    }
}

/// What everybody else gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The error that says what is missing.
    Refused,
    /// This value, as JSON; never an error.
    Gets(&'static str),
    /// Less than members get; the function's documentation says what.
    Less,
    /// Whoever is not signed in gets this value, as JSON; members of other workspaces and those who may not are refused.
    StrangersGet(&'static str),
}

/// The access rule of a function. It drives the access tests and the API document; the function's first line enforces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who may call.
    pub who: Who,
    /// What everybody else gets.
    pub otherwise: Otherwise,
}

impl Access {
    /// Refuses everybody else.
    pub const fn only(who: Who) -> Self {
        Self {
            who,
            otherwise: Otherwise::Refused,
        }
    }

    /// Everybody else gets a fixed value.
    pub const fn or(self, value: &'static str) -> Self {
        Self {
            otherwise: Otherwise::Gets(value),
            ..self
        }
    }

    /// Whoever is not signed in gets a fixed value, everybody else is refused.
    pub const fn or_strangers(self, value: &'static str) -> Self {
        Self {
            otherwise: Otherwise::StrangersGet(value),
            ..self
        }
    }

    /// Everybody else gets less.
    pub const fn or_less(self) -> Self {
        Self {
            otherwise: Otherwise::Less,
            ..self
        }
    }
}

/// A function as data.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// `module:function`.
    pub path: &'static str,
    /// Query, mutation or action.
    pub kind: Kind,
    /// Who may call.
    pub access: Access,
    /// Arguments that may be or contain `null`; everywhere else `null` is an argument error.
    pub nulls_in: &'static [&'static str],
    /// Whether a visitor's token is an argument, `sessionToken`.
    pub takes_session_token: bool,
    /// JSON schema of the arguments.
    pub arguments_schema: fn(&mut SchemaGenerator) -> Schema,
    /// JSON schema of the result.
    pub output_schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Defines the functions of a module: the index at its top.
///
/// `Request: kind "module:function" -> Output, access [, nulls in "argument"..] [, session token];`
///
/// Functions that visitors may call take a session token; `session token` marks the others that take one.
macro_rules! functions {
    ($(
        $request:ident: $kind:ident $path:literal -> $output:ty, $access:expr
        $(, nulls in $($null:literal),+)? $(, session $token:ident)?;
    )*) => {
        /// The functions of this module.
        pub const FUNCTIONS: &[$crate::Descriptor] =
            &[$(<$request as $crate::Function>::DESCRIPTOR,)*];

        $(
            impl $crate::Function for $request {
                type Output = $output;
                type Kind = functions!(@type $kind);
                const DESCRIPTOR: $crate::Descriptor = $crate::Descriptor {
                    path: $path,
                    kind: functions!(@kind $kind),
                    access: $access,
                    nulls_in: &[$($($null),+)?],
                    takes_session_token: functions!(@session $($token)?) || $access.who.includes_visitors(),
                    arguments_schema: |generator| generator.subschema_for::<$request>(),
                    output_schema: |generator| generator.subschema_for::<$output>(),
                };

                fn from_json(arguments: &str) -> opencom_core::Result<Self> {
                    $crate::arguments::parse(arguments)
                }
                fn to_json(&self) -> opencom_core::Result<String> {
                    $crate::function::to_text(self)
                }
                fn output_to_json(output: &Self::Output) -> opencom_core::Result<String> {
                    $crate::function::to_text(output)
                }
                fn output_from_json(text: &str) -> opencom_core::Result<Self::Output> {
                    $crate::function::from_text(text)
                }
            }
        )*
    };
    (@type query) => { $crate::function::Query };
    (@type mutation) => { $crate::function::Mutation };
    (@type action) => { $crate::function::Action };
    (@kind query) => { $crate::Kind::Query };
    (@kind mutation) => { $crate::Kind::Mutation };
    (@kind action) => { $crate::Kind::Action };
    (@session token) => { true };
    (@session) => { false };
}

pub(crate) use functions;

/// Everyone may call.
pub(crate) const ANYONE: Access = Access::only(Who::Anyone);
/// Nobody from outside may call.
pub(crate) const INTERNAL: Access = Access::only(Who::Internal);
/// Signed-in agents may call.
pub(crate) const AGENT: Access = Access::only(Who::Agent);
/// Whoever has a token that verifies may call.
pub(crate) const SIGNED_IN: Access = Access::only(Who::SignedIn);
/// Visitors with a session token may call.
pub(crate) const VISITOR: Access = Access::only(Who::Visitor);

/// Members with `permission` may call.
pub(crate) const fn permitted(permission: Permission) -> Access {
    Access::only(Who::Permitted(permission))
}

/// Members with `permission` and the visitor concerned may call.
pub(crate) const fn permitted_or_visitor(permission: Permission) -> Access {
    Access::only(Who::PermittedOrVisitor(permission))
}

/// Members with `permission` may call; whoever is not signed in gets what is public.
pub(crate) const fn permitted_or_public(permission: Permission) -> Access {
    Access::only(Who::PermittedOrPublic(permission))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_argument(function: &Descriptor, name: &str) -> bool {
        let mut generator = SchemaGenerator::default();
        let schema = (function.arguments_schema)(&mut generator).to_value();
        let definition = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let schema = definition.map_or(&schema, |name| &generator.definitions()[name]);
        schema["properties"].get(name).is_some()
    }

    #[test]
    fn takes_session_token_agrees_with_the_schema() {
        for function in crate::catalogue() {
            let expected = has_argument(function, "sessionToken");
            assert_eq!(function.takes_session_token, expected, "{}", function.path);
        }
    }
}
