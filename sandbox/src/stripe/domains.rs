//! Payment method domains: where a merchant shows wallets (docs.stripe.com/api/payment_method_domains). Instead of
//! looking at the domain, the sandbox goes by its name: one that ends in `.invalid` (RFC 2606) cannot be validated.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::RequestContext,
    errors::{Result, StripeError},
    lists::{Page, list_view},
    params::{Params, required},
};
use crate::ids;

/// The longest name that DNS has.
const NAME_MAX: usize = 253;

#[derive(Debug, Clone)]
pub(crate) struct Domain {
    id: String,
    name: String,
    enabled: bool,
    created: Timestamp,
}

#[derive(Debug)]
pub(crate) struct Create {
    name: String,
    enabled: bool,
}

impl Create {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let name = required(params.text_up_to(NAME_MAX, "domain_name")?, "domain_name")?;
        let is_name = name.contains('.')
            && name.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            });
        if !is_name {
            let message = "The domain name must be a domain, without a scheme, a port or a path.";
            return StripeError::invalid(message).param("domain_name").refuse();
        }
        let request = Self { name, enabled: params.flag("enabled")?.unwrap_or(true) };
        params.ignore(&["expand"]);
        params.finish()?;
        Ok(request)
    }

    /// A domain that is registered already is answered as it is.
    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Value {
        if let Some(known) = context.objects.domains.iter().find(|domain| domain.name == self.name) {
            return known.view();
        }
        let domain = Domain {
            id: ids::stripe("pmd"),
            name: self.name.clone(),
            enabled: self.enabled,
            created: context.now,
        };
        let view = domain.view();
        context.objects.domains.push(domain);
        view
    }
}

/// `POST /v1/payment_method_domains/{id}`
#[derive(Debug)]
pub(crate) struct Update {
    id: String,
    enabled: Option<bool>,
}

impl Update {
    pub(crate) fn read(id: &str, mut params: Params) -> Result<Self> {
        let request = Self { id: id.to_owned(), enabled: params.flag("enabled")? };
        params.ignore(&["expand"]);
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let found = context.objects.domains.iter_mut().find(|domain| domain.id == self.id);
        if let (Some(domain), Some(enabled)) = (found, self.enabled) {
            domain.enabled = enabled;
        }
        show(context, &self.id)
    }
}

/// `GET /v1/payment_method_domains`
#[derive(Debug)]
pub(crate) struct List {
    name: Option<String>,
    enabled: Option<bool>,
    page: Page,
}

impl List {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let request = Self {
            name: params.text_up_to(NAME_MAX, "domain_name")?,
            enabled: params.flag("enabled")?,
            page: Page::read(&mut params)?,
        };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &RequestContext<'_>) -> Result<Value> {
        let is_asked_for = |domain: &&Domain| {
            self.name.as_ref().is_none_or(|name| *name == domain.name)
                && self.enabled.is_none_or(|enabled| enabled == domain.enabled)
        };
        let domains: Vec<&Domain> = context.objects.domains.iter().filter(is_asked_for).collect();
        let place = |id: &str| domains.iter().position(|domain| domain.id == id);
        let (found, has_more) =
            self.page.select(&domains, place, |domain| domain.created, "payment_method_domain")?;
        let mut views: Vec<Value> = found.into_iter().copied().map(Domain::view).collect();
        self.page.expand(context, &mut views)?;
        Ok(list_view("/v1/payment_method_domains", &views, has_more))
    }
}

/// `GET /v1/payment_method_domains/{id}` and `POST …/validate`, which shows the domain as it is then.
pub(crate) fn show(context: &RequestContext<'_>, id: &str) -> Result<Value> {
    let found = context.objects.domains.iter().find(|domain| domain.id == id);
    found.map(Domain::view).ok_or_else(|| {
        Box::new(StripeError::no_such("payment_method_domain", id, "payment_method_domain").not_found())
    })
}

impl Domain {
    fn view(&self) -> Value {
        let problem = "The domain association file was not found at \
                       /.well-known/apple-developer-merchantid-domain-association.";
        let apple = if self.name.ends_with(".invalid") {
            json!({ "status": "inactive", "status_details": { "error_message": problem } })
        } else {
            json!({ "status": "active" })
        };
        let active = json!({ "status": "active" });
        json!({
            "id": self.id,
            "object": "payment_method_domain",
            "amazon_pay": active,
            "apple_pay": apple,
            "created": self.created.as_second(),
            "domain_name": self.name,
            "enabled": self.enabled,
            "google_pay": active,
            "klarna": active,
            "link": active,
            "livemode": false,
            "paypal": active,
        })
    }
}
