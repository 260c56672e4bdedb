//! The bodies and queries of the public API as types: what does not fit is refused before it costs anything.
//!
//! `parse` is the strict door for what callers send. The derived `Deserialize` reads back what was stored.

mod accept;
mod capture;
mod charge;
mod events;
mod expires_in;
mod graphql;
mod invalid;
mod list;
mod metadata;
mod object;
mod payment_method;
mod proof;
mod query;
mod refund;
mod return_url;
mod ticket;
mod unique;
mod wallet;
mod wallet_config;

#[cfg(test)]
mod tests;

pub use accept::{Accepted, accepted};
pub use capture::{CancelRequest, CaptureRequest};
pub use charge::{CaptureMode, ChargeRequest};
pub use events::{EventsQuery, SocketQuery, are_event_types, is_event_type, wants_stream};
pub use expires_in::ExpiresIn;
pub use graphql::{GraphqlDocument, GraphqlRequest};
pub use invalid::InvalidRequest;
pub use list::ListQuery;
pub use metadata::Metadata;
pub use payment_method::PaymentMethodId;
pub use proof::ProofQuery;
pub use refund::RefundRequest;
pub use return_url::{ReturnUrlHosts, ReturnUrlHostsError, is_return_url};
pub use ticket::TicketRequest;
pub use unique::repeated_name;
pub use wallet::{Verification, Wallet};
pub use wallet_config::{WalletConfigQuery, is_domain};

#[cfg(feature = "openapi")]
pub(crate) use return_url::CHARS_MAX as RETURN_URL_CHARS_MAX;
