//! The encrypted listener.

use std::error::Error;
use std::fs;

use gateway_tests::shared;
use local_stack::Stack;
use reqwest::{Certificate, Client, ClientBuilder, Version, tls};

fn client(stack: &Stack) -> ClientBuilder {
    let certificate = fs::read(stack.setting("TLS_CERTIFICATE").unwrap()).unwrap();
    Client::builder().no_proxy().tls_certs_only([Certificate::from_pem(&certificate).unwrap()])
}

async fn listed(stack: &Stack, client: ClientBuilder) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/payments?limit=1", stack.gateway_tls_url());
    client.build()?.get(url).bearer_auth("demo-key").send().await
}

#[tokio::test]
async fn tls_1_3_serves_http_2_and_http_1_1() {
    let stack = shared().await.stack();
    for (only, version) in [(client(stack), Version::HTTP_2), (client(stack).http1_only(), Version::HTTP_11)]
    {
        let only = only.tls_version_min(tls::Version::TLS_1_3);
        let response = listed(stack, only).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, version));
    }
}

#[tokio::test]
async fn tls_1_2_is_refused() {
    let stack = shared().await.stack();
    let error = listed(stack, client(stack).tls_version_max(tls::Version::TLS_1_2)).await.unwrap_err();
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    // The alert of RFC 8446, section 6.2.
    assert!(causes.iter().any(|cause| cause.contains("ProtocolVersion")), "{causes:?}");
}
