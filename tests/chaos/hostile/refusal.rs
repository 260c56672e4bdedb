//! How a request must be refused.

use edge_core::error::ErrorCode;
use gateway_tests::HttpResponse;
use serde_json::Value;

pub(super) struct Refusal {
    /// 200: in the `errors` of GraphQL, without data. Any other: in the common format.
    pub(super) status: u16,
    /// One of these.
    pub(super) codes: &'static [ErrorCode],
    /// The field or header that is named. `None`: any, or none.
    pub(super) param: Option<String>,
}

impl Refusal {
    /// Whether the answer is this refusal, or that of a limit, which may come first. Behind the edge, an overload may
    /// come first, too; that nothing was executed then is judged by the list of payments.
    pub(super) fn is_told_by(&self, answer: &HttpResponse) -> bool {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let error = if self.status == 200 { &json["errors"][0]["extensions"] } else { &json["error"] };
        let is_its_code = self.codes.iter().any(|code| error["code"] == code.name());
        let is_its_param = self.param.as_deref().is_none_or(|param| error["param"] == param);
        let is_it = answer.status == self.status && is_its_code && is_its_param && json["data"].is_null();
        is_it || answer.status == 429 || (self.status == 200 && answer.status == 503)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_told(refusal: &Refusal, status: u16, body: &Value) -> bool {
        let headers = http::HeaderMap::new();
        refusal.is_told_by(&HttpResponse { status, headers, body: body.to_string().into() })
    }

    fn error(code: &str, param: &str) -> Value {
        json!({ "success": false, "error": { "code": code, "param": param } })
    }

    fn errors(code: &str, param: &str) -> Value {
        json!({ "errors": [{ "message": "no", "extensions": { "code": code, "param": param } }] })
    }

    #[test]
    fn a_payload_is_refused_by_its_code_or_by_a_limit_and_by_nothing_else() {
        let refusal = Refusal { status: 400, codes: &[ErrorCode::WalletPayloadNotAccepted], param: None };
        let is_told = |status, code| is_told(&refusal, status, &error(code, "metadata.token"));
        assert!(is_told(400, "WALLET_PAYLOAD_NOT_ACCEPTED") && is_told(429, "RATE_LIMITED"));
        for (status, code) in
            [(400, "INVALID_REQUEST"), (200, ""), (402, "PAYMENT_FAILED"), (503, "GATEWAY_UNAVAILABLE")]
        {
            assert!(!is_told(status, code), "{status} {code}");
        }
    }

    #[test]
    fn a_mutation_is_refused_in_its_errors_without_data_and_by_nothing_else() {
        let param = Some("amount".to_owned());
        let refusal = Refusal { status: 200, codes: &[ErrorCode::InvalidRequest], param };
        assert!(is_told(&refusal, 200, &errors("INVALID_REQUEST", "amount")));
        assert!(is_told(&refusal, 429, &error("RATE_LIMITED", "")));
        assert!(is_told(&refusal, 503, &error("GATEWAY_UNAVAILABLE", "")));
        let declined = json!({ "chargePayment": { "userErrors": [{ "code": "PAYMENT_FAILED" }] } });
        let mut beside_data = errors("INVALID_REQUEST", "amount");
        beside_data["data"] = declined.clone();
        for (status, body) in [
            (200, json!({ "data": declined })),
            (200, beside_data),
            (200, errors("INVALID_REQUEST", "currency")),
            (200, errors("PAYMENT_FAILED", "amount")),
            (200, error("INVALID_REQUEST", "amount")),
            (400, error("INVALID_REQUEST", "amount")),
            (502, error("GATEWAY_UNAVAILABLE", "amount")),
        ] {
            assert!(!is_told(&refusal, status, &body), "{status} {body}");
        }
    }

    #[test]
    fn what_the_edge_must_refuse_is_not_refused_behind_it() {
        let refusal = Refusal { status: 400, codes: &[ErrorCode::InvalidRequest], param: None };
        assert!(is_told(&refusal, 400, &error("INVALID_REQUEST", "query")));
        assert!(!is_told(&refusal, 200, &errors("INVALID_REQUEST", "query")));
    }
}
