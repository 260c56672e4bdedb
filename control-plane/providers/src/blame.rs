//! Who has to act when a provider refuses a request. Each adapter keeps a table from the provider's error codes
//! to one of these.

use edge_core::provider::Provider;
use payments::model::provider::{Refusal, RefusalKind};

use super::provider_result::NotDone;
use super::untrusted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The payer's bank, account or payment method, or a risk check: another way to pay may work. A repeat that
    /// is answered so proves that the first call moved no money either, so a code that can be the consequence of
    /// an earlier success (a token that is used up) must not stand here.
    Payer,
    /// This field of the client's request.
    Field(&'static str),
    /// The field that the provider names beside the code, if the client sets it. Otherwise this gateway wrote it.
    NamedField,
    /// The object at the provider is not in a state that allows this.
    State,
    /// What was held or offered has run out at the provider.
    Expired,
    /// More is asked back than is left.
    RefundExceeds,
    /// This gateway's credentials, account or integration.
    Gateway,
}

impl Blame {
    /// `named`: the client's field that the provider names beside the code. `None` where nothing tells who is at
    /// fault.
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

/// Error codes by who has to act. Read only after a refusal, so it is searched from its start.
pub(super) type BlameTable = [(Blame, &'static [&'static str])];

/// `None` for a code that is newer than the table.
pub(super) fn blame(table: &BlameTable, code: &str) -> Option<Blame> {
    table.iter().find(|(_, codes)| codes.contains(&code)).map(|(blame, _)| *blame)
}

/// Ends an operation with a refusal. What is this gateway's own fault is told to the log, and to the client no more
/// than the code. `field`: what the provider names as the place of the mistake.
pub(super) fn refused(provider: Provider, refusal: Refusal, field: Option<&str>) -> NotDone {
    let field = field.map(untrusted::message);
    let Refusal { code, message: reason, .. } = &refusal;
    let message = match refusal.kind {
        RefusalKind::Configuration => {
            tracing::error!(%provider, code, field, reason, "the provider refuses the gateway itself");
            "the provider refuses this gateway's request; its operator has to look into it".to_owned()
        }
        RefusalKind::Invalid { param: None } => {
            tracing::warn!(%provider, code, field, reason, "a refusal that names nobody to act");
            reason.clone()
        }
        _ => reason.clone(),
    };
    NotDone::Refused(Box::new(Refusal { message, ..refusal }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::BlameTable;

    /// The codes that a table names more than once.
    pub(crate) fn repeated(table: &BlameTable) -> Vec<&'static str> {
        let mut codes: Vec<_> = table.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        codes.sort_unstable();
        codes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
    }
}
