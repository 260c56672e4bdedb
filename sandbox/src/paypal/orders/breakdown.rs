//! The breakdown of an amount: its parts must add up to it, and the items to their part.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    money::Money,
    paypal::{
        body::Text,
        errors::{PaypalError, Result},
        money::MoneyRequest,
    },
};

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Breakdown {
    item_total: Option<MoneyRequest>,
    shipping: Option<MoneyRequest>,
    handling: Option<MoneyRequest>,
    tax_total: Option<MoneyRequest>,
    insurance: Option<MoneyRequest>,
    shipping_discount: Option<MoneyRequest>,
    discount: Option<MoneyRequest>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Item {
    name: Text<127>,
    quantity: Text<10>,
    unit_amount: MoneyRequest,
    tax: Option<MoneyRequest>,
    description: Option<Text<127>>,
    sku: Option<Text<127>>,
    url: Option<Text<2048>>,
    category: Option<Text<20>>,
    image_url: Option<Text<2048>>,
    upc: Option<Map<String, Value>>,
}

/// Checks a breakdown and items against the amount of their purchase unit, which is at `field`.
pub(super) fn check(
    whole: Money,
    breakdown: Option<&Breakdown>,
    items: Option<&[Item]>,
    field: &str,
) -> Result<()> {
    let Some(parts) = breakdown else {
        return match items {
            Some([_, ..]) => refuse("ITEM_TOTAL_REQUIRED", format!("{field}/amount/breakdown/item_total")),
            _ => Ok(()),
        };
    };
    let read = |name: &str, part: &Option<MoneyRequest>| match part {
        None => Ok(0),
        Some(part) => same_currency(whole, part, &format!("{field}/amount/breakdown/{name}")),
    };
    let item_total = read("item_total", &parts.item_total)?;
    let tax_total = read("tax_total", &parts.tax_total)?;
    let sum = item_total
        + tax_total
        + read("shipping", &parts.shipping)?
        + read("handling", &parts.handling)?
        + read("insurance", &parts.insurance)?
        - read("shipping_discount", &parts.shipping_discount)?
        - read("discount", &parts.discount)?;
    if sum != i128::from(whole.minor) {
        return refuse("AMOUNT_MISMATCH", format!("{field}/amount/value"));
    }
    let Some(items) = items.filter(|items| !items.is_empty()) else { return Ok(()) };
    if parts.item_total.is_none() {
        return refuse("ITEM_TOTAL_REQUIRED", format!("{field}/amount/breakdown/item_total"));
    }
    let (mut prices, mut taxes, mut is_taxed) = (0, 0, false);
    for (index, item) in items.iter().enumerate() {
        let place = format!("{field}/items/{index}");
        let quantity = quantity(item, &place)?;
        prices += same_currency(whole, &item.unit_amount, &format!("{place}/unit_amount"))? * quantity;
        if let Some(tax) = &item.tax {
            is_taxed = true;
            taxes += same_currency(whole, tax, &format!("{place}/tax"))? * quantity;
        }
    }
    if prices != item_total {
        return refuse("ITEM_TOTAL_MISMATCH", format!("{field}/amount/breakdown/item_total/value"));
    }
    if is_taxed && parts.tax_total.is_none() {
        return refuse("TAX_TOTAL_REQUIRED", format!("{field}/amount/breakdown/tax_total"));
    }
    if is_taxed && taxes != tax_total {
        return refuse("TAX_TOTAL_MISMATCH", format!("{field}/amount/breakdown/tax_total/value"));
    }
    Ok(())
}

fn quantity(item: &Item, place: &str) -> Result<i128> {
    let text = item.quantity.to_string();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(quantity) if digits => Ok(quantity),
        _ => {
            let description = "The value of a field does not conform to the expected format.";
            PaypalError::invalid("INVALID_PARAMETER_SYNTAX", format!("{place}/quantity"), description)
                .refuse()
        }
    }
}

/// A part's minor units, if it has the currency of the whole.
fn same_currency(whole: Money, part: &MoneyRequest, field: &str) -> Result<i128> {
    let part = part.read_part(field)?;
    if part.currency != whole.currency {
        return refuse("MULTI_CURRENCY_ORDER", format!("{field}/currency_code"));
    }
    Ok(i128::from(part.minor))
}

fn refuse<T>(issue: &'static str, field: String) -> Result<T> {
    PaypalError::unprocessable(issue).at(field).refuse()
}
