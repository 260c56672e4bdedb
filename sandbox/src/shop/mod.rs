//! A demonstration shop: a checkout page, and the shop's server, which holds the gateway's client key. The page is at
//! `/_sandbox/checkout`; what its server does is what a shop writes itself.

mod backend;

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};

use crate::state::Shared;

pub(crate) use backend::Gateway;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/checkout", get(async || Html(include_str!("page/checkout.html"))))
        .route("/_sandbox/checkout/{file}", get(file))
        .route("/_sandbox/shop/config", get(backend::config))
        .route("/_sandbox/shop/pay", post(backend::pay))
        .route("/_sandbox/shop/tickets", post(backend::ticket))
        .route("/_sandbox/shop/payments/{id}", get(backend::payment))
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

async fn file(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "checkout.css" => ("text/css; charset=utf-8", include_str!("page/checkout.css")),
        "checkout.js" => (SCRIPT, include_str!("page/checkout.js")),
        "watch.js" => (SCRIPT, include_str!("page/watch.js")),
        "stub-check.js" => (SCRIPT, include_str!("page/stub-check.js")),
        "stub-sheet.js" => (SCRIPT, include_str!("page/stub-sheet.js")),
        "stub-stripe.js" => (SCRIPT, include_str!("page/stub-stripe.js")),
        "stub-wallets.js" => (SCRIPT, include_str!("page/stub-wallets.js")),
        "stub-paypal.js" => (SCRIPT, include_str!("page/stub-paypal.js")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}
