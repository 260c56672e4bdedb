//! The line of a checkpoint that says when it was signed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use audit_proof::{Checkpoint, Hash, InvalidSealedAt, Note, Restore, SigningKey, Trust, sealed_at};
use proptest::prelude::*;

const ORIGIN: &str = "shop.example/audit";

fn key() -> SigningKey {
    format!("{ORIGIN}:{}", "07".repeat(32)).parse().unwrap()
}

fn checkpoint(size: u64, root: [u8; 32]) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: Hash(root) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_time_is_read_as_it_was_signed_and_leaves_the_checkpoint_as_it_is(size: u64, root: [u8; 32], at: i64) {
        let checkpoint = checkpoint(size, root);
        let read: Note = checkpoint.signed_at(at, &key()).to_string().parse().unwrap();
        prop_assert_eq!(read.trust(&[key().public().clone()]), Trust::Signed);
        prop_assert_eq!(sealed_at(read.text()), Ok(Some(at)));
        prop_assert_eq!(read.text().parse::<Checkpoint>(), Ok(checkpoint));
    }

    #[test]
    fn a_time_has_one_form_alone(value in "[-+]?0?[0-9]{0,3}") {
        let text = format!("{}sealed-at {value}\n", checkpoint(3, [1; 32]));
        if let Ok(read) = sealed_at(&text) {
            prop_assert_eq!(read.map(|at| at.to_string()), Some(value));
        }
    }
}

#[test]
fn a_checkpoint_with_its_time_has_a_fixed_text() {
    let note = checkpoint(13, [1; 32]).signed_at(1_767_225_600_000_000, &key());
    let text = format!("shop.example/audit\n13\n{}\nsealed-at 1767225600000000\n", Hash([1; 32]));
    assert_eq!(note.text(), text);
}

#[test]
fn a_changed_time_is_not_believed() {
    let text = checkpoint(13, [1; 32]).signed_at(5, &key()).to_string();
    for to in ["sealed-at 6\n", "sealed-at 55\n", ""] {
        let changed: Note = text.replace("sealed-at 5\n", to).parse().unwrap();
        assert_eq!(changed.trust(&[key().public().clone()]), Trust::Forged, "{to}");
    }
}

#[test]
fn only_an_extension_line_says_the_time() {
    let old = checkpoint(13, [1; 32]).to_string();
    assert_eq!(sealed_at(&old), Ok(None));
    assert_eq!(sealed_at(&format!("{old}other 5\nsealed-at-noon 5\n")), Ok(None));
    assert_eq!(sealed_at(&format!("{old}other\nsealed-at 5\n")), Ok(Some(5)));
    let named = old.replace(ORIGIN, "sealed-at 5");
    assert_eq!(sealed_at(&named), Ok(None), "a log may have this name");
}

#[test]
fn a_time_that_is_malformed_or_said_twice_is_refused() {
    let old = checkpoint(13, [1; 32]).to_string();
    for lines in [
        "sealed-at",
        "sealed-at ",
        "sealed-at x",
        "sealed-at 05",
        "sealed-at +5",
        "sealed-at -0",
        "sealed-at  5",
        "sealed-at 5 ",
        "sealed-at 5.0",
        "sealed-at 9223372036854775808",
        "sealed-at 5\nsealed-at 5",
        "sealed-at 5\nsealed-at",
    ] {
        assert_eq!(sealed_at(&format!("{old}{lines}\n")), Err(InvalidSealedAt), "{lines}");
    }
}

#[test]
fn a_restore_explains_a_lost_checkpoint_whenever_it_was_signed() {
    let lost = checkpoint(13, [1; 32]);
    let restore = Restore { lost: lost.clone(), kept_size: 7, kept_root: Hash([2; 32]), at: 0 };
    let anchored: Checkpoint = lost.signed_at(5, &key()).text().parse().unwrap();
    assert!(restore.explains(&anchored));
}
