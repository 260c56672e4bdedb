//! Tells clients what their query costs, in `extensions.cost`, and which limit it exceeds.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextValidation};
use async_graphql::{Response, ServerError, ValidationResult, value};
use edge_core::error::ErrorCode;

use super::errors::request_error;
use crate::http::error::ApiError;

/// Fields that a query may resolve; each item of a page counts, and a read of the store counts ten.
pub(super) const COST_MAX: usize = 5_000;
/// Nesting of fields: a page of payments with pages of refunds with their failures has eight, and tools that ask for the
/// schema nest up to fifteen.
pub(super) const DEPTH_MAX: usize = 16;

pub(super) struct Cost;

impl ExtensionFactory for Cost {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(MeasuredCost::default())
    }
}

#[derive(Default)]
struct MeasuredCost(Mutex<Option<usize>>);

#[async_trait::async_trait]
impl Extension for MeasuredCost {
    async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        let response = next.run(context).await;
        let found = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(cost) => response.extension("cost", value!({ "requested": cost, "limit": COST_MAX })),
            None => response,
        }
    }

    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let result = next
            .run(context)
            .await
            .map_err(|errors| errors.into_iter().map(with_limit).collect::<Vec<_>>())?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.complexity);
        Ok(result)
    }
}

/// The library names no limit in its errors, which differ by their messages alone.
fn with_limit(error: ServerError) -> ServerError {
    let message = match error.message.as_str() {
        "Query is too complex." => {
            format!("the query costs more than {COST_MAX}; ask for fewer fields or smaller pages")
        }
        "Query is nested too deep." => format!("the query has more than {DEPTH_MAX} nested fields"),
        _ => return error,
    };
    request_error(ApiError::new(ErrorCode::InvalidRequest, message).about("query"))
}
