//! Traits by which a context answers functions, runs jobs and listens to events.

use opencom_contract::function::{Action, Mutation, Query};
use opencom_contract::{Event, Function, FunctionKind};
use opencom_core::Result;

use crate::registry::{Handler, Method, Typed};
use crate::{ActionCx, Asker, BoxFuture, Dispatcher, Job, MutationCx, QueryCx, ScopedFutureExt};

/// The unit of work in which functions of a kind run.
pub trait UnitOfWork: FunctionKind {
    /// The unit of work.
    type Cx: Send;

    #[doc(hidden)]
    fn method(handler: Handler<Self::Cx>) -> Method;

    /// Runs a function in a unit of work of its own.
    #[doc(hidden)]
    fn run<F: Function<Kind = Self>>(
        dispatcher: Dispatcher,
        method: Typed<F>,
        request: F,
        asker: Asker,
    ) -> BoxFuture<'static, Result<F::Output>>;
}

impl UnitOfWork for Query {
    type Cx = QueryCx;

    fn method(handler: Handler<QueryCx>) -> Method {
        Method::Query(handler)
    }

    fn run<F: Function<Kind = Self>>(
        dispatcher: Dispatcher,
        method: Typed<F>,
        request: F,
        asker: Asker,
    ) -> BoxFuture<'static, Result<F::Output>> {
        Box::pin(async move { method(&mut dispatcher.query_cx(asker), request).await })
    }
}

impl UnitOfWork for Mutation {
    type Cx = MutationCx;

    fn method(handler: Handler<MutationCx>) -> Method {
        Method::Mutation(handler)
    }

    fn run<F: Function<Kind = Self>>(
        dispatcher: Dispatcher,
        method: Typed<F>,
        request: F,
        asker: Asker,
    ) -> BoxFuture<'static, Result<F::Output>> {
        Box::pin(async move {
            let (method, request) = (&method, &request);
            dispatcher
                .transaction(asker, |cx| method(cx, request.clone()).scope_boxed())
                .await
        })
    }
}

impl UnitOfWork for Action {
    type Cx = ActionCx;

    fn method(handler: Handler<ActionCx>) -> Method {
        Method::Action(handler)
    }

    fn run<F: Function<Kind = Self>>(
        dispatcher: Dispatcher,
        method: Typed<F>,
        request: F,
        asker: Asker,
    ) -> BoxFuture<'static, Result<F::Output>> {
        Box::pin(async move { method(&mut dispatcher.action_cx(asker), request).await })
    }
}

/// The unit of work of a function.
pub type Cx<F> = <<F as Function>::Kind as UnitOfWork>::Cx;

/// A service that answers the function `F`. The rule of a function is its impl of this trait; who may call and what the
/// function promises is documented at the request type.
pub trait Handle<F: Function<Kind: UnitOfWork>>: Send + Sync + 'static {
    /// Checks access, then answers. Never commits, spawns or calls the outside world, except in an action.
    fn handle(&self, cx: &mut Cx<F>, request: F) -> impl Future<Output = Result<F::Output>> + Send;
}

/// A service that runs jobs of the kind `J`.
pub trait Perform<J: Job>: Send + Sync + 'static {
    /// Runs one job. It may run more than once for the same row.
    fn perform(&self, cx: &mut ActionCx, job: J) -> impl Future<Output = Result<()>> + Send;
}

/// A service that reacts to the event `E`.
pub trait Listen<E: Event>: Send + Sync + 'static {
    /// Reacts in the transaction of the mutation that emitted the event. An error undoes that mutation.
    fn on(&self, cx: &mut MutationCx, event: &E) -> impl Future<Output = Result<()>> + Send;
}

/// Declares the service trait of a context: the sum of the functions that it handles. The trait's provided method
/// registers all of them.
///
/// ```ignore
/// service! {
///     /// What the context promises.
///     pub trait InboxService for Inbox {
///         conversations: List, Get, Create;
///         messages: List, SendMessage;
///     }
/// }
/// ```
#[macro_export]
macro_rules! service {
    ($(#[$meta:meta])* $vis:vis trait $service:ident for $context:ty {
        $($module:ident: $($request:ident),+ $(,)?;)*
    }) => {
        $(#[$meta])*
        $vis trait $service: $($($crate::Handle<$crate::contract::$module::$request> +)+)* {
            /// Registers every function of the service.
            fn register_functions(self: &::std::sync::Arc<Self>, registry: &mut $crate::Registry)
            where
                Self: Sized,
            {
                $($(registry.function::<$crate::contract::$module::$request, Self>(self);)+)*
            }
        }

        impl $service for $context {}
    };
}
