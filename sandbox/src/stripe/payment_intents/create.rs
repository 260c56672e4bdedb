//! `POST /v1/payment_intents`

use serde_json::Value;

use super::confirm::{Confirmation, confirm};
use crate::{
    ids,
    redact::shown,
    stripe::{
        confirmation_tokens::{spend, usable},
        context::RequestContext,
        currencies::StripeCurrency,
        errors::{Result, StripeError},
        methods::TestMethod,
        params::{Metadata, Params, required},
        payment_intent::{AllowRedirects, CaptureMethod, PaymentIntent, Status, Terms},
        quirks::check_usable,
    },
};

#[derive(Debug)]
pub(crate) struct Request {
    amount: i64,
    currency: StripeCurrency,
    payment_method: Option<String>,
    confirmation_token: Option<String>,
    /// Present if the intent is confirmed at once.
    confirmation: Option<Confirmation>,
    capture_method: CaptureMethod,
    confirmation_method: &'static str,
    payment_method_types: Vec<String>,
    automatic_payment_methods: Option<AllowRedirects>,
    description: Option<String>,
    receipt_email: Option<String>,
    statement_descriptor: Option<String>,
    statement_descriptor_suffix: Option<String>,
    metadata: Metadata,
    expand: Vec<String>,
}

/// Stripe rejects a longer one: "must be at most 1000 characters".
pub(super) const DESCRIPTION_CHARS_MAX: usize = 1000;

const CAPTURE_METHODS: [(&str, CaptureMethod); 3] = [
    ("automatic", CaptureMethod::Automatic),
    ("automatic_async", CaptureMethod::AutomaticAsync),
    ("manual", CaptureMethod::Manual),
];

impl Request {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let currency = read_currency(&mut params)?;
        let amount = read_amount(&mut params, currency)?;
        let payment_method_types = params.texts("payment_method_types")?;
        let automatic_payment_methods = read_automatic(&mut params, !payment_method_types.is_empty())?;
        let confirm = params.flag("confirm")?.unwrap_or(false);
        let confirmation_token = params.text("confirmation_token")?;
        if confirmation_token.is_some() && (!confirm || params.peek("payment_method").is_some()) {
            let message =
                "The parameter `confirmation_token` needs `confirm=true` and excludes `payment_method`.";
            return StripeError::invalid(message).param("confirmation_token").refuse();
        }
        // A confirmation token may have a return URL of its own.
        let automatic = automatic_payment_methods.filter(|_| confirmation_token.is_none());
        let confirmation = read_confirmation(&mut params, confirm, automatic)?;
        let request = Self {
            amount,
            currency,
            payment_method: params.text("payment_method")?,
            confirmation_token,
            confirmation,
            capture_method: params
                .choice("capture_method", &CAPTURE_METHODS)?
                .unwrap_or(CaptureMethod::Automatic),
            confirmation_method: params
                .choice("confirmation_method", &[("automatic", "automatic"), ("manual", "manual")])?
                .unwrap_or("automatic"),
            payment_method_types,
            automatic_payment_methods,
            description: params.text_up_to(DESCRIPTION_CHARS_MAX, "description")?,
            receipt_email: params.text("receipt_email")?,
            statement_descriptor: params.text("statement_descriptor")?,
            statement_descriptor_suffix: params.text("statement_descriptor_suffix")?,
            metadata: params.metadata()?,
            expand: params.texts("expand")?,
        };
        params.unsupported(&[
            "application_fee_amount",
            "mandate",
            "mandate_data",
            "on_behalf_of",
            "payment_method_data",
            "transfer_data",
        ])?;
        params.ignore(&[
            "payment_method_options",
            "radar_options",
            "setup_future_usage",
            "shipping",
            "transfer_group",
            "use_stripe_sdk",
        ]);
        if let Some(customer) = params.text("customer")? {
            return StripeError::no_such("customer", &customer, "customer").refuse();
        }
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let token = self.confirmation_token.as_deref().map(|id| usable(context, id)).transpose()?;
        let confirmation = match (&token, &self.confirmation) {
            (Some(token), Some(confirmation)) => {
                let confirmation = confirmation.by_token(token);
                confirmation.check_return_url(self.automatic_payment_methods)?;
                Some(confirmation)
            }
            (_, confirmation) => confirmation.clone(),
        };
        let payment_method = match &token {
            Some(token) => Some(token.method),
            None => self.payment_method.as_deref().map(find_method).transpose()?,
        };
        if let Some(method) = payment_method {
            check_usable(method, self.currency)?;
        }
        let id = ids::stripe("pi");
        let intent = PaymentIntent {
            client_secret: ids::stripe(&format!("{id}_secret")),
            id: id.clone(),
            amount: self.amount,
            currency: self.currency,
            terms: self.terms(),
            payment_method,
            metadata: self.metadata.clone(),
            created: context.now,
            status: match payment_method {
                Some(_) => Status::RequiresConfirmation,
                None => Status::RequiresPaymentMethod { last_error: None },
            },
            latest_charge: None,
        };
        context.objects.intents.insert(&id, intent);
        context.announce_intent("payment_intent.created", &id);
        if let Some(token) = &self.confirmation_token {
            spend(context, token, &id);
        }
        if let Some(confirmation) = &confirmation {
            confirm(context, &id, confirmation)?;
        }
        context.show_intent(&id, &self.expand)
    }

    fn terms(&self) -> Terms {
        Terms {
            capture_method: self.capture_method,
            confirmation_method: self.confirmation_method,
            payment_method_types: if self.payment_method_types.is_empty() {
                vec!["card".to_owned()]
            } else {
                self.payment_method_types.clone()
            },
            automatic_payment_methods: self.automatic_payment_methods,
            description: self.description.clone(),
            receipt_email: self.receipt_email.clone(),
            statement_descriptor: self.statement_descriptor.clone(),
            statement_descriptor_suffix: self.statement_descriptor_suffix.clone(),
        }
    }
}

pub(crate) fn find_method(id: &str) -> Result<&'static TestMethod> {
    TestMethod::find(id).ok_or_else(|| Box::new(StripeError::no_such("PaymentMethod", id, "payment_method")))
}

fn read_currency(params: &mut Params) -> Result<StripeCurrency> {
    let code = required(params.text("currency")?, "currency")?;
    StripeCurrency::from_code(&code).ok_or_else(|| {
        let message = format!(
            "Invalid currency: {}. Stripe takes the lower-case ISO 4217 code of a currency it supports, e.g. usd.",
            shown(&code)
        );
        Box::new(StripeError::invalid(message).param("currency"))
    })
}

fn read_amount(params: &mut Params, currency: StripeCurrency) -> Result<i64> {
    let amount = required(params.integer("amount")?, "amount")?;
    check_amount(amount, currency, "amount")?;
    if amount < currency.minimum() {
        let message = format!("Amount must be at least {} {}", currency.minimum(), currency.code());
        return StripeError::invalid(message).code("amount_too_small").param("amount").refuse();
    }
    Ok(amount)
}

/// Checks an amount: positive, at most the currency's maximum, and no digits that the currency does not have.
pub(crate) fn check_amount(amount: i64, currency: StripeCurrency, param: &str) -> Result<()> {
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return StripeError::invalid(message).code("parameter_invalid_integer").param(param).refuse();
    }
    let maximum = currency.maximum();
    if amount > maximum {
        let message = format!("Amount must be no more than {maximum} {}", currency.code());
        return StripeError::invalid(message).code("amount_too_large").param(param).refuse();
    }
    if amount % currency.step() != 0 {
        let message = format!("Amounts in {} must be a multiple of {}.", currency.code(), currency.step());
        return StripeError::invalid(message).code("invalid_charge_amount").param(param).refuse();
    }
    Ok(())
}

/// Automatic payment methods are on unless types are named (API versions since 2023-08-16).
fn read_automatic(params: &mut Params, types_named: bool) -> Result<Option<AllowRedirects>> {
    let Some(mut hash) = params.hash("automatic_payment_methods")? else {
        return Ok((!types_named).then_some(AllowRedirects::Always));
    };
    let enabled = required(hash.flag("enabled")?, "automatic_payment_methods[enabled]")?;
    let allow_redirects = hash
        .choice("allow_redirects", &[("always", AllowRedirects::Always), ("never", AllowRedirects::Never)])?
        .unwrap_or(AllowRedirects::Always);
    hash.finish()?;
    if enabled && types_named {
        let message =
            "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
        return StripeError::invalid(message).refuse();
    }
    Ok(enabled.then_some(allow_redirects))
}

fn read_confirmation(
    params: &mut Params,
    confirm: bool,
    automatic_payment_methods: Option<AllowRedirects>,
) -> Result<Option<Confirmation>> {
    let confirmation = Confirmation::read(params)?;
    if confirm {
        confirmation.check_return_url(automatic_payment_methods)?;
        return Ok(Some(confirmation));
    }
    if let Some(param) = confirmation.first_param() {
        let message = format!("The parameter `{param}` can only be used with `confirm=true`.");
        return StripeError::invalid(message).param(param).refuse();
    }
    Ok(None)
}
