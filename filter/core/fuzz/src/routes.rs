//! Paths. The input is a method and a path, with a space between them.

use edge_core::route::{NoRoute, Route};

use crate::fixture::{TRANSACTION, texts};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (method, path) = text.split_once(' ').unwrap_or(("GET", text));
    match Route::find(method, path) {
        Ok(route) => {
            assert!(["GET", "POST"].contains(&method));
            is_canonical(path);
            assert!(!route.name().is_empty());
        }
        Err(NoRoute::Method { allowed }) => {
            assert_ne!(method, allowed);
            is_canonical(path);
            Route::find(allowed, path).expect("the advice is good");
        }
        Err(NoRoute::Path(code)) => assert_eq!(code.status(), 404),
    }
}

/// No parser of URLs makes another path of it.
fn is_canonical(path: &str) {
    let url = url::Url::parse(&format!("http://gateway{path}")).unwrap();
    assert_eq!((url.path(), url.query(), url.fragment()), (path, None, None));
    assert!(!path.contains(['%', '.', ';', '\\']) || path == "/openapi.json", "{path}");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts([
        "POST /payments/charge",
        "POST /payments/refund",
        "GET /payments",
        "GET /payments/",
        "GET //payments",
        "GET /payments/../openapi.json",
        "GET /openapi.json",
        "POST /webhooks/stripe",
        "POST /webhooks/paypal",
        "GET /events",
        "GET /events/socket",
        "POST /events/tickets",
        "POST /graphql",
        "GET /graphql/socket",
        "GET /wallets/config",
        "DELETE /payments/%63harge",
        "GET /refunds/rfnd_01890000-0000-7000-8000-00000000abcd",
    ]);
    for rest in ["", "/capture", "/cancel", "/events", "/events/"] {
        seeds.push(format!("POST /payments/{TRANSACTION}{rest}").into());
    }
    seeds
}
