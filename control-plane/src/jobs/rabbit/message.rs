//! An announcement on the wire: `{"payment":"txn_…","at":1767225600000000}`, `at` in microseconds since 1970.

use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::id::{PaymentId, RefundId};
use payments::model::work::{Due, Work};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Message {
    #[serde(flatten)]
    work: NamedWork,
    at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NamedWork {
    Payment(PaymentId),
    Refund(RefundId),
    Watch(PaymentId),
    Event { provider: Provider, id: String },
}

pub(super) fn write(due: &Due) -> Vec<u8> {
    let work = match due.work.clone() {
        Work::Payment(id) => NamedWork::Payment(id),
        Work::Refund(id) => NamedWork::Refund(id),
        Work::Watch(id) => NamedWork::Watch(id),
        Work::Event { provider, id } => NamedWork::Event { provider, id },
    };
    let message = Message { work, at: due.at.as_microsecond() };
    // Strings and a number always serialize.
    serde_json::to_vec(&message).unwrap_or_default()
}

/// `None` if the body is not one of our messages.
pub(super) fn read(body: &[u8]) -> Option<Due> {
    let message: Message = serde_json::from_slice(body).ok()?;
    let work = match message.work {
        NamedWork::Payment(id) => Work::Payment(id),
        NamedWork::Refund(id) => Work::Refund(id),
        NamedWork::Watch(id) => Work::Watch(id),
        NamedWork::Event { provider, id } => Work::Event { provider, id },
    };
    Some(Due { work, at: Timestamp::from_microsecond(message.at).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_work_reads_back_as_it_is_written() {
        let at = Timestamp::from_microsecond(1_767_225_600_123_456).unwrap();
        let payment = PaymentId::new(at, [1; 10]);
        let event = Work::Event { provider: Provider::Paypal, id: "WH-1".to_owned() };
        for work in
            [Work::Payment(payment), Work::Refund(RefundId::new(at, [2; 10])), Work::Watch(payment), event]
        {
            let due = Due { work, at };
            assert_eq!(read(&write(&due)), Some(due));
        }
        let text = String::from_utf8(write(&Due { work: Work::Payment(payment), at })).unwrap();
        assert_eq!(text, format!(r#"{{"payment":"{payment}","at":1767225600123456}}"#));
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for body in ["", "{}", r#"{"payment":"txn_1","at":1}"#, r#"{"order":"txn_1","at":1}"#, "\u{0}"] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }
}
