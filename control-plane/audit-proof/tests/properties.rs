//! Proofs against a verifier that follows RFC 9162, and the text forms.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use audit_proof::{
    Action, Checkpoint, Frontier, Hash, Note, Path, STRIDE, SigningKey, StoredHashes, Subtree, Transition,
    Trust, proof_file, stored_ranges,
};
use proptest::prelude::*;

mod rfc9162;

use rfc9162::{continues, includes};

fn leaf(index: u64) -> Hash {
    Hash::of_leaf(&index.to_be_bytes())
}

/// A tree of `size` leaves: what is stored of it, and its root at every size.
fn tree(size: u64) -> (StoredHashes, Vec<Hash>) {
    let (mut known, mut tree) = (StoredHashes::default(), Frontier::empty());
    let mut roots = vec![tree.root()];
    for index in 0..size {
        known.insert(Subtree { height: 0, index }, leaf(index));
        for (subtree, hash) in tree.append(leaf(index)) {
            assert_eq!(subtree.height % STRIDE, 0);
            known.insert(subtree, hash);
        }
        roots.push(tree.root());
    }
    (known, roots)
}

/// Only what has to be read for `subtrees` is known, as the database gives it.
fn read(known: &StoredHashes, subtrees: impl IntoIterator<Item = Subtree>) -> StoredHashes {
    let mut some = StoredHashes::default();
    for range in stored_ranges(subtrees) {
        for index in range.first..range.end {
            let subtree = Subtree { height: range.height, index };
            some.insert(subtree, known.subtree(subtree).unwrap());
        }
    }
    some
}

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

fn key(name: &str) -> SigningKey {
    format!("{name}:{SEED}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_leaf_is_proved_and_no_other_is(size in 1_u64..1_300, at: prop::sample::Index, other: prop::sample::Index) {
        let (known, roots) = tree(size);
        let (index, other) = (at.index(size as usize) as u64, other.index(size as usize) as u64);
        let path = Path::inclusion(index, size).unwrap();
        let proof = path.hashes(&read(&known, path.needs())).unwrap();
        let root = roots[size as usize];
        prop_assert!(includes(leaf(index), index, size, &proof, root));
        prop_assert!(index == other || !includes(leaf(other), index, size, &proof, root));
        prop_assert!(index == other || !includes(leaf(index), other, size, &proof, root));
        prop_assert!(!includes(leaf(index), index, size, &proof, roots[size as usize - 1]));
        for changed in 0..proof.len() {
            let mut proof = proof.clone();
            proof[changed].0[7] ^= 1;
            prop_assert!(!includes(leaf(index), index, size, &proof, root));
        }
    }

    #[test]
    fn each_tree_is_proved_to_continue_all_before_it(size in 1_u64..1_300, at: prop::sample::Index) {
        let (known, roots) = tree(size);
        let old = at.index(size as usize) as u64 + 1;
        let path = Path::consistency(old, size).unwrap();
        let proof = path.hashes(&read(&known, path.needs())).unwrap();
        let (before, after) = (roots[old as usize], roots[size as usize]);
        prop_assert!(continues(old, before, size, after, &proof));
        prop_assert!(!continues(old, roots[old as usize - 1], size, after, &proof));
        prop_assert!(old == size || !continues(old, before, size, roots[size as usize - 1], &proof));
    }

    #[test]
    fn a_tree_that_is_read_again_goes_on_as_if_it_had_not_been(size in 0_u64..1_300, more in 1_u64..300) {
        let (known, roots) = tree(size + more);
        let mut again = Frontier::of(size, &read(&known, Frontier::needs(size))).unwrap();
        prop_assert_eq!(again.root(), roots[size as usize]);
        for index in size..size + more {
            let _ = again.append(leaf(index));
            prop_assert_eq!(again.root(), roots[index as usize + 1]);
        }
    }

    #[test]
    fn a_note_is_read_as_it_is_written_and_a_changed_one_is_not_believed(size: u64, root: [u8; 32], at: prop::sample::Index) {
        let (key, checkpoint) = (key("shop.example/audit"), Checkpoint { origin: "shop.example/audit".to_owned(), size, root: Hash(root) });
        let note = checkpoint.signed(&key);
        let text = note.to_string();
        let trusted = [key.public().clone()];
        let read: Note = text.parse().unwrap();
        prop_assert_eq!(read.trust(&trusted), Trust::Signed);
        prop_assert_eq!(read.text().parse::<Checkpoint>(), Ok(checkpoint));
        prop_assert_eq!(read, note);
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).ok().and_then(|text| text.parse::<Note>().ok());
        prop_assert_ne!(changed.map(|note| note.trust(&trusted)), Some(Trust::Signed), "{}", at);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}(\n\n\u{2014} [a-z]{1,5} [A-Za-z0-9+/]{0,12}={0,2}\n)?") {
        if let Ok(note) = text.parse::<Note>() {
            prop_assert_eq!(note.to_string().parse::<Note>(), Ok(note));
        }
    }

    #[test]
    fn the_bytes_of_a_record_are_its_canonical_json_and_no_two_records_have_the_same(
        texts: [String; 6], refund: Option<String>, from: Option<String>, version in 0_i64..1_000, at in 0_i64..9_007_199_254_740_992,
    ) {
        let [payment, to, client, by, detail, other] = &texts;
        let record = Transition {
            payment, refund: refund.as_deref(), version, from: from.as_deref(), to, at, client, by, detail,
        };
        // The test reads the names and values again, and sorts the names as RFC 8785 says: by their UTF-16 units.
        let read: serde_json::Value = serde_json::from_str(&record.bytes()).unwrap();
        let mut fields: Vec<_> = read.as_object().unwrap().iter().collect();
        fields.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
        let written: Vec<_> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        prop_assert_eq!(record.bytes(), format!("{{{}}}", written.join(",")));
        prop_assert_eq!(&read["detail"], detail);
        prop_assert_eq!(&read["version"], version);

        let others = [
            Transition { payment: other, ..record.clone() },
            Transition { by: other, ..record.clone() },
            Transition { detail: other, ..record.clone() },
            Transition { from: Some(other), ..record.clone() },
            Transition { refund: None, from: refund.as_deref(), ..record.clone() },
            Transition { at: at + 1, ..record.clone() },
        ];
        for other in others.into_iter().filter(|other| *other != record) {
            prop_assert_ne!(other.hash(), record.hash());
        }
    }
}

#[test]
fn a_proof_file_has_the_published_form() {
    let (known, roots) = tree(3);
    let checkpoint = Checkpoint { origin: "shop.example/audit".to_owned(), size: 3, root: roots[3] };
    let note = checkpoint.signed(&key("shop.example/audit"));
    let path = Path::inclusion(2, 3).unwrap();
    let hashes = path.hashes(&known).unwrap();
    let text = proof_file(2, &hashes, &note);
    let (head, rest) = text.split_once("\n\n").unwrap();
    assert_eq!(head, format!("c2sp.org/tlog-proof@v1\nindex 2\n{}", Hash::of_children(&leaf(0), &leaf(1))));
    assert_eq!(rest.parse::<Note>().as_ref(), Ok(&note));
}

#[test]
fn an_action_has_fixed_bytes() {
    let action = Action {
        at: 1_767_225_600_000_000,
        by: "ada",
        origin: "ada@ops1",
        action: "payments resolve",
        object: "txn_1",
        outcome: "success",
        detail: r#"{"reason":"seen \"there\""}"#,
    };
    let expected = r#"{"action":"payments resolve","at":1767225600000000,"by":"ada","detail":"{\"reason\":\"seen \\\"there\\\"\"}","kind":"action","object":"txn_1","origin":"ada@ops1","outcome":"success","v":1}"#;
    assert_eq!(action.bytes(), expected);
}
