//! Published vectors.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use audit_proof::{Checkpoint, Frontier, Hash, Note, Path, StoredHashes, Subtree, Trust, VerifyingKey};

/// Leaves and tree heads of the reference implementation of Certificate Transparency, RFC 6962
/// (google/certificate-transparency, `merkletree/merkle_tree_test.cc`; transparency-dev/merkle, `testonly`).
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/// Leaf, size, proof, of the same.
const INCLUSION: [(u64, u64, &[&str]); 3] = [
    (0, 1, &[]),
    (
        0,
        8,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
];
/// Old size, size, proof, of the same.
const CONSISTENCY: [(u64, u64, &[&str]); 3] = [
    (1, 1, &[]),
    (
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
];

fn hash(hex_digits: &str) -> Hash {
    Hash(hex::decode(hex_digits).unwrap().try_into().unwrap())
}

fn leaves() -> StoredHashes {
    let mut known = StoredHashes::default();
    for (index, leaf) in (0..).zip(LEAVES) {
        known.insert(Subtree { height: 0, index }, Hash::of_leaf(&hex::decode(leaf).unwrap()));
    }
    known
}

#[test]
fn the_tree_has_the_published_roots() {
    let mut tree = Frontier::empty();
    assert_eq!(tree.root(), hash(ROOTS[0]));
    for (leaf, root) in LEAVES.into_iter().zip(&ROOTS[1..]) {
        let _ = tree.append(Hash::of_leaf(&hex::decode(leaf).unwrap()));
        assert_eq!(tree.root(), hash(root));
        assert_eq!(Frontier::of(tree.size(), &leaves()).as_ref(), Some(&tree));
    }
}

#[test]
fn the_proofs_are_the_published_ones() {
    let hashes = |proof: &[&str]| Some(proof.iter().copied().map(hash).collect::<Vec<_>>());
    for (index, size, proof) in INCLUSION {
        assert_eq!(Path::inclusion(index, size).unwrap().hashes(&leaves()), hashes(proof), "{index} {size}");
    }
    for (old, size, proof) in CONSISTENCY {
        assert_eq!(Path::consistency(old, size).unwrap().hashes(&leaves()), hashes(proof), "{old} {size}");
    }
    assert_eq!(Path::inclusion(8, 8), None);
    assert_eq!(Path::consistency(9, 8), None);
}

/// The example of the documentation of golang.org/x/mod/sumdb/note, which the specification was made from.
const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\
                    \n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const NOTE_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

#[test]
fn the_published_note_is_signed_by_the_published_key() {
    let (note, key): (Note, VerifyingKey) = (NOTE.parse().unwrap(), NOTE_KEY.parse().unwrap());
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(note.trust(std::slice::from_ref(&key)), Trust::Signed);
    assert_eq!(note.trust(&[]), Trust::Unknown);
    let changed: Note = NOTE.replace("answer", "Answer").parse().unwrap();
    assert_eq!(changed.trust(&[key]), Trust::Forged);
}

/// The example of <https://c2sp.org/tlog-checkpoint>.
#[test]
fn the_published_checkpoint_is_read_and_written_the_same() {
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let checkpoint: Checkpoint = text.parse().unwrap();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(checkpoint.to_string(), text);
    for wrong in ["2085216x", "020852163", "+20852163", "-1", ""] {
        assert!(text.replace("20852163", wrong).parse::<Checkpoint>().is_err(), "{wrong}");
    }
    assert!(text.replace("CsUY", "").parse::<Checkpoint>().is_err());
    assert!(text.trim_end().parse::<Checkpoint>().is_err());
}
