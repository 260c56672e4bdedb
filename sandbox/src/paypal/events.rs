//! PayPal's events: a snapshot of the resource at the time of the event
//! (developer.paypal.com/api/rest/webhooks/event-names).

use serde_json::{Value, json};

use super::{
    authorization::Authorization,
    capture::Capture,
    dispute::Dispute,
    money,
    objects::Objects,
    order::Order,
    refund::Refund,
    views::{fine_time, link, without_nulls},
};
use crate::{money::Money, webhooks::Event};

/// The resource of an event.
#[derive(Debug)]
pub(crate) enum EventContent {
    /// Includes the payments that existed at the time.
    Order(Box<(Order, Objects)>),
    Authorization(Box<Authorization>),
    Capture(Box<Capture>),
    Refund(Box<Refund>),
    Dispute(Box<Dispute>),
}

impl EventContent {
    pub(crate) fn of_order(objects: &Objects, id: &str) -> Option<Self> {
        let order = objects.orders.get(id)?.clone();
        let mut payments = Objects::default();
        for unit in &order.units {
            let authorizations = unit.authorizations.iter().filter_map(|id| objects.authorizations.get(id));
            let captures = unit.captures.iter().filter_map(|id| objects.captures.get(id));
            authorizations.for_each(|it| payments.authorizations.insert(it.id.clone(), it.clone()));
            captures.for_each(|it| payments.captures.insert(it.id.clone(), it.clone()));
        }
        Some(Self::Order(Box::new((order, payments))))
    }

    /// The id of the resource.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Order(order) => &order.0.id,
            Self::Authorization(authorization) => &authorization.id,
            Self::Capture(capture) => &capture.id,
            Self::Refund(refund) => &refund.id,
            Self::Dispute(dispute) => &dispute.id,
        }
    }

    /// The gateway's transaction, from `custom_id`.
    pub(crate) fn transaction_id(&self) -> Option<&str> {
        match self {
            Self::Order(order) => order.0.units.iter().find_map(|unit| unit.custom_id.as_deref()),
            Self::Authorization(authorization) => authorization.custom_id.as_deref(),
            Self::Capture(capture) => capture.custom_id.as_deref(),
            Self::Refund(refund) => refund.custom_id.as_deref(),
            Self::Dispute(dispute) => dispute.custom_id.as_deref(),
        }
    }

    /// The event as delivered.
    pub(crate) fn view(&self, event: &Event, base: &str) -> Value {
        let (resource_type, resource_version) = match self {
            Self::Order(_) => ("checkout-order", Some("2.0")),
            Self::Authorization(_) => ("authorization", Some("2.0")),
            Self::Capture(_) => ("capture", Some("2.0")),
            Self::Refund(_) => ("refund", Some("2.0")),
            Self::Dispute(_) => ("dispute", None),
        };
        let own = format!("{base}/v1/notifications/webhooks-events/{}", event.id);
        without_nulls(json!({
            "id": event.id,
            "event_version": "1.0",
            "create_time": fine_time(event.at),
            "resource_type": resource_type,
            "resource_version": resource_version,
            "event_type": event.kind,
            "summary": self.summary(&event.kind),
            "resource": self.resource(base),
            "links": [link(&own, "self", "GET"), link(&format!("{own}/resend"), "resend", "POST")],
        }))
    }

    fn resource(&self, base: &str) -> Value {
        match self {
            Self::Order(order) => order.0.view(&order.1, base, true),
            Self::Authorization(authorization) => authorization.view(base),
            Self::Capture(capture) => capture.view(base),
            Self::Refund(refund) => refund.view(base),
            Self::Dispute(dispute) => dispute.view(base),
        }
    }

    fn summary(&self, kind: &str) -> String {
        let what = kind.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        match self {
            Self::Order(_) if what == "approved" => "An order has been approved by buyer".to_owned(),
            Self::Order(_) => "Checkout Order Completed".to_owned(),
            Self::Authorization(it) => format!("A {} authorization was {what}", shown(it.money)),
            Self::Capture(it) => format!("Payment {what} for {}", shown(it.money)),
            Self::Refund(it) if kind == "PAYMENT.CAPTURE.REFUNDED" => {
                format!("A {} capture payment was refunded", shown(it.money))
            }
            Self::Refund(it) => format!("A {} refund has {what}", shown(it.money)),
            Self::Dispute(_) => format!("A dispute was {what}"),
        }
    }
}

/// `49.99 USD`
fn shown(money: Money) -> String {
    format!("{} {}", money::format(money), money.currency.code())
}
