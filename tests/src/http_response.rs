//! A response that is read in full and checked against the API description.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::contract;

/// A complete HTTP response.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl HttpResponse {
    /// The complete response to a request, checked against the API description.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap_or_else(|error| panic!("no whole answer: {error:?}"))
    }

    /// The same, for a server that may not respond.
    pub async fn try_of(request: reqwest::RequestBuilder) -> reqwest::Result<Self> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await?;
        let answer = Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        };
        contract::check(method.as_str(), &path, &answer);
        Ok(answer)
    }

    /// The value of a header that is present exactly once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        value.filter(|_| values.next().is_none())
    }

    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|_| panic!("{} is not answered in JSON: {}", self.status, self.text()))
    }

    /// A string in the body, by its JSON pointer (RFC 6901).
    #[must_use]
    pub fn at(&self, pointer: &str) -> String {
        let json = self.json();
        let text = json.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        text.unwrap_or_else(|| panic!("no text at {pointer} in {} {json}", self.status))
    }

    /// Asserts that the response is this success, and that its body has at least `fields`.
    #[track_caller]
    pub fn succeeds(&self, status: u16, fields: &Value) -> &Self {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(json["success"], true, "{json}");
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{:?}", self.headers);
        for (name, value) in fields.as_object().expect("fields are an object") {
            assert_eq!(&json[name], value, "{name} in {json}");
        }
        self
    }

    /// Asserts that the response is this error in the common format. Returns the object under `error`.
    #[track_caller]
    pub fn refuses(&self, status: u16, code: &str) -> Value {
        let json = self.json();
        assert_eq!(self.status, status, "{json}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{json}");
        assert_eq!(json["success"], false, "{json}");
        let error = &json["error"];
        assert_eq!(error["code"], code, "{json}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        let request_id = self.header("x-request-id");
        assert!(request_id.is_some_and(|id| !id.is_empty()), "{:?}", self.headers);
        assert_eq!(error["requestId"].as_str(), request_id, "{json}");
        error.clone()
    }

    #[must_use]
    pub fn transaction_id(&self) -> String {
        let json = self.json();
        let id = json.get("transactionId").or_else(|| json.pointer("/error/transactionId"));
        id.and_then(Value::as_str).unwrap_or_else(|| panic!("no transactionId in {json}")).to_owned()
    }
}
