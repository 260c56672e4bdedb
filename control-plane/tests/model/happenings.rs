//! What happens at the provider by itself: payers act, banks decide, people use the dashboard, offers and holds run
//! out.

use edge_core::money::Amount;

use crate::provider::{Provider, Truth};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    /// The payer pays, or their bank agrees.
    Pays,
    /// The payer agrees: the money is still to be taken, or is on its way.
    Approves,
    /// The payer agrees, and the gateway does not take it so: their bank did not vouch for them. They may agree again.
    ApprovesInVain,
    /// The bank says no to what is pending, or to the payer.
    Denied,
    /// The same, and the payer cannot choose something else.
    DeniedForGood,
    Expires,
    CanceledInDashboard,
    CapturedInDashboard {
        amount: u8,
    },
}

impl Provider {
    pub(crate) fn happens(&mut self, happening: Happening, now: u32) {
        use Happening::{
            Approves, ApprovesInVain, CanceledInDashboard, CapturedInDashboard, Denied, DeniedForGood,
            Expires, Pays,
        };
        let is_open = matches!(self.truth, Truth::AsksPayer | Truth::Approved);
        let next = match (self.truth, happening) {
            // An order is paid by our own call only.
            (Truth::AsksPayer, Pays) if self.replays => self.paid(),
            (Truth::AsksPayer, Approves) if self.replays => Truth::Pending(None),
            (Truth::AsksPayer, Denied) if self.replays => Truth::Declined,
            (Truth::AsksPayer | Truth::Approved, Pays | Approves | ApprovesInVain) if !self.replays => {
                self.is_unacceptable = matches!(happening, ApprovesInVain);
                Truth::Approved
            }
            (Truth::Pending(None), Pays) => self.paid(),
            (Truth::Pending(Some(amount)), Pays) => Truth::Captured(amount),
            (Truth::Pending(Some(_)), Denied | DeniedForGood) => return self.decline_capture(now),
            (Truth::Pending(None), Denied) if !self.replays => {
                self.is_denied = true;
                Truth::Approved
            }
            (Truth::Pending(None), Denied | DeniedForGood) => Truth::Declined,
            (Truth::Held, Expires) => Truth::Canceled { is_expired: true },
            (Truth::Held, CanceledInDashboard) => Truth::Canceled { is_expired: false },
            (Truth::Held, CapturedInDashboard { amount }) => {
                let amount = Amount::new(amount.into()).unwrap_or(self.amount);
                Truth::Captured(amount.min(self.amount))
            }
            // What was taken once is not forgotten.
            (Truth::AsksPayer | Truth::Approved, Expires) if self.is_denied => {
                Truth::Canceled { is_expired: true }
            }
            (_, Expires) if is_open && !self.replays => Truth::Gone,
            (_, CanceledInDashboard) if is_open => Truth::Canceled { is_expired: false },
            (same, _) => same,
        };
        // What is pending was asked for by a call, and so is what becomes of it.
        let by = self.taken_by.filter(|_| matches!(self.truth, Truth::Pending(_)) && !is_back(next));
        self.turn(next, by, now);
    }
}

const fn is_back(truth: Truth) -> bool {
    matches!(truth, Truth::Approved | Truth::Declined)
}
