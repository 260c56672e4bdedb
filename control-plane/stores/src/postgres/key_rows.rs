//! The rows of idempotency keys that `commit.sql` writes.

use edge_core::client::ClientId;
use edge_core::idempotency::Scope;
use jiff::Timestamp;
use payments::model::idempotency::{KeyClaim, StoredAnswer, Subject};
use sealing::Sealer;

use super::record::record;
use super::rows::Member;
use crate::rows::subject_ids;
use crate::sealed::{self, Unwritable};

record! {
    pub(super) struct KeyTaken {
        member: Member,
        pub(super) scope: String,
        client: String,
        fingerprint: String,
        payment: Option<String>,
        refund: Option<String>,
        answer_status: Option<u16>,
        answer_body: Option<String>,
        created_at: i64,
    }
}

record! {
    pub(super) struct KeyAnswered {
        member: Member,
        pub(super) scope: String,
        payment: Option<String>,
        refund: Option<String>,
        answer_status: u16,
        answer_body: String,
        /// The change contains nothing else, so it fails if the key does not apply.
        alone: bool,
    }
}

record! {
    pub(super) struct KeyReleased {
        member: Member,
        pub(super) scope: String,
        payment: Option<String>,
        refund: Option<String>,
        alone: bool,
    }
}

pub(super) fn key_taken(
    member: Member,
    claim: &KeyClaim,
    client: &ClientId,
    at: Timestamp,
    answer: Option<&StoredAnswer>,
    subject: Option<Subject>,
    sealer: &Sealer,
) -> Result<KeyTaken, Unwritable> {
    let (payment, refund) = subject_ids(subject);
    let scope = claim.scope.to_string();
    Ok(KeyTaken {
        member,
        client: client.as_str().to_owned(),
        fingerprint: claim.fingerprint.to_string(),
        payment,
        refund,
        answer_status: answer.map(|answer| answer.status),
        answer_body: answer.map(|answer| sealed::answer(&scope, answer, sealer)).transpose()?,
        scope,
        created_at: at.as_microsecond(),
    })
}

pub(super) fn key_answered(
    member: Member,
    scope: &Scope,
    subject: Subject,
    answer: &StoredAnswer,
    alone: bool,
    sealer: &Sealer,
) -> Result<KeyAnswered, Unwritable> {
    let (payment, refund) = subject_ids(Some(subject));
    let scope = scope.to_string();
    Ok(KeyAnswered {
        member,
        payment,
        refund,
        answer_status: answer.status,
        answer_body: sealed::answer(&scope, answer, sealer)?,
        scope,
        alone,
    })
}

pub(super) fn key_released(member: Member, scope: &Scope, subject: Subject, alone: bool) -> KeyReleased {
    let (payment, refund) = subject_ids(Some(subject));
    KeyReleased { member, scope: scope.to_string(), payment, refund, alone }
}
