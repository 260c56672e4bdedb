//! The body of `POST /graphql`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::InvalidRequest;
use super::object::{Body, Field};
use super::unique::repeated_name;

/// The body of `POST /graphql` (GraphQL over HTTP, section 5). The document itself is read by the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphqlRequest {
    pub document: GraphqlDocument,
    /// Which of the document's operations to execute.
    pub operation_name: Option<String>,
    /// A JSON object; `{}` when left out.
    pub variables: String,
}

/// What to execute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphqlDocument {
    /// The text of a document.
    Text(String),
    /// The SHA-256 of a document that the gateway's operator has registered, in lower-case hex.
    Id(String),
}

impl GraphqlRequest {
    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right. A list of requests (batching) is refused.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut body = Body::read(body, &[&QUERY, &DOCUMENT_ID, &OPERATION_NAME, &VARIABLES, &EXTENSIONS])?;
        let query = body.text(&QUERY, |text| Some(text.to_owned()))?;
        let id = body.text(&DOCUMENT_ID, |id| is_document_id(id).then(|| id.to_owned()))?;
        let document = match (query, id) {
            (Some(text), None) => GraphqlDocument::Text(text),
            (None, Some(id)) => GraphqlDocument::Id(id),
            (None, None) => {
                return Err(InvalidRequest::named(QUERY.name, "is missing; it must be a GraphQL document"));
            }
            (Some(_), Some(_)) => {
                return Err(InvalidRequest::named(DOCUMENT_ID.name, "cannot be given beside `query`"));
            }
        };
        // Clients may send `null` for what they do not use (GraphQL over HTTP, section 5.2).
        let operation_name = body.json::<Option<String>>(&OPERATION_NAME)?.flatten();
        let variables = object(&mut body, &VARIABLES)?;
        // Nothing in it is used.
        object(&mut body, &EXTENSIONS)?;
        Ok(Self { document, operation_name, variables: variables.unwrap_or_else(|| "{}".to_owned()) })
    }
}

const QUERY: Field = Field { name: "query", rule: "must be a text, a GraphQL document" };
const DOCUMENT_ID: Field = Field {
    name: "documentId",
    rule: "must be the SHA-256 of a registered document, 64 hex digits in lower case",
};
const OPERATION_NAME: Field = Field { name: "operationName", rule: "must be a text" };
const VARIABLES: Field = Field { name: "variables", rule: "must be an object" };
const EXTENSIONS: Field = Field { name: "extensions", rule: "must be an object" };

fn is_document_id(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn object(body: &mut Body<'_>, field: &Field) -> Result<Option<String>, InvalidRequest> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Option<&'a RawValue>);
    let Some(raw) = body.raw(field) else { return Ok(None) };
    let Text(raw) = serde_json::from_str(raw.get()).map_err(|_| field.refused())?;
    match raw.map(|raw| raw.get().trim()) {
        None => Ok(None),
        Some(text) if text.starts_with('{') => given_once(text, field).map(|()| Some(text.to_owned())),
        Some(_) => Err(field.refused()),
    }
}

/// Every name once in each object: what reads the text later takes the last value of a name.
fn given_once(text: &str, field: &Field) -> Result<(), InvalidRequest> {
    match repeated_name(text) {
        Ok(None) => Ok(()),
        Ok(Some(name)) => Err(InvalidRequest::named(&name, "is given twice; give each field once")),
        // serde_json's messages are fixed texts with a position: nothing of the body is in them.
        Err(error) => Err(InvalidRequest::named(field.name, &format!("cannot be read: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn param(body: &str) -> Option<String> {
        GraphqlRequest::parse(body.as_bytes()).unwrap_err().param
    }

    #[test]
    fn every_field_is_read() {
        let body =
            r#"{"query":"{ viewer { client } }","operationName":"A","variables":{"a":[1]},"extensions":{}}"#;
        let read = GraphqlRequest {
            document: GraphqlDocument::Text("{ viewer { client } }".to_owned()),
            operation_name: Some("A".to_owned()),
            variables: r#"{"a":[1]}"#.to_owned(),
        };
        assert_eq!(GraphqlRequest::parse(body.as_bytes()), Ok(read));
        let id = "0f".repeat(32);
        let body =
            format!(r#"{{"documentId":"{id}","operationName":null,"variables":null,"extensions":null}}"#);
        let read = GraphqlRequest {
            document: GraphqlDocument::Id(id),
            operation_name: None,
            variables: "{}".to_owned(),
        };
        assert_eq!(GraphqlRequest::parse(body.as_bytes()), Ok(read));
    }

    #[test]
    fn a_wrong_field_is_refused_by_its_name() {
        for (body, name) in [
            ("{}", "query"),
            (r#"{"query":1}"#, "query"),
            (r#"{"query":null}"#, "query"),
            (r#"{"query":"a","query":"b"}"#, "query"),
            (r#"{"documentId":"x"}"#, "documentId"),
            (&format!(r#"{{"query":"a","documentId":"{}"}}"#, "0f".repeat(32)), "documentId"),
            (r#"{"query":"a","operationName":1}"#, "operationName"),
            (r#"{"query":"a","variables":[]}"#, "variables"),
            (r#"{"query":"a","variables":"{}"}"#, "variables"),
            (r#"{"query":"a","extensions":"x"}"#, "extensions"),
            (r#"{"query":"a","more":1}"#, "more"),
        ] {
            assert_eq!(param(body).as_deref(), Some(name), "{body}");
        }
    }

    #[test]
    fn a_member_given_twice_in_the_variables_is_refused_by_its_name() {
        for (variables, name) in [
            (r#"{"i":{"amount":100,"currency":"EUR","amount":999999}}"#, "amount"),
            (r#"{"i":{"amount":100,"am\u006funt":999999}}"#, "amount"),
            (r#"{"i":{},"i":{}}"#, "i"),
            (r#"{"i":{"metadata":[{"key":"a","key":"b","value":"1"}]}}"#, "key"),
        ] {
            let body = format!(r#"{{"query":"a","variables":{variables}}}"#);
            let refused = GraphqlRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some(name), "{body}");
            assert!(refused.message.contains("is given twice"), "{}", refused.message);
        }
    }

    #[test]
    fn variables_that_cannot_be_read_are_told_with_their_own_fault() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for (variables, fault) in [
            (r#"{"a":"\ud800"}"#, "hex escape"),
            (r#"{"a":1e999}"#, "number out of range"),
            (deep.as_str(), "recursion limit"),
        ] {
            let body = format!(r#"{{"query":"a","variables":{variables}}}"#);
            let refused = GraphqlRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(refused.param.as_deref(), Some("variables"), "{body}");
            assert!(refused.message.contains(fault), "{}", refused.message);
        }
    }

    #[test]
    fn a_list_of_requests_is_refused() {
        let refused = GraphqlRequest::parse(br#"[{"query":"{ __typename }"}]"#).unwrap_err();
        assert_eq!(refused.message, "the body must be one JSON object");
    }
}
