//! The Ed25519 keys of signed notes (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The signature type of Ed25519.
const ALGORITHM: u8 = 1;
/// Bytes of an Ed25519 signature.
pub(crate) const SIGNATURE: usize = 64;
/// The limit in bytes: each checkpoint contains the name.
const NAME_MAX: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    #[error(
        "must begin with the log's name, like `shop.example/audit`: 1 to 200 characters without spaces, `+` and `:`"
    )]
    Name,
    #[error("must be `NAME:` and 64 hexadecimal digits")]
    Secret,
    #[error("must be `NAME+ID+KEY`, as `control-plane audit key` prints it")]
    Public,
}

fn is_name(name: &str) -> bool {
    let is_refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '+' | ':');
    (1..=NAME_MAX).contains(&name.len()) && !name.contains(is_refused)
}

/// A key that signs checkpoints. Its name is that of the log. Neither prints the secret.
pub struct SigningKey {
    public: VerifyingKey,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

/// `NAME:SEED`, the seed in 64 hexadecimal digits.
impl FromStr for SigningKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let (name, seed) = text.rsplit_once(':').ok_or(InvalidKey::Secret)?;
        if !is_name(name) {
            return Err(InvalidKey::Name);
        }
        let mut bytes = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(seed, bytes.as_mut_slice()).map_err(|_| InvalidKey::Secret)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(bytes.as_slice()).map_err(|_| InvalidKey::Secret)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| InvalidKey::Secret)?;
        Ok(Self { public: VerifyingKey { name: name.to_owned(), public }, pair })
    }
}

impl SigningKey {
    #[must_use]
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The name of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.public.name
    }

    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.pair.sign(text.as_bytes()).as_ref().to_vec()
    }
}

/// The public part of a key, with its name. As text, `NAME+ID+KEY`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    name: String,
    public: [u8; 32],
}

impl VerifyingKey {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn typed(&self) -> Vec<u8> {
        [&[ALGORITHM], self.public.as_slice()].concat()
    }

    /// Tells keys of one name apart.
    pub(crate) fn id(&self) -> [u8; 4] {
        let hash =
            Sha256::new().chain_update(&self.name).chain_update("\n").chain_update(self.typed()).finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(hash).for_each(|(id, byte)| *id = byte);
        id
    }

    pub(crate) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(text.as_bytes(), signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id()), STANDARD.encode(self.typed()))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifyingKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        // The key itself may have a `+` in its base64.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidKey::Public);
        };
        let typed = STANDARD.decode(key).map_err(|_| InvalidKey::Public)?;
        let [ALGORITHM, public @ ..] = typed.as_slice() else { return Err(InvalidKey::Public) };
        let public = public.try_into().map_err(|_| InvalidKey::Public)?;
        let key = Self { name: name.to_owned(), public };
        let is_whole = is_name(name) && hex::encode(key.id()) == id;
        is_whole.then_some(key).ok_or(InvalidKey::Public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8032, section 7.1, TEST 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const SIGNATURE: &str = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970\
                             1cf9b46bd25bf5f0595bbe24655141438e7a100b";

    #[test]
    fn the_published_key_has_the_published_public_key_and_signature() {
        let key: SigningKey = format!("a.example/log:{SEED}").parse().unwrap();
        assert_eq!(hex::encode(key.public.public), PUBLIC);
        assert_eq!(hex::encode(key.sign("")), SIGNATURE);
        assert!(key.public.verifies("", &key.sign("")) && !key.public.verifies("x", &key.sign("")));
        assert!(!format!("{key:?}").contains(SEED));
    }

    #[test]
    fn a_public_key_is_read_as_it_is_written_and_a_changed_one_refused() {
        let key: SigningKey = format!("a.example/log:{SEED}").parse().unwrap();
        let text = key.public().to_string();
        assert_eq!(text.parse::<VerifyingKey>().as_ref(), Ok(key.public()));
        for wrong in [&text[1..], &text[..text.len() - 4], &text.replace("a.example", "b.example"), "", "a+b"]
        {
            assert_eq!(wrong.parse::<VerifyingKey>(), Err(InvalidKey::Public), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_could_be_taken_for_something_else_is_refused() {
        for name in ["", "a b", "a+b", "a:b", "a\nb", &"a".repeat(201)] {
            let refused = format!("{name}:{SEED}").parse::<SigningKey>().map(drop);
            assert_eq!(refused, Err(InvalidKey::Name), "{name}");
        }
        for secret in ["a.example", "a.example:", "a.example:00", &format!("a.example:{SEED}0")] {
            assert_eq!(secret.parse::<SigningKey>().map(drop), Err(InvalidKey::Secret), "{secret}");
        }
    }
}
