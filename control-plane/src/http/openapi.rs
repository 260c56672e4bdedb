//! The API's description, generated from the handlers.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};

/// The whole document, as `GET /openapi.json` gives it.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    super::api().into_openapi()
}

pub(super) fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

pub(super) async fn serve() -> impl IntoResponse {
    static JSON: LazyLock<String> = LazyLock::new(|| document().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Payment gateway",
        description = "One API over Stripe and PayPal. Amounts are integers in the currency's minor unit.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&ClientKey),
    security(("clientKey" = [])),
)]
struct Base;

struct ClientKey;

impl Modify for ClientKey {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        openapi.components.get_or_insert_default().add_security_scheme("clientKey", scheme);
    }
}
