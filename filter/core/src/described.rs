//! The schemas of what requests contain, from the limits that their parsers enforce. What no type stands for, a string
//! of a certain form, has a type of that name here.

use utoipa::openapi::schema::KnownFormat;
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::idempotency::Key;
use crate::money::Amount;
use crate::provider::Provider;
use crate::request::{
    ChargeRequest, EventsQuery, ExpiresIn, ListQuery, PaymentMethodId, RETURN_URL_CHARS_MAX, TicketRequest,
};

/// Describes a type.
macro_rules! described {
    ($type:ty, $schema:expr, $description:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                RefOr::T($schema.description(Some($description)).into())
            }
        }

        impl ToSchema for $type {}
    };
}

/// A payment's id, as [`crate::id::is_transaction`] judges it.
#[derive(Debug)]
pub struct PaymentId;
described!(PaymentId, id("txn_"), "A payment, as clients know it (`transactionId`)");

/// A refund's id, as [`crate::id::is_refund`] judges it.
#[derive(Debug)]
pub struct RefundId;
described!(RefundId, id("rfnd_"), "A refund, as clients know it (`refundId`)");

described!(
    Amount,
    whole_number(Amount::MAX),
    "An amount in the currency's minor unit: cents for USD, yen for JPY. Written without fraction or exponent"
);

described!(
    PaymentMethodId,
    text(format!("^(?:{}|{})$", payment_method(Provider::Stripe), payment_method(Provider::Paypal))),
    "A provider's token for a way to pay, never a card number"
);

/// `description` and `customerReference` of a charge.
#[derive(Debug)]
pub struct ShortText;
described!(
    ShortText,
    text(r"^[^\u0000-\u001f\u007f-\u009f]*$")
        .min_length(Some(1))
        .max_length(Some(ChargeRequest::SHORT_TEXT_CHARS_MAX)),
    "A text without control characters"
);

/// [`crate::request::is_return_url`] as a pattern.
#[derive(Debug)]
pub struct ReturnUrl;
described!(
    ReturnUrl,
    text(
        r"^(?:https://(?:(?=[A-Za-z0-9._-]{1,254}(?:[:/?#]|$))(?:[A-Za-z0-9_-]{1,63}[.])*(?![0-9]+[.]?(?:[:/?#]|$))(?!0[xX])[A-Za-z0-9_-]{1,63}[.]?|(?:[0-9]{1,3}[.]){3}[0-9]{1,3}|\[[0-9A-Fa-f:.]+\])|http://(?:localhost|127(?:[.][0-9]{1,3}){3}|\[::1\]))(?::[1-9][0-9]{0,4})?(?:[/?#][!-\[\]-~]*)?$"
    )
    .max_length(Some(RETURN_URL_CHARS_MAX)),
    "https, or http to the payer's own machine; no user's name in it"
);

described!(ExpiresIn, whole_number(ExpiresIn::MAX.into()), "Seconds");

/// `expiresIn` of a ticket.
#[derive(Debug)]
pub struct TicketSeconds;
described!(
    TicketSeconds,
    whole_number(TicketRequest::EXPIRES_IN_MAX.into())
        .default(Some(TicketRequest::EXPIRES_IN_DEFAULT.into())),
    "Seconds"
);

/// `limit` of `GET /payments`.
#[derive(Debug)]
pub struct PaymentsLimit;
described!(
    PaymentsLimit,
    whole_number(ListQuery::LIMIT_MAX.into()).default(Some(ListQuery::LIMIT_DEFAULT.into())),
    "How many payments a page has at most"
);

/// `limit` of `GET /events`.
#[derive(Debug)]
pub struct EventsLimit;
described!(
    EventsLimit,
    whole_number(EventsQuery::LIMIT_MAX.into()).default(Some(EventsQuery::LIMIT_DEFAULT.into())),
    "How many events a page has at most; a stream has no limit"
);

/// `types` of `GET /events`.
#[derive(Debug)]
pub struct EventTypes;
described!(
    EventTypes,
    {
        let (word, more) = (EventsQuery::TYPE_CHARS_MAX, EventsQuery::TYPES_MAX - 1);
        let one = format!("(?:payment|refund)[.][a-z_]{{1,{word}}}");
        text(format!("^{one}(?:,{one}){{0,{more}}}$"))
    },
    "Types of events, separated by commas"
);

/// The header `Idempotency-Key`: bare, or in double quotes with each character possibly escaped.
#[must_use]
pub fn idempotency_key() -> Object {
    let max = Key::CHARS_MAX;
    text(format!(r#"^(?:[A-Za-z0-9_.:-]{{1,{max}}}|"(?:[ !#-\[\]-~]|\\["\\]){{1,{max}}}")$"#))
        .min_length(Some(1))
        .max_length(Some(2 * max + 2))
        .build()
}

/// The form of a provider's payment methods, as a pattern without anchors.
#[must_use]
pub fn payment_method(provider: Provider) -> String {
    match provider {
        Provider::Stripe => {
            format!("(?:pm|ctoken|tok)_[A-Za-z0-9_]{{1,{}}}", PaymentMethodId::STRIPE_CHARS_MAX)
        }
        Provider::Paypal => format!("(?:card:)?[A-Za-z0-9_-]{{1,{}}}", PaymentMethodId::PAYPAL_CHARS_MAX),
    }
}

/// A prefix and a UUID in lower case.
#[must_use]
pub fn id(prefix: &str) -> ObjectBuilder {
    text(format!("^{prefix}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$"))
}

fn text(pattern: impl Into<String>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern))
}

/// From 1 to `max`.
fn whole_number(max: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(1))
        .maximum(Some(max))
}
