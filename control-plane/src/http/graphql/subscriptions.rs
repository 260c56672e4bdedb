//! Executes the subscriptions of one socket.

use std::any::TypeId;
use std::sync::Arc;

use async_graphql::parser::types::OperationType;
use async_graphql::{Data, Executor, Request, Response as GraphqlResponse};
use edge_core::error::ErrorCode;
use edge_core::request::GraphqlRequest;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, future};
use payments::model::event::Cause;
use payments::usecases::OperationError;

use super::caller::Caller;
use super::errors::{request_error, with_code};
use super::socket_subscriptions::{SUBSCRIPTIONS_MAX, SocketSubscriptions, asked_at, own_after};
use super::{document, serve};
use crate::http::App;
use crate::http::error::ApiError;

/// Subscriptions only: queries and mutations have `POST /graphql`, with its limits and keys.
#[derive(Clone)]
pub(super) struct Subscriptions {
    app: App,
    cause: Cause,
    on_socket: SocketSubscriptions,
}

impl Subscriptions {
    pub(super) const fn new(app: App, cause: Cause, on_socket: SocketSubscriptions) -> Self {
        Self { app, cause, on_socket }
    }

    /// `message`: carries what the client asks for.
    fn request(&self, message: &Request) -> Result<Request, ApiError> {
        let asked = message.data.get(&TypeId::of::<GraphqlRequest>());
        let asked = asked.and_then(|asked| asked.downcast_ref::<GraphqlRequest>()).cloned();
        let asked = asked.ok_or_else(|| ApiError::from(&OperationError::Crashed))?;
        let (document, mut request) = serve::read(&self.app, asked)?;
        let is_subscription =
            document.operations.iter().all(|(_, operation)| operation.node.ty == OperationType::Subscription);
        if !is_subscription {
            let message = "this path takes subscriptions; send queries and mutations to `POST /graphql`";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("query"));
        }
        // The library ends any other at once, as if it had no events.
        let has_one_field =
            document.operations.iter().all(|(_, operation)| document::has_one_root_field(&operation.node));
        if !has_one_field {
            let message = "a subscription has one root field, which is not `__typename`, written out and not in a fragment, \
                without `@skip` and `@include`";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("query"));
        }
        let operation = document::chosen(&document, request.operation_name.as_deref());
        let after = operation.and_then(|operation| own_after(&operation.node, &request.variables));
        let subscribed = self.on_socket.add(asked_at(after, self.app.live.read_to())).ok_or_else(|| {
            let message = format!(
                "a socket has at most {SUBSCRIPTIONS_MAX} subscriptions; complete one, or open another socket"
            );
            ApiError::new(ErrorCode::RateLimited, message)
        })?;
        request.set_parsed_query(document);
        let caller = Arc::new(Caller::new(self.app.clone(), self.cause.clone(), None));
        Ok(request.data(caller).data(subscribed))
    }
}

impl Executor for Subscriptions {
    async fn execute(&self, request: Request) -> GraphqlResponse {
        match self.request(&request) {
            Ok(request) => self.app.graphql.schema.execute(request).await,
            Err(error) => GraphqlResponse::from_errors(vec![request_error(error)]),
        }
    }

    fn execute_stream(
        &self,
        request: Request,
        session: Option<Arc<Data>>,
    ) -> BoxStream<'static, GraphqlResponse> {
        match self.request(&request) {
            Ok(request) => {
                let schema = &self.app.graphql.schema;
                let responses = schema.execute_stream_with_session_data(request, session.unwrap_or_default());
                let with_codes = |mut response: GraphqlResponse| {
                    response.errors = response.errors.into_iter().map(with_code).collect();
                    response
                };
                responses.map(with_codes).boxed()
            }
            Err(error) => {
                let refused = GraphqlResponse::from_errors(vec![request_error(error)]);
                stream::once(future::ready(refused)).boxed()
            }
        }
    }
}
