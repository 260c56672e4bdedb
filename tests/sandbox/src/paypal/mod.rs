//! PayPal.
use crate::world::Shared;
use axum::Router;
use jiff::Timestamp;
use std::{collections::HashMap, sync::Arc};
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) tokens: HashMap<String, Timestamp>,
}
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
}
