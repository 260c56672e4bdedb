//! Tells clients what their query costs, in `extensions.cost`.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest, NextValidation};
use async_graphql::{Response, ServerError, ValidationResult, value};

/// Fields that a query may resolve; each item of a page counts, and a read of the store counts ten.
pub(super) const COST_MAX: usize = 5_000;

pub(super) struct Cost;

impl ExtensionFactory for Cost {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Found::default())
    }
}

#[derive(Default)]
struct Found(Mutex<Option<usize>>);

#[async_trait::async_trait]
impl Extension for Found {
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
        let result = next.run(context).await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.complexity);
        Ok(result)
    }
}
