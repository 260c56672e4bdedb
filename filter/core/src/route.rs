//! The routes of the public API. Other requests never reach the control plane.

use crate::error::ErrorCode;
use crate::id;
use crate::provider::Provider;

/// An operation of the public API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Charge,
    Refund,
    Capture,
    Cancel,
    GetPayment,
    ListPayments,
    ListEvents,
    /// Proofs that a payment's events are in the sealed audit trail.
    ProveEvents,
    /// The event log, as a list or as a stream.
    Events,
    /// The event log over a WebSocket.
    EventSocket,
    /// A ticket to watch one payment.
    EventTicket,
    GetRefund,
    /// GraphQL queries, and mutations under an idempotency key.
    Graphql,
    /// GraphQL subscriptions over a WebSocket.
    GraphqlSocket,
    /// What a page needs to show wallets on a domain of the client.
    WalletConfig,
    OpenApi,
    /// A webhook of a provider.
    Webhook(Provider),
}

/// Why a method and a path match no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// No such path. The code distinguishes an impossible id from an unknown path.
    Path(ErrorCode),
    /// The path exists, but only with this method.
    Method { allowed: &'static str },
}

/// The body that a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    None,
    Required,
    /// An empty body means `{}`.
    Optional,
    /// Any bytes of any type, because a signature over them authenticates them.
    Signed,
}

impl Route {
    /// Finds the operation by method and path without the query.
    ///
    /// # Errors
    /// An unknown path, an id that no payment or refund can have, or another method on a known path.
    pub fn find(method: &str, path: &str) -> Result<Self, NoRoute> {
        let route = Self::by_path(path).map_err(NoRoute::Path)?;
        let allowed = route.method();
        if method == allowed { Ok(route) } else { Err(NoRoute::Method { allowed }) }
    }

    fn by_path(path: &str) -> Result<Self, ErrorCode> {
        let mut segments = path.strip_prefix('/').ok_or(ErrorCode::NotFound)?.split('/');
        let segments = (segments.next(), segments.next(), segments.next(), segments.next(), segments.next());
        let (route, id) = match segments {
            (Some("openapi.json"), None, ..) => return Ok(Self::OpenApi),
            (Some("payments"), None, ..) => return Ok(Self::ListPayments),
            (Some("events"), None, ..) => return Ok(Self::Events),
            (Some("graphql"), None, ..) => return Ok(Self::Graphql),
            (Some("graphql"), Some("socket"), None, ..) => return Ok(Self::GraphqlSocket),
            (Some("wallets"), Some("config"), None, ..) => return Ok(Self::WalletConfig),
            (Some("events"), Some("socket"), None, ..) => return Ok(Self::EventSocket),
            (Some("events"), Some("tickets"), None, ..) => return Ok(Self::EventTicket),
            (Some("payments"), Some("charge"), None, ..) => return Ok(Self::Charge),
            (Some("payments"), Some("refund"), None, ..) => return Ok(Self::Refund),
            (Some("refunds"), Some(id), None, ..) if id::is_refund(id) => return Ok(Self::GetRefund),
            (Some("webhooks"), Some(provider), None, ..) => {
                return Provider::from_name(provider).map(Self::Webhook).ok_or(ErrorCode::NotFound);
            }
            (Some("payments"), Some(id), None, ..) => (Self::GetPayment, id),
            (Some("payments"), Some(id), Some("capture"), None, _) => (Self::Capture, id),
            (Some("payments"), Some(id), Some("cancel"), None, _) => (Self::Cancel, id),
            (Some("payments"), Some(id), Some("events"), None, _) => (Self::ListEvents, id),
            (Some("payments"), Some(id), Some("events"), Some("proof"), None) => (Self::ProveEvents, id),
            _ => return Err(ErrorCode::NotFound),
        };
        if id::is_transaction(id) { Ok(route) } else { Err(ErrorCode::TransactionNotFound) }
    }

    /// The name in the access log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Capture => "capture",
            Self::Cancel => "cancel",
            Self::GetPayment => "get_payment",
            Self::ListPayments => "list_payments",
            Self::ListEvents => "list_events",
            Self::ProveEvents => "prove_events",
            Self::Events => "events",
            Self::EventSocket => "event_socket",
            Self::EventTicket => "event_ticket",
            Self::GetRefund => "get_refund",
            Self::Graphql => "graphql",
            Self::GraphqlSocket => "graphql_socket",
            Self::WalletConfig => "wallet_config",
            Self::OpenApi => "openapi",
            Self::Webhook(Provider::Stripe) => "webhook_stripe",
            Self::Webhook(Provider::Paypal) => "webhook_paypal",
        }
    }

    const fn method(self) -> &'static str {
        match self.body() {
            BodyRule::None => "GET",
            BodyRule::Required | BodyRule::Optional | BodyRule::Signed => "POST",
        }
    }

    #[must_use]
    pub const fn body(self) -> BodyRule {
        match self {
            Self::Charge | Self::Refund | Self::EventTicket | Self::Graphql => BodyRule::Required,
            Self::Capture | Self::Cancel => BodyRule::Optional,
            Self::Webhook(_) => BodyRule::Signed,
            Self::GetPayment
            | Self::ListPayments
            | Self::ListEvents
            | Self::ProveEvents
            | Self::Events
            | Self::EventSocket
            | Self::GetRefund
            | Self::GraphqlSocket
            | Self::WalletConfig
            | Self::OpenApi => BodyRule::None,
        }
    }

    /// Whether the request is complete with its head: what follows belongs to the protocol that it asks for.
    #[must_use]
    pub const fn is_upgrade(self) -> bool {
        matches!(self, Self::EventSocket | Self::GraphqlSocket)
    }

    /// Whether an answer may stay open for days.
    #[must_use]
    pub const fn may_stream(self) -> bool {
        matches!(self, Self::Events | Self::EventSocket | Self::GraphqlSocket)
    }

    /// Whether the route requires an authenticated client.
    #[must_use]
    pub const fn needs_client(self) -> bool {
        !matches!(self, Self::Webhook(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const TXN: &str = "txn_01890000-0000-7000-8000-00000000abcd";
    const RFND: &str = "rfnd_01890000-0000-7000-8000-00000000abcd";

    #[test]
    fn every_operation_has_one_method_and_path() {
        let routes = [
            ("POST", "/payments/charge".to_owned(), Route::Charge),
            ("POST", "/payments/refund".to_owned(), Route::Refund),
            ("POST", format!("/payments/{TXN}/capture"), Route::Capture),
            ("POST", format!("/payments/{TXN}/cancel"), Route::Cancel),
            ("GET", format!("/payments/{TXN}"), Route::GetPayment),
            ("GET", "/payments".to_owned(), Route::ListPayments),
            ("GET", format!("/payments/{TXN}/events"), Route::ListEvents),
            ("GET", format!("/payments/{TXN}/events/proof"), Route::ProveEvents),
            ("GET", "/events".to_owned(), Route::Events),
            ("GET", "/events/socket".to_owned(), Route::EventSocket),
            ("POST", "/events/tickets".to_owned(), Route::EventTicket),
            ("GET", format!("/refunds/{RFND}"), Route::GetRefund),
            ("POST", "/graphql".to_owned(), Route::Graphql),
            ("GET", "/graphql/socket".to_owned(), Route::GraphqlSocket),
            ("GET", "/wallets/config".to_owned(), Route::WalletConfig),
            ("GET", "/openapi.json".to_owned(), Route::OpenApi),
            ("POST", "/webhooks/stripe".to_owned(), Route::Webhook(Provider::Stripe)),
            ("POST", "/webhooks/paypal".to_owned(), Route::Webhook(Provider::Paypal)),
        ];
        for (method, path, route) in routes {
            assert_eq!(Route::find(method, &path), Ok(route), "{path}");
            for other in ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", ""] {
                assert_eq!(
                    Route::find(other, &path),
                    Err(NoRoute::Method { allowed: method }),
                    "{other} {path}"
                );
            }
        }
    }

    #[test]
    fn unknown_paths_are_not_found() {
        let paths = [
            "",
            "/",
            "payments",
            "/ListPayments",
            "/payments/",
            "/payments/charge/",
            "//payments",
            "/payment",
            "/openapi.json/",
            "/healthz",
            "/metrics",
            "/refunds",
            "/refunds/",
            "/refunds/x",
            "/wallets",
            "/wallets/config/",
            "/.well-known/apple-developer-merchantid-domain-association",
            "/webhooks",
            "/webhooks/",
            "/webhooks/adyen",
            "/webhooks/stripe/",
            "/webhooks/Stripe",
        ];
        for path in paths {
            let code = match Route::find("GET", path) {
                Err(NoRoute::Path(code)) => code,
                other => panic!("{path}: {other:?}"),
            };
            assert!(matches!(code, ErrorCode::NotFound | ErrorCode::TransactionNotFound), "{path}");
        }
        assert_eq!(
            Route::find("GET", &format!("/payments/{TXN}/x")),
            Err(NoRoute::Path(ErrorCode::NotFound))
        );
        for path in ["events/x", "events/proof/", "events/proof/x", "proof"] {
            let path = format!("/payments/{TXN}/{path}");
            assert_eq!(Route::find("GET", &path), Err(NoRoute::Path(ErrorCode::NotFound)), "{path}");
        }
        assert_eq!(Route::find("GET", &format!("/refunds/{TXN}")), Err(NoRoute::Path(ErrorCode::NotFound)));
    }

    #[test]
    fn an_id_that_cannot_exist_is_an_unknown_transaction() {
        for id in ["1", "txn_1", "", &TXN.to_uppercase(), &TXN.replace("txn", "rfnd"), &format!("{TXN}0")] {
            let path = format!("/payments/{id}");
            assert_eq!(
                Route::find("GET", &path),
                Err(NoRoute::Path(ErrorCode::TransactionNotFound)),
                "{path}"
            );
        }
    }
}
