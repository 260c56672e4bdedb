//! Encryption at rest.
//!
//! Each stored value is sealed with AES-256-GCM under a *data key*, bound to its table, column and row, so that it
//! opens in no other place. Data keys are stored beside the data, *wrapped* by a key that is not: one of
//! `ENCRYPTION_KEYS` ([`KeyRing`]), or a key in a key management service, behind [`Wrapping`]. Replacing the wrapping
//! key therefore rewrites a few data keys and no data.
//!
//! | question | module |
//! |---|---|
//! | How does a sealed value look? | [`format`](mod@format) |
//! | What is it bound to? | [`value_address`] |
//! | Which keys are at hand, and which one seals? | [`sealer`] |
//! | How long is it kept? | [`period`] |
//! | How are data keys protected? | [`wrapping`], [`key_ring`] |
//! | How is a sealed value found again? | [`blind_index`] |
//!
//! The crate knows no database and no network. Keys are never printed, and are overwritten in memory when they are
//! dropped.

pub mod blind_index;
mod cipher;
pub mod data_key;
pub mod format;
pub mod key_ring;
pub mod period;
pub mod sealer;
mod secret_key;
mod several;
pub mod value_address;
pub mod wrapping;

pub use blind_index::{BlindIndex, IndexKey};
pub use cipher::{Cipher, NotAuthentic};
pub use data_key::{DataKey, DataKeyId};
pub use key_ring::{KeyRing, KeyRingError};
pub use period::Class;
pub use sealer::{OpenError, PlainValues, SealError, Sealer};
pub use secret_key::{NoRandomness, SecretKey};
pub use several::Several;
pub use value_address::ValueAddress;
pub use wrapping::{WrapError, WrappedKey, Wrapping};
