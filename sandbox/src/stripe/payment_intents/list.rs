//! `GET /v1/payment_intents`

use serde_json::Value;

use crate::stripe::{
    context::RequestContext,
    errors::Result,
    lists::{Page, list_view},
    params::Params,
};

#[derive(Debug)]
pub(crate) struct Request(Page);

impl Request {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let page = Page::read(&mut params)?;
        params.unsupported(&["customer"])?;
        params.finish()?;
        Ok(Self(page))
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let intents = &context.objects.intents;
        let (found, has_more) = self.0.select(
            intents.by_age(),
            |id| intents.place(id),
            |intent| intent.created,
            "payment_intent",
        )?;
        let mut views: Vec<Value> = found
            .iter()
            .filter_map(|it| intents.get(&it.id))
            .map(|intent| intent.view(context.pages))
            .collect();
        self.0.expand(context, &mut views)?;
        Ok(list_view("/v1/payment_intents", &views, has_more))
    }
}
