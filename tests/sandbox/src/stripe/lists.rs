//! Lists: newest first, by cursor (docs.stripe.com/api/pagination).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    errors::{Result, StripeError},
    form::Node,
    params::Params,
};

/// Which part of a list is wanted.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    starting_after: Option<String>,
    /// Seconds since 1970, both inclusive.
    created: (i64, i64),
    /// Properties to expand, without the leading `data.`.
    expand: Vec<String>,
}

impl Page {
    pub(crate) fn read(params: &mut Params) -> Result<Self> {
        let limit = params.integer("limit")?.unwrap_or(10);
        let limit =
            usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                let message = "Invalid limit: must be from 1 to 100";
                Box::new(StripeError::invalid(message).code("parameter_invalid_integer").param("limit"))
            })?;
        params.unsupported(&["ending_before"])?;
        let expand = params.texts("expand")?;
        let expand: Option<_> =
            expand.iter().map(|name| name.strip_prefix("data.").map(str::to_owned)).collect();
        Ok(Self {
            limit,
            starting_after: params.text("starting_after")?,
            created: read_created(params)?,
            expand: expand.ok_or_else(|| {
                Box::new(StripeError::invalid("On lists only properties of `data` expand.").param("expand"))
            })?,
        })
    }

    /// The wanted items, newest first, and whether older ones follow. Looks at no more items than the cursor, the
    /// time window and the limit need.
    pub(crate) fn select<'a, T>(
        &self,
        by_age: &'a [T],
        place: impl Fn(&str) -> Option<usize>,
        created: impl Fn(&T) -> Timestamp,
        what: &str,
    ) -> Result<(Vec<&'a T>, bool)> {
        let end = match &self.starting_after {
            None => by_age.len(),
            Some(id) => {
                place(id).ok_or_else(|| Box::new(StripeError::no_such(what, id, "starting_after")))?
            }
        };
        let (from, to) = self.created;
        let older = by_age.get(..end).unwrap_or_default();
        let until = older.partition_point(|item| created(item).as_second() <= to);
        let mut matching = older
            .get(..until)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|item| created(item).as_second() >= from);
        let found: Vec<_> = matching.by_ref().take(self.limit).collect();
        Ok((found, matching.next().is_some()))
    }

    pub(crate) fn expand(&self, desk: &Desk<'_>, views: &mut [Value]) -> Result<()> {
        views.iter_mut().try_for_each(|view| desk.expand(view, &self.expand))
    }
}

/// `created=…` or `created[gte]=…` and its siblings, as an inclusive range.
fn read_created(params: &mut Params) -> Result<(i64, i64)> {
    if !matches!(params.peek("created"), Some(Node::Hash(_))) {
        return Ok(params.integer("created")?.map_or((i64::MIN, i64::MAX), |at| (at, at)));
    }
    let (mut from, mut to) = (i64::MIN, i64::MAX);
    if let Some(mut range) = params.hash("created")? {
        from = range.integer("gte")?.unwrap_or(from);
        from = range.integer("gt")?.map_or(from, |at| from.max(at.saturating_add(1)));
        to = range.integer("lte")?.unwrap_or(to);
        to = range.integer("lt")?.map_or(to, |at| to.min(at.saturating_sub(1)));
        range.finish()?;
    }
    Ok((from, to))
}

pub(crate) fn list_view(url: &str, data: &[Value], has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}
