//! A record in an export of the trail: the fields of PCI DSS 10.2.2, and what is sealed.

use audit_proof::Hash;
use jiff::Timestamp;
use payments::model::action::ActionDetail;
use payments::model::event::{Detail, Initiator};
use payments::ports::store::audit::{StoredAction, StoredTransition};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// No line may say more than what is compared.
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportedLine {
    /// Its position in the tree.
    pub index: u64,
    pub who: String,
    pub what: String,
    pub when: Option<Timestamp>,
    /// From where: a client's or an operator's address, else `webhook`, `command line` or `gateway`.
    pub origin: Option<String>,
    pub outcome: Option<String>,
    pub object: String,
    pub reason: Option<String>,
    /// The bytes that are sealed.
    pub record: String,
    pub leaf_hash: String,
}

impl ExportedLine {
    /// `detail`: what the record's details say, if they can be read.
    #[must_use]
    pub fn of_transition(index: u64, hash: Hash, one: &StoredTransition, detail: Option<Detail>) -> Self {
        let detail = detail.unwrap_or_default();
        let address = detail.address.map(|address| address.to_string());
        let (who, origin) = match Initiator::read(one.by.clone()) {
            Initiator::Request(id) => (format!("client {} by request {id}", one.client), address),
            Initiator::Webhook(id) => (format!("provider by event {id}"), Some("webhook".to_owned())),
            Initiator::Operator(name) => (format!("operator {name}"), Some("command line".to_owned())),
            Initiator::FollowUp => ("gateway".to_owned(), Some("gateway".to_owned())),
        };
        let subject = if one.refund.is_some() { "refund" } else { "payment" };
        Self {
            index,
            who,
            what: format!("{subject}.{}", detail.note.map_or(one.to.as_str(), |note| note.name())),
            when: Timestamp::from_microsecond(one.at).ok(),
            origin,
            outcome: detail.outcome.map(|outcome| outcome.name().to_owned()),
            object: one.refund.as_ref().unwrap_or(&one.payment).clone(),
            reason: detail.reason,
            record: one.record().bytes(),
            leaf_hash: hash.to_string(),
        }
    }

    #[must_use]
    pub fn of_action(index: u64, hash: Hash, one: &StoredAction) -> Self {
        let detail: ActionDetail = serde_json::from_str(&one.detail).unwrap_or_default();
        Self {
            index,
            who: format!("operator {}", one.operator),
            what: one.action.clone(),
            when: Timestamp::from_microsecond(one.at).ok(),
            origin: Some(one.origin.clone()),
            outcome: Some(one.outcome.clone()),
            object: one.object.clone(),
            reason: detail.reason,
            record: one.record().bytes(),
            leaf_hash: hash.to_string(),
        }
    }
}
