//! What the settings of `/graphql` allow: questions for the schema, and documents that are not registered.

use control_plane::http::{Documents, Graphql};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Api;

const SCHEMA: &str = "{ __schema { queryType { name } } }";
const VIEWER: &str = "query Viewer { viewer { client } }";

async fn asked(api: &Api, body: &Value) -> Value {
    api.demo("POST", "/graphql", &body.to_string()).await.1
}

/// Code and field at fault of the only error of a request of which nothing was executed.
fn refused(answer: &Value) -> (&str, &str) {
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
    assert!(answer["data"].is_null(), "{answer}");
    let extensions = &answer["errors"][0]["extensions"];
    (extensions["code"].as_str().unwrap_or_default(), extensions["param"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn the_schema_is_refused_unless_the_gateway_tells_it() {
    let silent = Api::with_graphql(Graphql::new(false, Documents::default())).await;
    for query in [
        SCHEMA,
        "{ a: __type(name: \"Query\") { name } }",
        "{ ...f } fragment f on Query { __schema { queryType { name } } }",
    ] {
        let answer = asked(&silent, &json!({ "query": query })).await;
        assert_eq!(refused(&answer), ("INVALID_REQUEST", "query"), "{query}");
    }
    let answer = asked(&silent, &json!({ "query": VIEWER })).await;
    assert_eq!(answer["data"], json!({ "viewer": { "client": "demo" } }), "{answer}");
    let telling = Api::with_graphql(Graphql::new(true, Documents::default())).await;
    let answer = asked(&telling, &json!({ "query": SCHEMA })).await;
    assert_eq!(answer["data"], json!({ "__schema": { "queryType": { "name": "Query" } } }), "{answer}");
}

#[tokio::test]
async fn where_documents_are_registered_no_other_is_executed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("viewer.graphql"), VIEWER).unwrap();
    let api = Api::with_graphql(Graphql::new(false, Documents::load(folder.path()).unwrap())).await;
    let id = hex::encode(Sha256::digest(VIEWER));
    for body in [json!({ "documentId": id }), json!({ "query": VIEWER })] {
        let answer = asked(&api, &body).await;
        assert_eq!(answer["data"], json!({ "viewer": { "client": "demo" } }), "{answer}");
    }
    for (body, param) in [
        (json!({ "query": "{ viewer { client } }" }), "query"),
        (json!({ "documentId": "0f".repeat(32) }), "documentId"),
    ] {
        assert_eq!(refused(&asked(&api, &body).await), ("INVALID_REQUEST", param), "{body}");
    }
}
