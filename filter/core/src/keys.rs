//! The secrets that the edge and the control plane share, one subkey for each purpose.
//!
//! `EDGE_ATTESTATION_KEYS` of the control plane has the secrets themselves (`id:hex`). Every subkey is derived from
//! them once, when the list is read. The edge and a separate edge cache need only some of the subkeys, and can be given
//! these alone (`id:edge:hex`, `id:edge-cache:hex`, written by [`Keys::of`]): no other subkey follows from them.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

/// The largest difference, in seconds, between the clocks of two holders of keys.
pub(crate) const CLOCK_TOLERANCE_S: u64 = 60;

const KEY_BYTES_MIN: usize = 32;
const SUBKEY_BYTES: usize = 32;

/// What a subkey is for. Each is the HMAC-SHA256 of its label under the secret, so that nothing made for one purpose
/// passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The edge's statements to the control plane.
    ToControlPlane,
    /// The edge's statements to the edge cache.
    ToEdgeCache,
    /// The control plane's seals of answers and of used keys ([`crate::idempotency`]).
    Seals,
    /// Tickets ([`crate::ticket`]).
    Tickets,
    /// The encryption of answers in the edge cache, which the edge gets decrypted.
    Answers,
}

impl Purpose {
    const ALL: [Self; 5] =
        [Self::ToControlPlane, Self::ToEdgeCache, Self::Seals, Self::Tickets, Self::Answers];

    /// No attestation of an earlier release, which was signed with the secret itself, begins like any of these.
    const fn label(self) -> &'static [u8] {
        match self {
            Self::ToControlPlane => b"payment gateway: attestations to the control plane, version 2",
            Self::ToEdgeCache => b"payment gateway: attestations to the edge cache, version 2",
            Self::Seals => b"payment gateway: seals of idempotency keys, version 1",
            Self::Tickets => b"payment gateway: tickets to watch a payment, version 1",
            Self::Answers => b"payment gateway: answers in the edge cache, version 1",
        }
    }
}

/// The parts of the gateway that hold keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Holds the secrets themselves.
    ControlPlane,
    /// The filter in Envoy.
    Edge,
    /// An edge cache that is a process of its own.
    EdgeCache,
}

impl Holder {
    /// The name in a list of keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Edge => "edge",
            Self::EdgeCache => "edge-cache",
        }
    }

    /// What it needs, in the order in which a list of keys has it.
    const fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::ControlPlane => &Purpose::ALL,
            Self::Edge => &[Purpose::ToControlPlane, Purpose::ToEdgeCache, Purpose::Seals, Purpose::Tickets],
            Self::EdgeCache => &[Purpose::ToEdgeCache, Purpose::Answers],
        }
    }
}

/// The shared keys. The first one signs, all of them verify. To rotate, append the new key on both sides, then move it
/// to the front, and drop the old one once nothing that it sealed is kept and no ticket of it is valid any more.
pub struct Keys(Vec<Key>);

pub(crate) struct Key {
    pub(crate) id: String,
    /// The secret itself, unless its holder was given subkeys alone. Initialised, which halves the work of each use.
    secret: Option<Hmac<Sha256>>,
    subkeys: Vec<Subkey>,
}

struct Subkey {
    purpose: Purpose,
    bytes: Zeroizing<[u8; SUBKEY_BYTES]>,
    mac: Hmac<Sha256>,
}

/// Why a list of keys is invalid. Never holds the key itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("no key given; use `id:hex`, several separated by commas")]
    Empty,
    #[error("key {0} (counted from 1) is not `id:hex` with an id of letters and digits")]
    Malformed(usize),
    #[error("key {0} (counted from 1) has fewer than 32 bytes (64 hex digits)")]
    TooShort(usize),
    #[error(
        "key {n} (counted from 1) is not a key of the {holder}; write `id:hex`, or what `control-plane edge-keys` prints for this part"
    )]
    OfAnother { n: usize, holder: &'static str },
    #[error("key {0} (counted from 1) is not what `control-plane edge-keys` prints: it was cut or altered")]
    Cut(usize),
    #[error(
        "key {n} (counted from 1) has the id `{id}` of an earlier key; give each its own, or nobody can tell them apart"
    )]
    SameId { n: usize, id: String },
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|k| &k.id)).finish()
    }
}

impl Keys {
    /// Reads the control plane's list, `id:hex` pairs separated by commas, as in `EDGE_ATTESTATION_KEYS`.
    ///
    /// # Errors
    /// Names the invalid entry.
    pub fn parse(list: &str) -> Result<Self, KeysError> {
        Self::parse_for(Holder::ControlPlane, list)
    }

    /// Reads the list of `holder`: secrets (`id:hex`), of which it then has every subkey, or what [`Self::of`] gives
    /// it.
    ///
    /// # Errors
    /// Names the invalid entry.
    pub fn parse_for(holder: Holder, list: &str) -> Result<Self, KeysError> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let keys = entries
            .enumerate()
            .map(|(i, entry)| Key::parse(entry, i + 1, holder))
            .collect::<Result<Vec<_>, _>>()?;
        // Only the first of two would ever verify, so a rotation that reuses the id refuses every request.
        for (n, key) in (1..).zip(&keys) {
            if keys.iter().take(n - 1).any(|earlier| earlier.id == key.id) {
                return Err(KeysError::SameId { n, id: key.id.clone() });
            }
        }
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// The list for `holder`, in the same order: for each key the subkeys that it needs, and nothing from which another
    /// one follows. As secret as the keys themselves; the control plane has no list of its own. `None` for it, and
    /// where these keys are themselves of one holder alone.
    #[must_use]
    pub fn of(&self, holder: Holder) -> Option<String> {
        if holder == Holder::ControlPlane {
            return None;
        }
        let entry = |key: &Key| {
            key.secret.as_ref()?;
            let subkeys = holder.purposes().iter().map(|purpose| key.bytes(*purpose).map(hex::encode));
            Some(format!("{}:{}:{}", key.id, holder.name(), subkeys.collect::<Option<String>>()?))
        };
        Some(self.0.iter().map(entry).collect::<Option<Vec<_>>>()?.join(","))
    }

    /// The same without the secrets themselves: no attestation of an earlier release passes, and [`Self::of`] gives
    /// none.
    #[must_use]
    pub fn rejecting_earlier(mut self) -> Self {
        for key in &mut self.0 {
            key.secret = None;
        }
        self
    }

    /// The keys under which answers in the edge cache are encrypted, each with its id. The first one encrypts. The edge
    /// has none: it gets answers decrypted.
    pub fn for_answers(&self) -> impl Iterator<Item = (&str, [u8; SUBKEY_BYTES])> {
        self.0.iter().filter_map(|key| Some((key.id.as_str(), key.bytes(Purpose::Answers)?)))
    }

    pub(crate) fn first(&self) -> Option<&Key> {
        self.0.first()
    }

    pub(crate) fn with_id(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl Key {
    fn parse(entry: &str, n: usize, holder: Holder) -> Result<Self, KeysError> {
        let (id, secret) = entry.split_once(':').ok_or(KeysError::Malformed(n))?;
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(KeysError::Malformed(n));
        }
        match secret.split_once(':') {
            None => Self::of_secret(id, secret, n),
            Some((name, subkeys)) if name == holder.name() && holder != Holder::ControlPlane => {
                Self::of_subkeys(id, subkeys, n, holder)
            }
            Some(_) => Err(KeysError::OfAnother { n, holder: holder.name() }),
        }
    }

    fn of_secret(id: &str, secret: &str, n: usize) -> Result<Self, KeysError> {
        let secret = Zeroizing::new(hex::decode(secret).map_err(|_| KeysError::Malformed(n))?);
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeysError::TooShort(n));
        }
        let secret = begin(&secret, n)?;
        let subkey = |purpose: Purpose| -> Result<Subkey, KeysError> {
            let bytes: [u8; SUBKEY_BYTES] =
                secret.clone().chain_update(purpose.label()).finalize().into_bytes().into();
            Subkey::of(purpose, bytes, n)
        };
        let subkeys = Purpose::ALL.into_iter().map(subkey).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { id: id.to_owned(), secret: Some(secret), subkeys })
    }

    fn of_subkeys(id: &str, subkeys: &str, n: usize, holder: Holder) -> Result<Self, KeysError> {
        let bytes = Zeroizing::new(hex::decode(subkeys).map_err(|_| KeysError::Cut(n))?);
        let (parts, rest) = bytes.as_chunks::<SUBKEY_BYTES>();
        if !rest.is_empty() || parts.len() != holder.purposes().len() {
            return Err(KeysError::Cut(n));
        }
        let subkey = |(purpose, bytes): (&Purpose, &[u8; SUBKEY_BYTES])| -> Result<Subkey, KeysError> {
            Subkey::of(*purpose, *bytes, n)
        };
        let subkeys = holder.purposes().iter().zip(parts).map(subkey).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { id: id.to_owned(), secret: None, subkeys })
    }

    /// The key for this purpose, if its holder has it.
    pub(crate) fn subkey(&self, purpose: Purpose) -> Option<&Hmac<Sha256>> {
        self.subkeys.iter().find(|subkey| subkey.purpose == purpose).map(|subkey| &subkey.mac)
    }

    /// The secret itself, with which earlier releases attested.
    pub(crate) const fn secret(&self) -> Option<&Hmac<Sha256>> {
        self.secret.as_ref()
    }

    fn bytes(&self, purpose: Purpose) -> Option<[u8; SUBKEY_BYTES]> {
        self.subkeys.iter().find(|subkey| subkey.purpose == purpose).map(|subkey| *subkey.bytes)
    }
}

impl Subkey {
    fn of(purpose: Purpose, mut bytes: [u8; SUBKEY_BYTES], n: usize) -> Result<Self, KeysError> {
        let mac = begin(&bytes, n);
        let kept = Zeroizing::new(bytes);
        bytes.zeroize();
        Ok(Self { purpose, bytes: kept, mac: mac? })
    }
}

fn begin(key: &[u8], n: usize) -> Result<Hmac<Sha256>, KeysError> {
    Hmac::<Sha256>::new_from_slice(key).map_err(|_| KeysError::Malformed(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const SECRET: &str = "0101010101010101010101010101010101010101010101010101010101010101";

    #[test]
    fn missing_malformed_and_short_keys_are_rejected() {
        assert_eq!(Keys::parse(" , ").err(), Some(KeysError::Empty));
        assert_eq!(Keys::parse("k1").err(), Some(KeysError::Malformed(1)));
        assert_eq!(Keys::parse(&format!("old:{SECRET},k2:zz")).err(), Some(KeysError::Malformed(2)));
        assert_eq!(Keys::parse("k1:00ff").err(), Some(KeysError::TooShort(1)));
    }

    #[test]
    fn two_keys_of_one_id_are_rejected_by_number_and_id() {
        let other = SECRET.replace("01", "02");
        let error = Keys::parse(&format!("k1:{SECRET},k2:{SECRET},k1:{other}")).err().unwrap();
        assert_eq!(error, KeysError::SameId { n: 3, id: "k1".to_owned() });
        assert!(error.to_string().contains("key 3") && !error.to_string().contains("0202"), "{error}");
    }

    #[test]
    fn each_key_has_one_of_its_own_for_answers() {
        let keys = Keys::parse(&format!("a:{SECRET},b:{}", SECRET.replace("01", "02"))).unwrap();
        let of: Vec<_> = keys.for_answers().collect();
        assert_eq!(of.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["a", "b"]);
        assert_ne!(of[0].1, of[1].1);
        assert_ne!(of[0].1, [1; 32]);
    }

    #[test]
    fn each_holder_gets_its_own_subkeys_and_nobody_elses() {
        let keys = Keys::parse(&format!("a:{SECRET},b:{}", SECRET.replace("01", "02"))).unwrap();
        for (holder, other) in [(Holder::Edge, Holder::EdgeCache), (Holder::EdgeCache, Holder::Edge)] {
            let list = keys.of(holder).unwrap();
            assert!(!list.contains(SECRET));
            let own = Keys::parse_for(holder, &list).unwrap();
            assert_eq!(format!("{own:?}"), "[\"a\", \"b\"]");
            for purpose in Purpose::ALL {
                let given = holder.purposes().contains(&purpose);
                for id in ["a", "b"] {
                    let (all, own) = (keys.with_id(id).unwrap(), own.with_id(id).unwrap());
                    assert_eq!(own.bytes(purpose), given.then(|| all.bytes(purpose).unwrap()));
                    assert!(own.secret().is_none());
                }
            }
            assert_eq!(own.of(holder), None, "nothing is derived from them");
            let wrong = |n, holder: Holder| Some(KeysError::OfAnother { n, holder: holder.name() });
            assert_eq!(Keys::parse_for(other, &list).err(), wrong(1, other));
            assert_eq!(Keys::parse(&format!("c:{SECRET},{list}")).err(), wrong(2, Holder::ControlPlane));
            let cut = list.split(',').next().unwrap();
            for list in [&cut[..cut.len() - 64], &cut[..cut.len() - 1], &format!("{cut}{SECRET}")] {
                assert_eq!(Keys::parse_for(holder, list).err(), Some(KeysError::Cut(1)));
            }
        }
        assert_eq!(keys.of(Holder::ControlPlane), None);
    }

    /// They are written into settings, and other releases and tools derive them, too.
    #[test]
    fn subkeys_are_the_hmac_of_their_label_under_the_secret() {
        let keys = Keys::parse(&format!("a:{SECRET}")).unwrap();
        let mut by_hand = String::from("a:edge-cache:");
        for label in [
            "payment gateway: attestations to the edge cache, version 2",
            "payment gateway: answers in the edge cache, version 1",
        ] {
            let mac = begin(&[1; 32], 1).unwrap().chain_update(label).finalize().into_bytes();
            by_hand += &hex::encode(mac);
        }
        assert_eq!(keys.of(Holder::EdgeCache).unwrap(), by_hand);
    }

    #[test]
    fn keys_are_overwritten_when_they_are_dropped() {
        fn is_overwritten(_: &impl zeroize::ZeroizeOnDrop) {}
        let keys = Keys::parse(&format!("a:{SECRET}")).unwrap();
        let subkeys = &keys.first().unwrap().subkeys;
        assert_eq!(subkeys.len(), Purpose::ALL.len());
        for subkey in subkeys {
            is_overwritten(&subkey.bytes);
        }
        // The state of a MAC is as good as its key.
        is_overwritten(&<Sha256 as sha2::Digest>::new());
    }

    #[test]
    fn keys_are_never_printed() {
        assert_eq!(format!("{:?}", Keys::parse(&format!("old:{SECRET}")).unwrap()), "[\"old\"]");
    }
}
