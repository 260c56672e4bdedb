//! A charge's terms as stored. Rows outlive releases, so fields that another release added are ignored and missing
//! fields get their defaults.

use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata, PaymentMethodId, Verification, Wallet};
use payments::model::payment::ChargeTerms;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredRequest {
    provider: Provider,
    amount: Amount,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment_method_id: Option<PaymentMethodId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wallet: Option<Wallet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
    #[serde(default)]
    capture: CaptureMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    return_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer_reference: Option<String>,
}

impl From<&ChargeTerms> for StoredRequest {
    fn from(request: &ChargeTerms) -> Self {
        // Field by field, so that a new field is not forgotten.
        let ChargeTerms {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
        } = request.clone();
        Self {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
        }
    }
}

impl From<StoredRequest> for ChargeTerms {
    fn from(stored: StoredRequest) -> Self {
        let StoredRequest {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
        } = stored;
        Self {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_core::request::ChargeRequest;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    /// Earlier releases stored the request in the API's format.
    fn terms(request: ChargeRequest) -> ChargeTerms {
        let ChargeRequest { provider, amount, currency, payment_method_id, wallet, verification, .. } =
            request;
        let ChargeRequest { capture, description, metadata, return_url, customer_reference, .. } = request;
        ChargeTerms {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
        }
    }

    fn read(stored: &str) -> ChargeTerms {
        serde_json::from_str::<StoredRequest>(stored).unwrap().into()
    }

    /// Requests with any combination of optional fields.
    fn requests() -> impl Strategy<Value = ChargeTerms> {
        let text = "[a-zA-Zé\"\\\\ ]{1,40}";
        let optional = (
            proptest::option::of("pm_[a-z]{1,20}"),
            proptest::option::of(text),
            proptest::option::of(text),
            proptest::option::of(Just("https://shop.example/back")),
            proptest::option::of(prop_oneof![Just("manual"), Just("automatic")]),
            proptest::collection::btree_map("[a-z]{1,10}", text, 0..4),
        );
        (1..=99_999_999_u32, optional).prop_map(
            |(amount, (method, about, whose, back, capture, metadata))| {
                let mut body = json!({
                    "provider": "stripe", "amount": amount, "currency": "USD", "metadata": metadata,
                    "paymentMethodId": method.unwrap_or_else(|| "pm_card_visa".to_owned()),
                });
                let given = [
                    ("description", about),
                    ("customerReference", whose),
                    ("returnUrl", back.map(str::to_owned)),
                    ("capture", capture.map(str::to_owned)),
                ];
                for (name, value) in given {
                    if let Some(value) = value {
                        body[name] = value.into();
                    }
                }
                terms(ChargeRequest::parse(body.to_string().as_bytes()).unwrap())
            },
        )
    }

    /// Fields that a later release may have added.
    fn unknown() -> impl Strategy<Value = Map<String, Value>> {
        let value =
            prop_oneof![Just(json!(null)), Just(json!({"a": [1]})), any::<i32>().prop_map(Value::from)];
        proptest::collection::btree_map("later[A-Z][a-z]{1,8}", value, 0..4)
            .prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back_whatever_a_later_release_added(request in requests(), added in unknown()) {
            let mut stored = serde_json::to_value(StoredRequest::from(&request)).unwrap();
            stored.as_object_mut().unwrap().extend(added);
            prop_assert_eq!(read(&stored.to_string()), request);
        }

        #[test]
        fn the_release_before_reads_what_is_stored(request in requests()) {
            let stored = serde_json::to_string(&StoredRequest::from(&request)).unwrap();
            prop_assert_eq!(terms(serde_json::from_str(&stored).unwrap()), request);
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let request = read(r#"{"provider":"paypal","amount":100,"currency":"EUR"}"#);
        assert_eq!(request.capture, CaptureMode::Automatic);
        assert!(request.metadata.is_empty() && request.payment_method_id.is_none());
    }
}
