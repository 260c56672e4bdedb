//! Ends of operations in the library's messages. async-graphql reports a failed operation as `next` followed by
//! `complete`; `graphql-transport-ws` has one message, `error`, for both.

use serde::Deserialize;
use serde_json::{Value, json};

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Completed { id: String },
    Failed { id: String, errors: Vec<Value> },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Text {
    Complete { id: String },
    Next { id: String, payload: Payload },
}

#[derive(Deserialize)]
struct Payload {
    data: Value,
    #[serde(default)]
    errors: Vec<Value>,
}

impl Ending {
    /// Reads a message of the library. `None`: it ends nothing.
    pub(super) fn of(text: &str) -> Option<Self> {
        // Events come much more often, so they are not read again.
        let may_end =
            text.starts_with(r#"{"type":"complete","#) || text.contains(r#""payload":{"data":null"#);
        let text: Text = may_end.then(|| serde_json::from_str(text).ok())??;
        match text {
            Text::Complete { id } => Some(Self::Completed { id }),
            Text::Next { id, payload } => {
                payload.is_failure().then_some(Self::Failed { id, errors: payload.errors })
            }
        }
    }
}

impl Payload {
    /// Whether the request or its root field failed, after which nothing more comes. An error further down is of one
    /// event, and others follow.
    fn is_failure(&self) -> bool {
        let is_final =
            |error: &Value| error.get("path").and_then(Value::as_array).is_none_or(|path| path.len() <= 1);
        self.data.is_null() && !self.errors.is_empty() && self.errors.iter().all(is_final)
    }
}

/// The message that a failed operation ends with.
pub(super) fn error(id: &str, errors: &[Value]) -> String {
    json!({ "type": "error", "id": id, "payload": errors }).to_string()
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, Response, ServerError};

    use super::*;

    /// As the library writes it.
    fn next(path: &[&str]) -> String {
        let mut error = ServerError::new("refused", None);
        error.path = path.iter().map(|name| PathSegment::Field((*name).to_owned())).collect();
        let response = serde_json::to_string(&Response::from_errors(vec![error])).unwrap();
        format!(r#"{{"type":"next","id":"1","payload":{response}}}"#)
    }

    #[test]
    fn an_error_of_the_request_or_its_root_field_ends_the_operation() {
        for path in [vec![], vec!["paymentEvents"]] {
            let Some(Ending::Failed { id, errors }) = Ending::of(&next(&path)) else { panic!("{path:?}") };
            assert_eq!((id.as_str(), &errors[0]["message"]), ("1", &json!("refused")));
            let told: Value = serde_json::from_str(&error(&id, &errors)).unwrap();
            assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!("1")));
            assert_eq!(told["payload"], json!(errors));
        }
    }

    #[test]
    fn an_event_ends_nothing_even_if_a_part_of_it_failed() {
        let quoted = r#"{"type":"next","id":"1","payload":{"data":{"a":"\"payload\":{\"data\":null"}}}"#;
        let nested = r#"{"type":"next","id":"1","payload":{"data":{"payload":{"data":null}}}}"#;
        let empty = r#"{"type":"next","id":"1","payload":{"data":null}}"#;
        for text in [next(&["paymentEvents", "payment"]).as_str(), quoted, nested, empty] {
            assert_eq!(Ending::of(text), None, "{text}");
        }
        let completed = Ending::of(r#"{"type":"complete","id":"\u0031"}"#);
        assert_eq!(completed, Some(Ending::Completed { id: "1".to_owned() }));
    }
}
