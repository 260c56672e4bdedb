//! The signed note in the record of a restored backup. The database's owner can write such a record, and cannot sign
//! it.

use std::slice::from_ref;

use audit_proof::{Hash, Note, Restore, Trust, VerifyingKey};
use payments::model::action::Restored;
use payments::ports::store::audit::StoredAction;
use payments::ports::store::{Store, StoreError};

use super::holds::holds;
use super::is_origin;

/// A restore, and the note in which a key of the log signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRestore {
    pub restore: Restore,
    pub note: Note,
}

/// Why a recorded restore explains nothing. The words follow those that name its note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The hash is that of the record's leaf, which names it and all that it says.
    #[error(
        "is missing: the record is forged, or a release that did not sign wrote it. If that restore happened, \
         accept it: --accept-unsigned-restore {0}"
    )]
    Missing(Hash),
    #[error("cannot be read")]
    Unreadable,
    /// The names of the keys.
    #[error("is not signed by {0}")]
    NotSigned(String),
    #[error("is of another log: {0}")]
    OfAnotherLog(String),
    #[error("does not say what its record says")]
    Differs,
    #[error("is in an earlier record already")]
    Repeated,
    #[error("does not fit the trail: its first {0} records are not those that were kept")]
    NotKept(u64),
    #[error("does not fit the trail: its record is among those that were kept")]
    TooEarly,
    #[error("is not sealed yet; seal its record, and verify again")]
    NotSealed,
}

/// The restore that an action records, if one of the keys signed it, for its log and for this record.
///
/// # Errors
/// It did not, or not this.
pub fn signed(action: &StoredAction, keys: &[VerifyingKey]) -> Result<SignedRestore, Unfit> {
    let restored = action.restored().ok_or(Unfit::Unreadable)?;
    let note = restored.note.as_deref().ok_or_else(|| Unfit::Missing(action.record().hash()))?;
    let note: Note = note.parse().map_err(|_| Unfit::Unreadable)?;
    let is_signer = |key: &&VerifyingKey| note.trust(from_ref(*key)) == Trust::Signed;
    let signers: Vec<&VerifyingKey> = keys.iter().filter(is_signer).collect();
    if signers.is_empty() {
        let names: Vec<&str> = keys.iter().map(VerifyingKey::name).collect();
        return Err(Unfit::NotSigned(names.join(", ")));
    }
    let restore: Restore = note.text().parse().map_err(|_| Unfit::Unreadable)?;
    if !signers.iter().any(|key| is_origin(&restore.lost.origin, key.name())) {
        return Err(Unfit::OfAnotherLog(restore.lost.origin));
    }
    if restore.at != action.at || Restored::new(&restore, &note) != restored {
        return Err(Unfit::Differs);
    }
    Ok(SignedRestore { restore, note })
}

/// The recorded restores that the key signed, and whose kept records the tree has.
///
/// # Errors
/// The database cannot be read.
pub async fn signed_restores(
    store: &dyn Store,
    key: &VerifyingKey,
) -> Result<Vec<SignedRestore>, StoreError> {
    let mut restores = Vec::new();
    for action in store.audit().restorations().await? {
        let Ok(one) = signed(&action, from_ref(key)) else { continue };
        if holds(store, one.restore.kept_size, one.restore.kept_root).await? {
            restores.push(one);
        }
    }
    Ok(restores)
}

#[cfg(test)]
mod tests {
    use audit_proof::{Checkpoint, SigningKey};
    use payments::model::action::{ActionDetail, RESTORED};

    use super::*;

    const NAME: &str = "shop.example/audit";

    fn key(name: &str, seed: &str) -> SigningKey {
        format!("{name}:{}", seed.repeat(32)).parse().unwrap()
    }

    fn restore(origin: &str) -> Restore {
        let lost = Checkpoint { origin: origin.to_owned(), size: 13, root: Hash([1; 32]) };
        Restore { lost, kept_size: 7, kept_root: Hash([2; 32]), at: 5 }
    }

    fn recorded(restored: Option<Restored>) -> StoredAction {
        let detail = ActionDetail { reason: None, restored };
        StoredAction {
            sequence: 1,
            at: 5,
            operator: "ada".to_owned(),
            origin: "ada@ops1".to_owned(),
            action: RESTORED.to_owned(),
            object: String::new(),
            outcome: "success".to_owned(),
            detail: serde_json::to_string(&detail).unwrap(),
        }
    }

    fn judged(restored: Restored) -> Result<Restore, Unfit> {
        let trusted = [key("else.example/audit", "09").public().clone(), key(NAME, "07").public().clone()];
        signed(&recorded(Some(restored)), &trusted).map(|signed| signed.restore)
    }

    #[test]
    fn a_note_that_a_key_signed_for_its_log_is_accepted() {
        for origin in [NAME, "shop.example/audit/restored/2"] {
            let restore = restore(origin);
            assert_eq!(judged(Restored::new(&restore, &restore.signed(&key(NAME, "07")))), Ok(restore));
        }
    }

    #[test]
    fn a_note_that_no_key_signed_is_refused_with_the_names_of_the_keys() {
        let restore = restore(NAME);
        for other in [key(NAME, "08"), key("other.example", "07")] {
            let refused = judged(Restored::new(&restore, &restore.signed(&other))).unwrap_err();
            assert_eq!(refused.to_string(), "is not signed by else.example/audit, shop.example/audit");
        }
        // The signature of another text of the same key.
        let checkpoint = restore.lost.signed(&key(NAME, "07")).to_string();
        let signature = checkpoint.rsplit_once("\n\n").unwrap().1;
        let forged: Note = format!("{restore}\n{signature}").parse().unwrap();
        assert!(matches!(judged(Restored::new(&restore, &forged)), Err(Unfit::NotSigned(_))));
        let unsigned = Restored { note: None, ..Restored::new(&restore, &forged) };
        let hash = recorded(Some(unsigned.clone())).record().hash();
        assert_eq!(judged(unsigned), Err(Unfit::Missing(hash)));
    }

    #[test]
    fn what_a_key_signed_for_another_log_or_purpose_is_refused() {
        let key = key(NAME, "07");
        // A trusted key's log, and not the one of the key that signed.
        for origin in ["else.example/audit", "shop.example/audit/restored/x"] {
            let other = restore(origin);
            let refused = judged(Restored::new(&other, &other.signed(&key)));
            assert_eq!(refused, Err(Unfit::OfAnotherLog(origin.to_owned())));
        }
        let restore = restore(NAME);
        let refused = judged(Restored::new(&restore, &restore.lost.signed(&key)));
        assert_eq!(refused, Err(Unfit::Unreadable), "a checkpoint");
        assert_eq!(signed(&recorded(None), &[key.public().clone()]), Err(Unfit::Unreadable));
    }

    #[test]
    fn a_record_that_says_or_is_something_else_than_its_note_is_refused() {
        let (key, restore) = (key(NAME, "07"), restore(NAME));
        let told = Restored::new(&restore, &restore.signed(&key));
        for changed in [
            Restored { lost_origin: format!("{NAME}/restored/1"), ..told.clone() },
            Restored { lost_size: 14, ..told.clone() },
            Restored { lost_root: Hash([3; 32]).to_string(), ..told.clone() },
            Restored { kept_size: 6, ..told.clone() },
        ] {
            assert_eq!(judged(changed), Err(Unfit::Differs));
        }
        let later = StoredAction { at: 6, ..recorded(Some(told)) };
        assert_eq!(signed(&later, &[key.public().clone()]), Err(Unfit::Differs));
    }
}
