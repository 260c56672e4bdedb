//! Who has to act when a provider refuses a request. Each adapter has a table that maps the provider's error codes to
//! [`Blame`].

use edge_core::provider::Provider;
use payments::model::provider::{Refusal, RefusalKind};

use super::provider_result::NotDone;
use super::untrusted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The payer's bank, account or payment method, or a risk check: another way to pay may work. Such an answer to a
    /// retry proves that the first call moved no money either, so a code that can follow from an earlier success (a
    /// used-up token) must not be listed here.
    Payer,
    /// This field of the client's request.
    Field(&'static str),
    /// The field that the provider names beside the code, if the client sets it. Otherwise this gateway wrote it.
    NamedField,
    /// The object at the provider is not in a state that allows this.
    State,
    /// The authorization or offer has expired at the provider.
    Expired,
    /// The refund exceeds the remaining amount.
    RefundExceeds,
    /// This gateway's credentials, account or integration.
    Gateway,
}

impl Blame {
    /// `named`: the client's field that the provider names beside the code. `None` if nothing shows who is at fault.
    pub(super) fn kind(self, named: Option<&str>) -> Option<RefusalKind> {
        Some(match self {
            Self::Payer => RefusalKind::Declined,
            Self::Field(field) => invalid(Some(field)),
            Self::NamedField => invalid(Some(named?)),
            Self::State => RefusalKind::State,
            Self::Expired => RefusalKind::Expired,
            Self::RefundExceeds => RefusalKind::RefundExceeds,
            Self::Gateway => RefusalKind::Configuration,
        })
    }
}

pub(super) fn invalid(field: Option<&str>) -> RefusalKind {
    RefusalKind::Invalid { param: field.map(str::to_owned) }
}

/// Error codes by who has to act. The search is linear, because it happens only after a refusal.
pub(super) type BlameTable = [(Blame, &'static [&'static str])];

/// `None` for a code that is newer than the table.
pub(super) fn blame(table: &BlameTable, code: &str) -> Option<Blame> {
    table.iter().find(|(_, codes)| codes.contains(&code)).map(|(blame, _)| *blame)
}

/// Ends an operation with a refusal. If this gateway is at fault, the details go to the log, and the client gets only
/// the code. `field`: the place of the mistake as the provider names it.
pub(super) fn refused(provider: Provider, refusal: Refusal, field: Option<&str>) -> NotDone {
    let field = field.map(untrusted::message);
    let Refusal { code, message: reason, .. } = &refusal;
    let message = match refusal.kind {
        RefusalKind::Configuration => {
            tracing::error!(%provider, code, field, reason, "the provider refuses the gateway itself");
            "the provider refuses this gateway's request; its operator has to look into it".to_owned()
        }
        RefusalKind::Invalid { param: None } => {
            tracing::warn!(%provider, code, field, reason, "a refusal does not show who has to act");
            reason.clone()
        }
        _ => reason.clone(),
    };
    NotDone::Refused(Box::new(Refusal { message, ..refusal }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::BlameTable;

    /// The codes that a table lists more than once.
    pub(crate) fn repeated(table: &BlameTable) -> Vec<&'static str> {
        let mut codes: Vec<_> = table.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        codes.sort_unstable();
        codes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
    }
}
