//! What is sealed opens where it belongs, with its own key, and nowhere else.

use proptest::prelude::*;

use super::*;
use crate::{Class, SecretKey};

const HERE: ValueAddress<'static> = ValueAddress { table: "payments", column: "detail", row: "txn_1" };

fn id(byte: u8) -> DataKeyId {
    DataKeyId::from_bytes([byte; 8])
}

fn key(byte: u8) -> DataKey {
    DataKey::new(id(byte), &SecretKey::new([byte; 32])).unwrap()
}

fn sealer(keys: &[u8]) -> Sealer {
    let sealer = Sealer::new(PlainValues::Read);
    for byte in keys {
        sealer.add(key(*byte));
        for class in Class::ALL {
            sealer.seal_with(class, id(*byte));
        }
    }
    sealer
}

fn sealed(sealer: &Sealer) -> String {
    sealer.seal_text(HERE, "{\"a\":1}".to_owned()).unwrap()
}

#[test]
fn values_stay_plain_until_there_are_keys_for_them() {
    let plain = Sealer::new(PlainValues::Written);
    assert_eq!(sealed(&plain), "{\"a\":1}");
    assert_eq!(plain.seal_bytes(HERE, vec![1]), Ok(vec![1]));
    assert_eq!(plain.open_text(HERE, sealed(&sealer(&[1]))), Err(OpenError::UnknownKey(id(1))));
    assert_eq!(Sealer::new(PlainValues::Read).seal_text(HERE, String::new()), Err(SealError::NoKey));
}

#[test]
fn plain_values_of_before_are_read_unless_they_are_rejected() {
    assert_eq!(sealer(&[1]).open_text(HERE, "{}".to_owned()), Ok("{}".to_owned()));
    let strict = Sealer::new(PlainValues::Rejected);
    assert_eq!(strict.open_text(HERE, "{}".to_owned()), Err(OpenError::Plain));
    assert_eq!(strict.open_bytes(HERE, b"{}".to_vec()), Err(OpenError::Plain));
}

#[test]
fn a_value_opens_in_its_own_place_only() {
    let sealer = sealer(&[1]);
    let stored = sealed(&sealer);
    assert!(stored.starts_with("enc1:0101010101010101:"), "{stored}");
    let elsewhere = [
        ValueAddress { row: "txn_2", ..HERE },
        ValueAddress { column: "request", ..HERE },
        ValueAddress { table: "refunds", ..HERE },
    ];
    for address in elsewhere {
        assert_eq!(sealer.open_text(address, stored.clone()), Err(OpenError::NotAuthentic), "{address:?}");
    }
    assert_eq!(sealer.open_text(HERE, stored), Ok("{\"a\":1}".to_owned()));
}

#[test]
fn a_value_under_another_keys_name_or_of_an_unknown_key_does_not_open() {
    let stored = sealed(&sealer(&[1]));
    let renamed = stored.replace("0101010101010101", "0202020202020202");
    assert_eq!(sealer(&[1, 2]).open_text(HERE, renamed.clone()), Err(OpenError::NotAuthentic));
    assert_eq!(sealer(&[1]).open_text(HERE, renamed), Err(OpenError::UnknownKey(id(2))));
    // Another key of the same name.
    let other = Sealer::new(PlainValues::Read);
    other.add(DataKey::new(id(1), &SecretKey::new([9; 32])).unwrap());
    assert_eq!(other.open_text(HERE, stored), Err(OpenError::NotAuthentic));
    assert_eq!(other.open_text(HERE, "enc1:".to_owned()), Err(OpenError::Malformed));
    assert_eq!(other.open_text(HERE, "enc1:0101010101010101:*".to_owned()), Err(OpenError::Malformed));
}

#[test]
fn a_newer_key_seals_and_the_older_one_still_opens() {
    let both = sealer(&[1, 2]);
    assert_eq!(both.current(Class::Kept).map(|key| key.id), Some(id(2)));
    assert!(both.open_text(HERE, sealed(&sealer(&[1]))).is_ok());
    both.seal_with(Class::Kept, id(3));
    assert_eq!(both.current(Class::Kept).map(|key| key.id), Some(id(2)), "it is not known");
}

#[test]
fn what_an_erased_key_has_sealed_has_ended_and_the_key_does_not_come_back() {
    let both = sealer(&[1, 2]);
    let stored = sealed(&sealer(&[1]));
    both.erase(id(1), Class::Kept);
    assert_eq!(both.open_text(HERE, stored.clone()), Err(OpenError::Erased(id(1))));
    both.add(key(1));
    both.seal_with(Class::Kept, id(1));
    assert_eq!(both.open_text(HERE, stored), Err(OpenError::Erased(id(1))));
    assert_eq!(both.seal_text_with(id(1), HERE, "{}"), Err(SealError::NoKey));
    assert!(both.knows(id(1)), "nobody looks for it again");
    both.erase(id(2), Class::Kept);
    assert_eq!(both.seal_text(HERE, String::new()), Err(SealError::NoKey));
}

#[test]
fn a_value_has_ended_only_with_an_erased_key_of_its_own_class() {
    let sealer = sealer(&[1]);
    let stored = sealed(&sealer);
    sealer.erase(id(1), Class::Payers);
    let request = ValueAddress { column: "request", ..HERE };
    assert_eq!(sealer.open_text(request, stored.clone()), Err(OpenError::Erased(id(1))));
    let body = ValueAddress { table: "webhook_events", column: "body", row: "stripe/evt_1" };
    for address in [HERE, body] {
        let opened = sealer.open_text(address, stored.clone());
        assert_eq!(opened, Err(OpenError::ErasedOfOthers(id(1))), "{address:?}");
    }
}

#[test]
fn values_that_end_apart_have_keys_apart() {
    let sealer = sealer(&[1, 2]);
    sealer.seal_with(Class::Payers, id(1));
    let request = ValueAddress { column: "request", ..HERE };
    assert!(sealer.seal_text(request, "{}".to_owned()).unwrap().starts_with("enc1:0101"));
    assert!(sealer.seal_text(HERE, "{}".to_owned()).unwrap().starts_with("enc1:0202"));
}

#[test]
fn an_index_is_looked_for_under_every_key_and_written_under_the_newest() {
    let sealer = sealer(&[1]);
    assert_eq!(sealer.index(&["a"], "b"), Err(SealError::NoKey), "no plain index beside sealed values");
    for byte in [1, 2] {
        sealer.add_index(IndexKey::new(id(byte), &SecretKey::new([byte; 32])));
    }
    let (key, written) = sealer.index(&["a"], "b").unwrap();
    assert_eq!((key, sealer.index_key()), (Some(id(2)), Some(id(2))));
    let all = sealer.indexes(&["a"], "b");
    assert_eq!(all.len(), 3);
    assert!(all.contains(&written) && all.contains(&IndexKey::plain().index(&["a"], "b")));
    let plain = Sealer::new(PlainValues::Written);
    assert_eq!(plain.index(&["a"], "b").unwrap().0, None);
}

#[test]
fn nothing_of_a_key_is_printed() {
    let sealer = Sealer::new(PlainValues::Read);
    sealer.add(DataKey::new(id(1), &SecretKey::new([0x77; 32])).unwrap());
    sealer.seal_with(Class::Kept, id(1));
    sealer.add_index(IndexKey::new(id(2), &SecretKey::new([0x77; 32])));
    let shown = format!(
        "{sealer:?} {:?} {:?}",
        sealer.current(Class::Kept),
        IndexKey::new(id(2), &SecretKey::new([0x77; 32]))
    );
    assert!(shown.contains("0101010101010101"), "{shown}");
    assert!(!shown.contains("7777") && !shown.contains("119"), "{shown}");
}

proptest! {
    #[test]
    fn what_was_sealed_opens_to_the_same_whatever_it_is(text: String, bytes: Vec<u8>, row: String) {
        let sealer = sealer(&[1]);
        let address = ValueAddress { row: &row, ..HERE };
        let stored = sealer.seal_text(address, text.clone()).unwrap();
        prop_assert!(text.len() < 8 || !stored.contains(&text));
        prop_assert_eq!(sealer.open_text(address, stored), Ok(text));
        let stored = sealer.seal_bytes(address, bytes.clone()).unwrap();
        prop_assert_eq!(sealer.open_bytes(address, stored), Ok(bytes));
    }

    #[test]
    fn a_flipped_bit_is_never_taken_for_a_value(
        text in "\\{[a-z]{0,40}\\}", at: prop::sample::Index, bit in 0..7_u8,
    ) {
        let sealer = sealer(&[1]);
        let mut stored = sealer.seal_text(HERE, text.clone()).unwrap().into_bytes();
        let at = at.index(stored.len());
        stored[at] ^= 1 << bit;
        let opened = sealer.open_text(HERE, String::from_utf8(stored).unwrap());
        // A change of the head makes it a plain value, which is no JSON and therefore no row's.
        let is_no_value = opened.as_ref().is_ok_and(|plain| at < 5 && !plain.starts_with('{'));
        prop_assert!(opened.is_err() || is_no_value, "bit {} of byte {}", bit, at);
    }
}
