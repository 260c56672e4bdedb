//! `GET /payments/{id}/events/proof`: proofs that records of a payment are in the sealed audit trail.

use audit_proof::{Note, Path, proof_file, stored_ranges};
use axum::Json;
use axum::extract::{RawQuery, State};
use edge_core::error::ErrorCode;
use edge_core::request::ProofQuery;
use payments::ports::store::audit::TrailRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::events::trail;
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::path_id::PathId;
use crate::http::view::Success;
use crate::http::wire::{PaymentId, RefundId};

/// Records of one answer: with a proof of some 1,500 bytes each, no more than an answer should have.
const PROOFS_MAX: usize = 100;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProofsAnswer {
    success: Success,
    data: Vec<ProofView>,
    /// There are more: ask again with `after` set to the last `index`.
    has_more: bool,
}

/// A record of the audit trail with the proof that it is in the sealed trail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventProof)]
pub(super) struct ProofView {
    /// Its place in the sealed trail.
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_id: Option<RefundId>,
    /// As in the list of events.
    version: u32,
    /// What is sealed, byte for byte: a JSON object in canonical form (RFC 8785).
    record: String,
    /// A file in the format of `c2sp.org/tlog-proof@v1`: the inclusion proof (RFC 6962) and the signed checkpoint.
    proof: String,
}

/// Prove a payment's events.
///
/// Each proof shows that a record is in the sealed audit trail as it is now, and is verified with the gateway's public key
/// alone. Records that are not sealed yet are left out.
#[utoipa::path(
    get, path = "/payments/{id}/events/proof", operation_id = "provePaymentEvents", tag = "payments",
    params(
        ("id" = PaymentId, Path),
        ("after" = Option<u64>, Query, minimum = 0, maximum = 999_999_999_999_u64,
         description = "Continue after the record with this index"),
    ),
    responses(
        (status = 200, description = "A proof for each sealed record, oldest first", body = ProofsAnswer),
    ),
)]
pub(super) async fn proof(
    State(app): State<App>,
    id: PathId,
    RawQuery(query): RawQuery,
    attested: Attested,
) -> Result<Json<ProofsAnswer>, ApiError> {
    let query = ProofQuery::parse(query.as_deref().unwrap_or_default())?;
    let records = trail(&app, &attested.cause.client, &id).await?;
    let is_wanted = |leaf: &u64| query.after.is_none_or(|after| *leaf > after);
    let mut sealed: Vec<_> = records
        .into_iter()
        .filter_map(|record| record.leaf.filter(is_wanted).map(|leaf| (leaf, record)))
        .collect();
    sealed.sort_by_key(|(leaf, _)| *leaf);
    let has_more = sealed.len() > PROOFS_MAX;
    sealed.truncate(PROOFS_MAX);
    Ok(Json(ProofsAnswer { success: Success, data: proved(&app, sealed).await?, has_more }))
}

/// Proves records, which were read before, in the newest tree.
async fn proved(app: &App, sealed: Vec<(u64, TrailRecord)>) -> Result<Vec<ProofView>, ApiError> {
    let audit = app.gateway.store.audit();
    let Some(seal) = audit.last_seal().await? else { return Ok(Vec::new()) };
    let Some(note) = seal.note() else { return Err(damaged()) };
    let paths = sealed.iter().map(|(leaf, _)| Path::inclusion(*leaf, seal.size));
    let paths: Vec<Path> = paths.collect::<Option<_>>().ok_or_else(damaged)?;
    let known = audit.tree_hashes(&stored_ranges(paths.iter().flat_map(Path::needs))).await?;
    let proofs = sealed.into_iter().zip(paths).map(|((index, record), path)| {
        let hashes = path.hashes(&known).ok_or_else(damaged)?;
        Ok(view(index, record, &hashes, &note))
    });
    proofs.collect()
}

/// The tree lacks what its head says is there; `audit verify` says what.
fn damaged() -> ApiError {
    tracing::error!("the sealed audit trail cannot prove its records: run `control-plane audit verify`");
    ApiError::new(ErrorCode::InternalError, "the audit trail cannot be proved now")
}

fn view(index: u64, record: TrailRecord, hashes: &[audit_proof::Hash], note: &Note) -> ProofView {
    ProofView {
        index,
        refund_id: record.event.refund.map(RefundId::from),
        version: record.event.version,
        record: record.bytes,
        proof: proof_file(index, hashes, note),
    }
}
