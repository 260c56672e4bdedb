//! Operations in flight at a provider, shared by payments and refunds: records the intent, makes the call, records the
//! answer.

mod commit;
pub(super) mod inline_retry;
mod payment_answer;
mod payment_call;
mod payment_outcome;
pub(super) mod record;
pub(super) mod refund_call;
pub(super) mod resolvable;
pub(super) mod send;

pub(super) use self::commit::{commit, commit_beside};
