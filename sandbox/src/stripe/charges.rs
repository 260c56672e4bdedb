//! `/v1/charges`: the attempts to take money.

use serde_json::Value;

use super::{
    charge::Charge,
    context::RequestContext,
    errors::{Result, StripeError},
    lists::{Page, list_view},
    params::Params,
};

/// `GET /v1/charges/{charge}`
#[derive(Debug)]
pub(crate) struct Retrieve {
    charge: String,
    expand: Vec<String>,
}

impl Retrieve {
    pub(crate) fn read(charge: &str, mut params: Params) -> Result<Self> {
        let request = Self { charge: charge.to_owned(), expand: params.texts("expand")? };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &RequestContext<'_>) -> Result<Value> {
        let Some(charge) = context.objects.charges.get(&self.charge) else {
            return StripeError::no_such("charge", &self.charge, "id").not_found().refuse();
        };
        let mut view = charge.view();
        context.expand(&mut view, &self.expand)?;
        Ok(view)
    }
}

/// `GET /v1/charges`
#[derive(Debug)]
pub(crate) struct List {
    payment_intent: Option<String>,
    page: Page,
}

impl List {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let list = Self { payment_intent: params.text("payment_intent")?, page: Page::read(&mut params)? };
        params.unsupported(&["customer", "transfer_group"])?;
        params.finish()?;
        Ok(list)
    }

    pub(crate) fn execute(&self, context: &RequestContext<'_>) -> Result<Value> {
        let charges = &context.objects.charges;
        let (found, has_more) = match &self.payment_intent {
            None => {
                let place = |id: &str| charges.place(id);
                let (found, has_more) =
                    self.page.select(charges.by_age(), place, |charge| charge.created, "charge")?;
                (found.into_iter().filter_map(|it| charges.get(&it.id)).collect::<Vec<_>>(), has_more)
            }
            Some(intent) => {
                let of_intent: Vec<&Charge> = charges
                    .by_age()
                    .iter()
                    .map(|it| &**it)
                    .filter(|it| it.payment_intent == *intent)
                    .collect();
                let place = |id: &str| of_intent.iter().position(|charge| charge.id == id);
                let (found, has_more) =
                    self.page.select(&of_intent, place, |charge| charge.created, "charge")?;
                (found.into_iter().filter_map(|it| charges.get(&it.id)).collect(), has_more)
            }
        };
        let mut views: Vec<Value> = found.into_iter().map(Charge::view).collect();
        self.page.expand(context, &mut views)?;
        Ok(list_view("/v1/charges", &views, has_more))
    }
}
