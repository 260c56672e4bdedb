//! `GET /v1/refunds`

use serde_json::Value;

use super::Refund;
use crate::stripe::{
    charge::Outcome,
    context::RequestContext,
    errors::{Result, StripeError},
    lists::{Page, list_view},
    objects::Objects,
    params::Params,
};

#[derive(Debug)]
pub(crate) struct Request {
    payment_intent: Option<String>,
    charge: Option<String>,
    page: Page,
}

impl Request {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let request = Self {
            payment_intent: params.text("payment_intent")?,
            charge: params.text("charge")?,
            page: Page::read(&mut params)?,
        };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let objects = &*context.objects;
        let (found, has_more) = match self.find_charge(objects)? {
            None => {
                let refunds = &objects.refunds;
                let place = |id: &str| refunds.place(id);
                let (found, has_more) =
                    self.page.select(refunds.by_age(), place, |refund| refund.created, "refund")?;
                (found.into_iter().filter_map(|it| refunds.get(&it.id)).collect::<Vec<_>>(), has_more)
            }
            Some(charge) => {
                let refunds = refunds_of(objects, &charge);
                let place = |id: &str| refunds.iter().position(|refund| refund.id == id);
                let (found, has_more) =
                    self.page.select(&refunds, place, |refund| refund.created, "refund")?;
                (found.into_iter().copied().collect(), has_more)
            }
        };
        let mut views: Vec<Value> = found.into_iter().map(Refund::view).collect();
        self.page.expand(context, &mut views)?;
        Ok(list_view("/v1/refunds", &views, has_more))
    }

    /// The charge whose refunds are listed; `None` means all refunds.
    fn find_charge(&self, objects: &Objects) -> Result<Option<String>> {
        match (&self.charge, &self.payment_intent) {
            (Some(charge), _) => Ok(Some(charge.clone())),
            (None, None) => Ok(None),
            (None, Some(id)) => match objects.intents.get(id) {
                Some(intent) => Ok(Some(intent.latest_charge.clone().unwrap_or_default())),
                None => StripeError::no_such("payment_intent", id, "payment_intent").refuse(),
            },
        }
    }
}

fn refunds_of<'a>(objects: &'a Objects, charge: &str) -> Vec<&'a Refund> {
    let Some(charge) = objects.charges.get(charge) else { return Vec::new() };
    let release = charge.release.iter().map(|release| &release.refund);
    let refunds =
        if let Outcome::Captured { refunds, .. } = &charge.outcome { refunds.as_slice() } else { &[] };
    release.chain(refunds).filter_map(|id| objects.refunds.get(id)).collect()
}
