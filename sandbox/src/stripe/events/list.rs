//! `GET /v1/events`

use serde_json::Value;

use super::show;
use crate::{
    provider::Provider,
    stripe::{
        context::RequestContext,
        errors::{Result, StripeError},
        lists::{Page, list_view},
        params::Params,
    },
    webhooks::Record,
};

#[derive(Debug)]
pub(crate) struct Request {
    /// Event names, or prefixes that end in `.*`; empty means all.
    types: Vec<String>,
    page: Page,
}

impl Request {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let types = match (params.text("type")?, params.texts("types")?) {
            (Some(one), several) if several.is_empty() => vec![one],
            (None, several) => several,
            (Some(_), _) => {
                let message = "You may only specify one of these parameters: type, types.";
                return StripeError::invalid(message).refuse();
            }
        };
        let page = Page::read(&mut params)?;
        params.unsupported(&["delivery_success"])?;
        params.finish()?;
        Ok(Self { types, page })
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let lane = context.announcer.outbox.lane(Provider::Stripe);
        let matching: Vec<&Record> = lane.records().filter(|record| self.wants(&record.event.kind)).collect();
        let (found, has_more) = self.page.select(
            &matching,
            |id| matching.iter().position(|record| record.event.id == id),
            |record| record.event.at,
            "event",
        )?;
        let mut views: Vec<Value> = found.into_iter().map(|record| show(record, context.pages)).collect();
        self.page.expand(context, &mut views)?;
        Ok(list_view("/v1/events", &views, has_more))
    }

    fn wants(&self, kind: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) if beginning.is_empty() || beginning.ends_with('.') => {
                kind.starts_with(beginning)
            }
            _ => kind == wanted,
        };
        self.types.is_empty() || self.types.iter().any(fits)
    }
}
