//! Who watches, and how many may.

use std::collections::HashMap;
use std::sync::Weak;

use edge_core::client::ClientId;
use payments::model::id::PaymentId;

use super::Interest;
use super::queue::Queue;

/// Watchers of one client in one process, with its key. A shop's server needs one.
const WATCHERS_PER_CLIENT: usize = 500;
/// Watchers in one process. Each costs some kilobytes and, if it reads slowly, up to 256 references to events.
const WATCHERS_MAX: usize = 4_000;
/// Watchers with tickets in one process. The rest is for those with keys, which no crowd of payers can take from them.
const PAYERS_MAX: usize = 3_000;
/// Watchers of one client with tickets: one for each page of its shop that waits for a payment.
const PAYERS_PER_CLIENT: usize = 1_000;
/// Watchers of one payment with tickets: a payer may have the page open twice, and reconnect before the gateway has
/// noticed that the last connection is gone.
const PAYERS_PER_PAYMENT: usize = 8;

/// Why nobody may watch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this client has reached its limit of event connections; close some")]
    Client,
    #[error("this payment has reached its limit of ticket connections; close some")]
    Payment,
    #[error("this process has reached its limit of event connections; try again later")]
    Process,
}

impl Refused {
    pub(super) const ALL: [Self; 3] = [Self::Client, Self::Payment, Self::Process];

    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Client => "client_full",
            Self::Payment => "payment_full",
            Self::Process => "process_full",
        }
    }
}

#[derive(Default)]
pub(super) struct Watchers {
    pub(super) by_client: HashMap<ClientId, Vec<Watcher>>,
    pub(super) count: usize,
    /// Those of them with tickets.
    pub(super) payers: usize,
}

pub(super) struct Watcher {
    pub(super) queue: Weak<Queue>,
    /// The payment of the ticket, if it is one.
    pub(super) ticket_for: Option<PaymentId>,
}

impl Watchers {
    /// Whether one more may watch.
    pub(super) fn room_for(&self, interest: &Interest) -> Result<(), Refused> {
        let own = self.by_client.get(&interest.client).map_or(&[][..], Vec::as_slice);
        let payers = own.iter().filter(|one| one.ticket_for.is_some()).count();
        if self.count >= WATCHERS_MAX || (interest.is_payers && self.payers >= PAYERS_MAX) {
            return Err(Refused::Process);
        }
        if !interest.is_payers {
            return if own.len() - payers < WATCHERS_PER_CLIENT { Ok(()) } else { Err(Refused::Client) };
        }
        let payment = interest.only_payment();
        if own.iter().filter(|one| one.ticket_for == payment).count() >= PAYERS_PER_PAYMENT {
            return Err(Refused::Payment);
        }
        if payers < PAYERS_PER_CLIENT { Ok(()) } else { Err(Refused::Client) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn payment(n: usize) -> PaymentId {
        let [.., a, b] = n.to_be_bytes();
        PaymentId::new(Timestamp::UNIX_EPOCH, [a, b, 0, 0, 0, 0, 0, 0, 0, 0])
    }

    fn interest(client: &str, ticket_for: Option<PaymentId>) -> Interest {
        let client = ClientId::parse(client).unwrap();
        let payments = ticket_for.into_iter().collect();
        Interest { client, payments, types: Vec::new(), is_payers: ticket_for.is_some() }
    }

    /// Lets as many watch as may, and says why not more.
    fn fill(watchers: &mut Watchers, interest: impl Fn(usize) -> Interest) -> (usize, Refused) {
        let mut count = 0;
        loop {
            let interest = interest(count);
            if let Err(refused) = watchers.room_for(&interest) {
                return (count, refused);
            }
            let ticket_for = interest.only_payment().filter(|_| interest.is_payers);
            let own = watchers.by_client.entry(interest.client).or_default();
            own.push(Watcher { queue: Weak::new(), ticket_for });
            watchers.count += 1;
            watchers.payers += usize::from(interest.is_payers);
            count += 1;
        }
    }

    #[test]
    fn payers_take_no_place_from_their_client_or_from_other_clients() {
        let mut watchers = Watchers::default();
        assert_eq!(fill(&mut watchers, |_| interest("a", Some(payment(9_999)))), (8, Refused::Payment));
        assert_eq!(fill(&mut watchers, |n| interest("a", Some(payment(n)))), (992, Refused::Client));
        assert_eq!(fill(&mut watchers, |n| interest("b", Some(payment(n)))), (1_000, Refused::Client));
        assert_eq!(fill(&mut watchers, |n| interest("c", Some(payment(n)))), (1_000, Refused::Process));
        assert_eq!(fill(&mut watchers, |_| interest("a", None)), (500, Refused::Client));
        assert_eq!(fill(&mut watchers, |_| interest("b", None)), (500, Refused::Process));
    }
}
