//! `/_sandbox/stripe/account`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;

use super::{invalid, read};
use crate::{http_response::HttpResponse, state::Shared};

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> HttpResponse {
    let account = shared.state().stripe.account;
    HttpResponse::json(StatusCode::OK, &account)
}

/// Changes the account's behaviour from now on.
pub(super) async fn change(State(shared): State<Arc<Shared>>, body: Bytes) -> HttpResponse {
    match read(&body) {
        Ok(account) => {
            shared.state().stripe.account = account;
            HttpResponse::json(StatusCode::OK, &account)
        }
        Err(rule) => invalid(&rule),
    }
}
