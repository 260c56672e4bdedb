//! Where sealing continues. A checkpoint's row says so without a signature, so the sealed records must say the same.

use std::fmt;

use payments::ports::store::audit::{Seal, SealedUpTo};

/// A checkpoint whose row states a different resume position than the records that it covers. After one that is too far
/// ahead, nothing would ever be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPositionMismatch {
    /// Leaves of the checkpoint.
    pub size: u64,
    pub says: SealedUpTo,
    /// The last sealed records. `None` if the last sealed event is not stored.
    pub sealed: Option<SealedUpTo>,
}

impl SealPositionMismatch {
    /// Compares a checkpoint's row with the last records that it covers. `None` if they agree.
    #[must_use]
    pub fn found(seal: &Seal, sealed: Option<SealedUpTo>) -> Option<Self> {
        (sealed != Some(seal.up_to)).then_some(Self { size: seal.size, says: seal.up_to, sealed })
    }
}

impl fmt::Display for SealPositionMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, says, sealed } = self;
        write!(
            f,
            "the checkpoint of {size} records says that sealing continues after {}",
            SealedUpToText(says)
        )?;
        match sealed {
            Some(sealed) => write!(f, ", and the last sealed records are {}", SealedUpToText(sealed)),
            None => f.write_str(", and the last sealed event is not stored"),
        }
    }
}

struct SealedUpToText<'a>(&'a SealedUpTo);

impl fmt::Display for SealedUpToText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SealedUpTo { transitions, actions } = self.0;
        write!(
            f,
            "event {} (epoch {}, transaction {}) and operator action {actions}",
            transitions.sequence, transitions.epoch, transitions.transaction
        )
    }
}
