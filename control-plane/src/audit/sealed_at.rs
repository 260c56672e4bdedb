//! When a checkpoint was signed. Its row says so (`sealed_at`), and its signed text has to say the same.

use audit_proof::{Note, sealed_at};
use payments::ports::store::audit::Seal;

/// Whether the row and the note of a checkpoint differ in time; the note's signature is not verified. Builds from
/// before version 0.1.0 sign no time, and may seal between newer ones during an upgrade; nobody without the key can
/// take the line out of a note.
pub(super) fn is_changed(seal: &Seal, note: &Note) -> bool {
    match sealed_at(note.text()) {
        Ok(signed) => signed.is_some_and(|at| at != seal.at.as_microsecond()),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use audit_proof::{Checkpoint, Hash, SigningKey};
    use jiff::Timestamp;
    use payments::ports::store::audit::SealedUpTo;

    use super::*;

    /// Compares the note with a row that says 5 µs.
    fn is_changed_with(note: &Note) -> bool {
        let at = Timestamp::from_microsecond(5).unwrap();
        let seal = Seal { size: 3, note: note.to_string(), at, up_to: SealedUpTo::NOTHING, restores: 0 };
        is_changed(&seal, note)
    }

    #[test]
    fn the_time_of_a_row_is_the_signed_one_or_changed_and_an_old_text_has_none() {
        let key: SigningKey = format!("a.example:{}", "01".repeat(32)).parse().unwrap();
        let checkpoint = Checkpoint { origin: "a.example".to_owned(), size: 3, root: Hash::of_nothing() };
        assert!(!is_changed_with(&checkpoint.signed_at(5, &key)));
        assert!(!is_changed_with(&checkpoint.signed(&key)));
        for at in [4, 6, -5, 5_000_000] {
            assert!(is_changed_with(&checkpoint.signed_at(at, &key)), "{at}");
        }
        let garbled = Note::sign(format!("{checkpoint}sealed-at 05\n"), &key);
        assert!(is_changed_with(&garbled));
    }
}
