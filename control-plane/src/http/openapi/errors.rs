//! The errors that an operation can return, whether from the filter, Envoy or the control plane.

use std::collections::BTreeMap;

use edge_core::error::ErrorBody;
use edge_core::error::ErrorCode::{self, *};
use serde_json::{Map, Value, json};

use super::{OperationClass, examples, headers};

/// A status with an error code.
type Case = (u16, ErrorCode);

/// Errors of every operation.
const ALWAYS: &[Case] = &[
    (400, InvalidRequest),
    (400, CardDataNotAccepted),
    (400, WalletPayloadNotAccepted),
    (408, InvalidRequest),
    (413, PayloadTooLarge),
    (415, UnsupportedMediaType),
    (426, InvalidRequest),
    (429, RateLimited),
    (431, InvalidRequest),
    (500, InternalError),
    (501, InvalidRequest),
    (503, GatewayUnavailable),
    (504, GatewayTimeout),
];

/// Errors of operations that need a client key.
const OF_CLIENTS: &[Case] = &[(401, Unauthenticated), (401, EdgeAttestationRequired), (403, Forbidden)];

const OF_COMMANDS: &[Case] = &[
    (400, IdempotencyKeyRequired),
    (400, IdempotencyKeyInvalid),
    (402, PaymentFailed),
    (409, IdempotencyInProgress),
    (409, InvalidState),
    (422, IdempotencyKeyReused),
    (502, ProviderRejected),
    (503, ProviderUnavailable),
    (503, IdempotencyUnavailable),
];

const OF_WEBHOOKS: &[Case] = &[
    (401, SignatureInvalid),
    (401, EdgeAttestationRequired),
    // The provider sends webhooks, but its credentials are not configured.
    (502, ProviderRejected),
    (503, SignatureUnverifiable),
];

/// Errors specific to single operations.
fn own(operation: &str) -> &'static [Case] {
    match operation {
        "createRefund" => &[(404, TransactionNotFound), (422, RefundExceedsCharge)],
        "getPayment" | "listPaymentEvents" | "provePaymentEvents" | "capturePayment" | "cancelPayment"
        | "createEventTicket" => &[(404, TransactionNotFound)],
        "listEvents" => {
            &[(401, TicketInvalid), (401, TicketExpired), (410, CursorUnknown), (503, StreamsExhausted)]
        }
        "getRefund" => &[(404, NotFound)],
        "getWalletConfig" => &[(403, DomainNotAllowed)],
        _ => &[],
    }
}

/// Shared responses and examples, which operations reference.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) responses: Map<String, Value>,
    /// By code.
    pub(super) examples: Map<String, Value>,
}

/// The operation's error responses by status, as references into `shared`.
pub(super) fn of(kind: OperationClass, operation: &str, shared: &mut Shared) -> Map<String, Value> {
    let of_kind = match kind {
        OperationClass::Command => [OF_CLIENTS, OF_COMMANDS],
        OperationClass::Query => [OF_CLIENTS, &[]],
        OperationClass::Webhook => [OF_WEBHOOKS, &[]],
    };
    let mut codes = BTreeMap::<u16, Vec<ErrorCode>>::new();
    for (status, code) in [ALWAYS, of_kind[0], of_kind[1], own(operation)].into_iter().flatten() {
        codes.entry(*status).or_default().push(*code);
    }
    let reference = |(status, codes): (u16, Vec<ErrorCode>)| {
        let name = std::iter::once(status.to_string()).chain(codes.iter().map(|code| code.name()));
        let key = if headers::of(&status.to_string(), kind).get("Idempotency-Replayed").is_some() {
            name.chain(["replayable".to_owned()]).collect::<Vec<_>>().join(".")
        } else {
            name.collect::<Vec<_>>().join(".")
        };
        for code in &codes {
            shared.examples.entry(code.name()).or_insert_with(|| example(*code));
        }
        let reference = json!({ "$ref": format!("#/components/responses/{key}") });
        shared.responses.entry(key).or_insert_with(|| response(status, &codes, kind));
        (status.to_string(), reference)
    };
    codes.into_iter().map(reference).collect()
}

fn response(status: u16, codes: &[ErrorCode], kind: OperationClass) -> Value {
    let told = codes.iter().map(|code| format!("`{}`: {}", code.name(), meaning(status, *code)));
    let refer = |code: &ErrorCode| {
        let name = code.name();
        let reference = json!({ "$ref": format!("#/components/examples/{name}") });
        (name, reference)
    };
    json!({
        "description": told.collect::<Vec<_>>().join("\n\n"),
        "headers": headers::of(&status.to_string(), kind),
        "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/ErrorBody" },
            "examples": codes.iter().map(refer).collect::<Map<_, _>>(),
        } },
    })
}

fn example(code: ErrorCode) -> Value {
    let mut body = ErrorBody::new(code, meaning(code.status(), code));
    body.error.request_id = Some(examples::REQUEST.to_owned());
    match code {
        InvalidRequest => body.error.param = Some("amount".to_owned()),
        PaymentFailed => {
            body.error.decline_code = Some("insufficient_funds".to_owned());
            body.error.provider_code = Some("card_declined".to_owned());
            body.error.transaction_id = Some(examples::TRANSACTION.to_owned());
            body.error.retryable = Some(false);
        }
        RateLimited | GatewayUnavailable | GatewayTimeout => body.error.retryable = Some(true),
        _ => {}
    }
    json!({ "value": body })
}

fn meaning(status: u16, code: ErrorCode) -> &'static str {
    match code {
        InvalidRequest if status == 408 => "the request took too long to arrive",
        InvalidRequest if status == 426 => "this version of HTTP is not taken; use HTTP/1.1 or HTTP/2",
        InvalidRequest if status == 431 => "the head of the request is too large",
        InvalidRequest if status == 501 => "this `Transfer-Encoding` is not taken",
        InvalidRequest => "the request is at fault; `param` names the field",
        IdempotencyKeyRequired => "the header `Idempotency-Key` is missing",
        IdempotencyKeyInvalid => "the header `Idempotency-Key` is malformed or given twice",
        CardDataNotAccepted => "card data was found; this gateway takes tokens only",
        WalletPayloadNotAccepted => {
            "a wallet's encrypted payload was found; send the provider's token for it instead"
        }
        Unauthenticated => "a known client key is needed",
        TicketInvalid => "the ticket is none of this gateway's, was altered, or is for something else",
        TicketExpired => "the ticket has expired; get a new one",
        SignatureInvalid => "the signature is missing, wrong or too old",
        EdgeAttestationRequired => "the request did not come through the edge",
        Forbidden => "this client may not do this",
        DomainNotAllowed => "this domain is not one that the client has listed for its wallets",
        PaymentFailed => "the provider declined; `declineCode` says why",
        NotFound => "there is nothing of yours at this path",
        TransactionNotFound => "no such payment of yours",
        MethodNotAllowed => "this path takes another method",
        PayloadTooLarge => "the body is larger than it may be",
        UnsupportedMediaType => "the body is not `application/json`, or comes with a content-encoding",
        IdempotencyInProgress => "the first request with this key is being worked on; send it again",
        InvalidState => "the payment is not in a state that allows this",
        IdempotencyKeyReused => "the key was used for another request",
        RefundExceedsCharge => "this is more than is left to refund",
        CursorUnknown => "the log does not have this event; read the payments again and continue without it",
        StreamsExhausted => "the limit of event connections is reached; try again later",
        RateLimited => "too many requests; try again later",
        InternalError => "a defect of the gateway; read the payment before you repeat the request",
        ProviderRejected => "the provider refused this gateway's configuration, not the payer",
        ProviderUnavailable => "the provider could not be reached; nothing was executed",
        SignatureUnverifiable => "the signature cannot be checked now; send it again",
        IdempotencyUnavailable => "the idempotency key cannot be checked now; nothing was executed",
        GatewayUnavailable => "the gateway is not available; nothing was executed",
        GatewayTimeout => "the outcome is not known; repeat the request under the same key",
    }
}
