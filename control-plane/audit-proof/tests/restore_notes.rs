//! Restore notes: their one form, their signature, and that they are not checkpoints.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use audit_proof::{Checkpoint, Hash, Note, Restore, SigningKey, Trust};
use proptest::prelude::*;

const ORIGIN: &str = "shop.example/audit";

fn key(name: &str, seed: u8) -> SigningKey {
    let seed = format!("{seed:02x}").repeat(32);
    format!("{name}:{seed}").parse().unwrap()
}

fn checkpoint(size: u64, root: [u8; 32]) -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size, root: Hash(root) }
}

fn restores() -> impl Strategy<Value = Restore> {
    let numbers = (1..=u64::MAX, any::<u64>(), any::<i64>());
    (numbers, any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|((size, kept, at), root, kept_root)| Restore {
        lost: checkpoint(size, root),
        kept_size: kept % size,
        kept_root: Hash(kept_root),
        at,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_restore_note_is_read_as_it_is_written_and_with_a_flipped_bit_not_believed(
        restore in restores(), at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let key = key(ORIGIN, 7);
        let (note, trusted) = (restore.signed(&key), [key.public().clone()]);
        let read: Note = note.to_string().parse().unwrap();
        prop_assert_eq!(read.trust(&trusted), Trust::Signed);
        prop_assert_eq!(read.text().parse::<Restore>(), Ok(restore));
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = String::from_utf8(bytes).ok().and_then(|text| text.parse::<Note>().ok());
        prop_assert_ne!(changed.map(|note| note.trust(&trusted)), Some(Trust::Signed), "{} {}", at, bit);
    }

    #[test]
    fn a_restore_note_is_no_checkpoint_and_a_checkpoint_no_restore_note(
        restore in restores(), size: u64, root: [u8; 32], more in "([a-z0-9]{1,9}\n){0,5}",
    ) {
        prop_assert!(restore.to_string().parse::<Checkpoint>().is_err());
        let extended = format!("{}{more}", checkpoint(size, root));
        prop_assert!(extended.parse::<Checkpoint>().is_ok() && extended.parse::<Restore>().is_err());
    }

    #[test]
    fn no_other_key_signs_a_restore_note(restore in restores(), seed in 8_u8..=255, name in "[a-z]{1,9}") {
        let trusted = [key(ORIGIN, 7).public().clone()];
        for other in [key(ORIGIN, seed), key(&name, 7)] {
            prop_assert_eq!(restore.signed(&other).trust(&trusted), Trust::Unknown);
        }
    }

    #[test]
    fn numbers_are_read_in_one_form_alone(
        size in "[+0]?[0-9]{1,3}", kept in "[+0]?[0-9]{1,2}", at in "[-+]?0?[0-9]{1,3}", root: [u8; 32],
    ) {
        let root = Hash(root);
        let text = format!("{ORIGIN}\naudit-restored@v1\n{size}\n{root}\n{kept}\n{root}\n{at}\n");
        if let Ok(restore) = text.parse::<Restore>() {
            prop_assert_eq!(restore.to_string(), text);
            prop_assert!(restore.kept_size < restore.lost.size);
        }
    }
}

#[test]
fn a_restore_note_has_a_fixed_text() {
    let restore = Restore {
        lost: checkpoint(13, [1; 32]),
        kept_size: 7,
        kept_root: Hash([2; 32]),
        at: 1_767_225_600_000_000,
    };
    let (lost, kept) = (Hash([1; 32]), Hash([2; 32]));
    let text = format!("shop.example/audit\naudit-restored@v1\n13\n{lost}\n7\n{kept}\n1767225600000000\n");
    assert_eq!(restore.to_string(), text);
    assert_eq!(text.parse::<Restore>(), Ok(restore));
    for (from, to) in [
        ("\n13\n", "\n013\n"),
        ("\n13\n", "\n+13\n"),
        ("\n7\n", "\n13\n"),
        ("\n7\n", "\n07\n"),
        ("@v1", "@v2"),
        ("shop.example/audit\n", "\n"),
        ("000000\n", "000000\nmore\n"),
        ("000000\n", "000000"),
        ("000000\n", "000000\n\n"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert!(changed.parse::<Restore>().is_err(), "{changed}");
    }
}

#[test]
fn a_restore_explains_what_it_lost_of_its_own_log_and_nothing_else() {
    let restore = Restore { lost: checkpoint(13, [1; 32]), kept_size: 7, kept_root: Hash([2; 32]), at: 0 };
    for (size, root, is_explained) in [
        (7, [1; 32], false),
        (8, [5; 32], true),
        (13, [1; 32], true),
        (13, [5; 32], false),
        (14, [1; 32], false),
    ] {
        assert_eq!(restore.explains(&checkpoint(size, root)), is_explained, "{size}");
    }
    let other = Checkpoint { origin: format!("{ORIGIN}/restored/1"), ..checkpoint(10, [1; 32]) };
    assert!(!restore.explains(&other));
}
