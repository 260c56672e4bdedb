//! RSA signatures, and who verifies them.
//!
//! Envoy verifies one in a few microseconds; under wasm this crate needs some hundred. [`PureRust`] is used everywhere
//! else.

use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, PublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The digest of a signature. SHA-1 and older are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Envoy's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// The host cannot verify signatures, or not with this key. This says nothing about the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Verifies RSASSA-PKCS1-v1_5 signatures (RFC 8017).
pub trait VerifyRsa {
    /// Whether `signature` is a signature over `message` by `key`, a `SubjectPublicKeyInfo` in DER.
    fn verify(&self, key: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> Result<bool, Unavailable>;
}

/// Verification without a host.
#[derive(Clone, Copy, Debug, Default)]
pub struct PureRust;

impl VerifyRsa for PureRust {
    fn verify(&self, key: &[u8], hash: Hash, message: &[u8], signature: &[u8]) -> Result<bool, Unavailable> {
        let key = PublicKey::from_public_key_der(key).map_err(|_| Unavailable)?;
        let verified = match hash {
            Hash::Sha256 => key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature),
            Hash::Sha384 => key.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message), signature),
            Hash::Sha512 => key.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message), signature),
        };
        Ok(verified.is_ok())
    }
}
