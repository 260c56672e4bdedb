//! The sealed audit trail: a Merkle tree over all records, whose signed heads are anchored outside the database.
//!
//! Fields of a record: `Detail` in [`payments::model::event`].

pub mod anchor_file;
pub mod anchors;
pub mod exported_line;
pub mod holds;
pub mod restore_note;
pub mod restored;
pub mod seal_position;
mod sealed_at;
pub mod sealer;
pub mod verify;
pub mod witness;

/// The name of the log in checkpoints. It changes with each restored backup, because the records after the backup are
/// not those that were signed before: a log must not sign what contradicts itself
/// (<https://c2sp.org/tlog-checkpoint>).
#[must_use]
pub fn origin(name: &str, restores: u32) -> String {
    if restores == 0 { name.to_owned() } else { format!("{name}/restored/{restores}") }
}

/// Whether `text` is an [`origin`] of the log of this name.
#[must_use]
pub fn is_origin(text: &str, name: &str) -> bool {
    let number = text.rsplit_once('/').and_then(|(_, number)| number.parse().ok());
    text == name || number.is_some_and(|restores| text == origin(name, restores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_known_by_its_origins_and_another_by_none_of_them() {
        for restores in [0, 1, 12] {
            assert!(is_origin(&origin("shop.example/audit", restores), "shop.example/audit"));
        }
        for other in ["", "shop.example", "shop.example/audit2", "else.example/audit/restored/1"] {
            assert!(!is_origin(other, "shop.example/audit"), "{other}");
        }
        for number in ["", "x", "01", "+1", "-1", "1/restored/2"] {
            let text = format!("shop.example/audit/restored/{number}");
            assert!(!is_origin(&text, "shop.example/audit"), "{text}");
        }
    }
}
