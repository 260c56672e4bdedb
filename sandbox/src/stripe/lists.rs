//! Lists: newest first, by cursor (docs.stripe.com/api/pagination).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    context::RequestContext,
    errors::{Result, StripeError},
    form::Node,
    params::Params,
};

/// The requested part of a list.
#[derive(Debug)]
pub(crate) struct Page {
    limit: usize,
    cursor: Option<Cursor>,
    /// Seconds since 1970, both inclusive.
    created: (i64, i64),
    /// Properties to expand, without the leading `data.`.
    expand: Vec<String>,
}

/// The object that the page is adjacent to.
#[derive(Debug)]
enum Cursor {
    /// Towards older objects.
    StartingAfter(String),
    /// Towards newer objects.
    EndingBefore(String),
}

impl Cursor {
    fn read(params: &mut Params) -> Result<Option<Self>> {
        match (params.text("starting_after")?, params.text("ending_before")?) {
            (None, None) => Ok(None),
            (Some(id), None) => Ok(Some(Self::StartingAfter(id))),
            (None, Some(id)) => Ok(Some(Self::EndingBefore(id))),
            (Some(_), Some(_)) => {
                let message = "You may only specify one of these parameters: starting_after, ending_before.";
                StripeError::invalid(message).refuse()
            }
        }
    }
}

impl Page {
    pub(crate) fn read(params: &mut Params) -> Result<Self> {
        let limit = params.integer("limit")?.unwrap_or(10);
        let limit =
            usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(|| {
                let message = "Invalid limit: must be from 1 to 100";
                Box::new(StripeError::invalid(message).code("parameter_invalid_integer").param("limit"))
            })?;
        let expand = params.texts("expand")?;
        let expand: Option<_> =
            expand.iter().map(|name| name.strip_prefix("data.").map(str::to_owned)).collect();
        Ok(Self {
            limit,
            cursor: Cursor::read(params)?,
            created: read_created(params)?,
            expand: expand.ok_or_else(|| {
                Box::new(StripeError::invalid("On lists only properties of `data` expand.").param("expand"))
            })?,
        })
    }

    /// The requested items, newest first, and whether more follow in the page's direction. Reads no more items than
    /// the time window and the limit require, however long the list is.
    pub(crate) fn select<'a, T>(
        &self,
        by_age: &'a [T],
        place: impl Fn(&str) -> Option<usize>,
        created: impl Fn(&T) -> Timestamp,
        what: &str,
    ) -> Result<(Vec<&'a T>, bool)> {
        let find =
            |id: &str, param: &str| place(id).ok_or_else(|| Box::new(StripeError::no_such(what, id, param)));
        let (from, to) = self.created;
        let mut start = by_age.partition_point(|item| created(item).as_second() < from);
        let mut end = by_age.partition_point(|item| created(item).as_second() <= to);
        match &self.cursor {
            None => {}
            Some(Cursor::StartingAfter(id)) => end = end.min(find(id, "starting_after")?),
            Some(Cursor::EndingBefore(id)) => start = start.max(find(id, "ending_before")? + 1),
        }
        let matching = by_age.get(start..end).unwrap_or_default();
        let has_more = matching.len() > self.limit;
        let page = match &self.cursor {
            Some(Cursor::EndingBefore(_)) => matching.get(..self.limit.min(matching.len())),
            _ => matching.get(matching.len().saturating_sub(self.limit)..),
        };
        Ok((page.unwrap_or_default().iter().rev().collect(), has_more))
    }

    pub(crate) fn expand(&self, context: &RequestContext<'_>, views: &mut [Value]) -> Result<()> {
        views.iter_mut().try_for_each(|view| context.expand(view, &self.expand))
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::{super::form::Form, *};

    fn page(query: &str) -> Page {
        Page::read(&mut Form::parse(query.as_bytes()).unwrap().into()).unwrap()
    }

    /// For a list of this many items, one per second: the page's first and last item, and whether more follow.
    fn select(items: &[i64], query: &str, looks: &Cell<u32>) -> (Option<i64>, Option<i64>, bool) {
        let created = |item: &i64| {
            looks.set(looks.get() + 1);
            Timestamp::from_second(*item).unwrap()
        };
        let place = |id: &str| id.parse().ok();
        let (found, more) = page(query).select(items, place, created, "item").unwrap();
        (found.first().map(|it| **it), found.last().map(|it| **it), more)
    }

    #[test]
    fn a_page_of_a_long_list_is_found_at_once() {
        let items: Vec<i64> = (0..1_000_000).collect();
        let looks = Cell::new(0);
        for (query, expected) in [
            ("limit=100", (Some(999_999), Some(999_900), true)),
            ("limit=100&starting_after=500000", (Some(499_999), Some(499_900), true)),
            ("limit=100&ending_before=500000", (Some(500_100), Some(500_001), true)),
            ("limit=100&ending_before=999950", (Some(999_999), Some(999_951), false)),
            ("limit=100&starting_after=100", (Some(99), Some(0), false)),
            ("limit=2&created[gte]=10&created[lte]=12", (Some(12), Some(11), true)),
            ("limit=2&created[gt]=10&created[lt]=13&starting_after=12", (Some(11), Some(11), false)),
            ("limit=2&created[gt]=10&ending_before=5", (Some(12), Some(11), true)),
            ("limit=2&created[gt]=10&starting_after=5", (None, None, false)),
        ] {
            looks.set(0);
            assert_eq!(select(&items, query, &looks), expected, "{query}");
            assert!(looks.get() <= 100, "{query}: {looks:?}");
        }
    }
}
