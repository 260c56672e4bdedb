//! `GET /wallets/config`: what a client's page needs to show wallets.

use axum::Json;
use axum::extract::{RawQuery, State};
use edge_core::error::ErrorCode;
use edge_core::provider::Provider;
use edge_core::request::{Wallet, WalletConfigQuery};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::view::Success;

/// Nothing here is secret: it is for your page's scripts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WalletConfig {
    success: Success,
    domain: String,
    /// Those that this gateway can pay by.
    providers: Vec<WalletProvider>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WalletProvider {
    provider: Provider,
    /// For `Stripe(…)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    publishable_key: Option<String>,
    /// For PayPal's `createInstance({ clientId })`.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    wallets: [Wallet; 2],
}

const WALLETS: [Wallet; 2] = [Wallet::ApplePay, Wallet::GooglePay];

/// Get what a page needs for wallets.
///
/// The providers' public identifiers, with which a page shows Apple Pay and Google Pay. For
/// domains that the operator has listed for you. Your server may keep it for ten minutes.
#[utoipa::path(
    get, path = "/wallets/config", operation_id = "getWalletConfig", tag = "payments",
    params(
        ("domain" = String, Query, max_length = 253,
         pattern = "^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.])+(?![0-9]+[.]?$)(?!0[Xx])[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?[.]?$",
         description = "The domain of the page, without a port"),
    ),
    responses(
        (status = 200, description = "The identifiers", body = WalletConfig),
    ),
)]
pub(super) async fn config(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    attested: Attested,
) -> Result<Json<WalletConfig>, ApiError> {
    let WalletConfigQuery { domain } = WalletConfigQuery::parse(query.as_deref().unwrap_or_default())?;
    if !app.wallets.is_of(&attested.cause.client, &domain) {
        let message = "this domain is not one of yours; the operator lists them in WALLET_DOMAINS";
        return Err(ApiError::new(ErrorCode::DomainNotAllowed, message).param(Some("domain".to_owned())));
    }
    let configured = |provider| app.gateway.providers.contains_key(&provider);
    let stripe = app.wallets.stripe_publishable_key.clone().filter(|_| configured(Provider::Stripe));
    let stripe = stripe.map(|key| WalletProvider {
        provider: Provider::Stripe,
        publishable_key: Some(key),
        client_id: None,
        wallets: WALLETS,
    });
    let paypal = app.wallets.paypal_client_id.clone().filter(|_| configured(Provider::Paypal));
    let paypal = paypal.map(|id| WalletProvider {
        provider: Provider::Paypal,
        publishable_key: None,
        client_id: Some(id),
        wallets: WALLETS,
    });
    Ok(Json(WalletConfig { success: Success, domain, providers: stripe.into_iter().chain(paypal).collect() }))
}
