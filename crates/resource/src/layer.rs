//! The `tower` layers: [`GuardLayer`] lets nothing through without a good token, [`RequireScope`] asks for more on
//! single routes.

use crate::access::{Access, Unguarded};
use crate::challenge::Reason;
use crate::credentials::bearer_token;
use crate::guard::Guard;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Made by [`Guard::layer`].
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
}

impl GuardLayer {
    pub(crate) fn new(guard: Guard) -> GuardLayer {
        GuardLayer { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.guard.clone(), inner }
    }
}

/// A service behind a [`Guard`]: it runs only for requests with a good token, and finds an [`Access`] among the
/// extensions. The `Authorization` header is gone by then, so that it cannot be passed on or logged by accident
/// (RS-15).
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S, B> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let guard = self.guard.clone();
        let mut inner = take_ready(&mut self.inner);
        let token = bearer_token(request.headers(), request.uri());
        request.headers_mut().remove(AUTHORIZATION);
        Box::pin(async move {
            let admitted = match token {
                Ok(token) => guard.admit(&token).await,
                Err(fault) => Err(guard.refusal(Reason::NoToken(fault))),
            };
            match admitted {
                Ok(access) => {
                    request.extensions_mut().insert(access);
                    inner.call(request).await
                }
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}

/// A layer for single routes *beneath* a [`GuardLayer`]: 403 `insufficient_scope` unless the token has this scope
/// (RS-04). Several of them demand several scopes. Without a guard above, nothing passes (RS-17).
pub fn require_scope(scope: &str) -> RequireScope {
    RequireScope { scope: scope.into() }
}

/// Made by [`require_scope`].
#[derive(Clone, Debug)]
pub struct RequireScope {
    scope: Arc<str>,
}

impl<S> Layer<S> for RequireScope {
    type Service = RequiringScope<S>;

    fn layer(&self, inner: S) -> RequiringScope<S> {
        RequiringScope { scope: Arc::clone(&self.scope), inner }
    }
}

/// A service that runs only for tokens with a certain scope.
#[derive(Clone, Debug)]
pub struct RequiringScope<S> {
    scope: Arc<str>,
    inner: S,
}

impl<S, B> Service<Request<B>> for RequiringScope<S>
where
    S: Service<Request<B>, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let refused = match request.extensions().get::<Access>() {
            Some(access) => access.require_scope(&self.scope).err().map(IntoResponse::into_response),
            None => Some(Unguarded::report().into_response()),
        };
        let mut inner = take_ready(&mut self.inner);
        Box::pin(async move {
            match refused {
                Some(refusal) => Ok(refusal),
                None => inner.call(request).await,
            }
        })
    }
}

/// Boxed: the future of an `async` block has no name that an associated type could have.
type Answer<E> = Pin<Box<dyn Future<Output = Result<Response, E>> + Send>>;

/// The service that was polled ready, leaving a clone that will be polled anew (`tower::Service`, "Be careful when
/// cloning inner services").
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    std::mem::replace(inner, clone)
}
