//! `/_sandbox/stripe/account`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;

use super::{invalid, read};
use crate::{answer::Answer, world::Shared};

pub(super) async fn show(State(shared): State<Arc<Shared>>) -> Answer {
    let account = shared.world().stripe.account;
    Answer::json(StatusCode::OK, &account)
}

/// Changes the account for what happens from now on.
pub(super) async fn change(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    match read(&body) {
        Ok(account) => {
            shared.world().stripe.account = account;
            Answer::json(StatusCode::OK, &account)
        }
        Err(rule) => invalid(&rule),
    }
}
