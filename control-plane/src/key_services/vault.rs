//! Vault's transit engine, or OpenBao's: <https://developer.hashicorp.com/vault/api-docs/secret/transit>.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payments::causes::with_causes;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode, Url, tls};
use sealing::wrapping::round_trip;
use sealing::{DataKeyId, SecretKey, WrapError, WrappedKey, Wrapping};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use zeroize::Zeroizing;

use super::PATIENCE;

/// Attempts of a request that was not answered, or with an error of the service: a start must not fail because of a
/// restart or a leader's election, which take seconds.
const TRIES: u32 = 4;
/// The pause before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// Longer than any answer to these requests.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The shortest ciphertext, of nothing.
const NONCE_AND_TAG: usize = 12 + 16;

/// A key of a transit engine. Data keys are bound to their ids as associated data, so the key must be of a type that
/// has it (`aes256-gcm96`, the default, or `chacha20-poly1305`).
pub(crate) struct VaultTransit {
    client: Client,
    /// `…/v1/MOUNT/`.
    engine: Url,
    key: String,
    /// As stored with each data key: `vault:MOUNT/KEY`.
    name: String,
    token: SecretString,
}

/// Why the settings name no key of Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidVault {
    #[error("must be `vault:MOUNT/KEY`, e.g. `vault:transit/payments`")]
    Key,
    #[error("must be Vault's address, `https://HOST:PORT`; `http` only for this machine itself")]
    Address,
    #[error("must be a PEM file with certificates of authorities")]
    Authorities,
    #[error("TLS cannot be set up")]
    Tls,
}

impl VaultTransit {
    /// The prefix of its names.
    pub(crate) const SCHEME: &'static str = "vault:";

    /// `authorities`: in PEM, those of Vault's certificate. `None`: the machine's.
    ///
    /// # Errors
    /// Says what is wrong with the name, the address or the authorities.
    pub(crate) fn new(
        name: &str,
        address: &str,
        token: SecretString,
        authorities: Option<&[u8]>,
    ) -> Result<Self, InvalidVault> {
        let path = name.strip_prefix(Self::SCHEME).ok_or(InvalidVault::Key)?;
        let (mount, key) = path.rsplit_once('/').ok_or(InvalidVault::Key)?;
        let is_name = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            (1..=128).contains(&part.len()) && part.bytes().all(allowed) && !part.starts_with('.')
        };
        if !mount.split('/').all(is_name) || !is_name(key) {
            return Err(InvalidVault::Key);
        }
        let base = Url::parse(address).map_err(|_| InvalidVault::Address)?;
        let is_plain = base.path() == "/" && base.query().is_none() && base.username().is_empty();
        if !is_plain || !(base.scheme() == "https" || is_this_machine(&base)) {
            return Err(InvalidVault::Address);
        }
        let engine = base.join(&format!("v1/{mount}/")).map_err(|_| InvalidVault::Address)?;
        let client = client(authorities)?;
        Ok(Self { client, engine, key: key.to_owned(), name: name.to_owned(), token })
    }

    /// Sends a request until it is answered.
    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.ask_once(operation, body).await {
                Err(Problem::Away(reason)) => {
                    tracing::warn!(key = self.name, reason, "Vault does not answer; asking again");
                    sleep(pause).await;
                    pause *= 2;
                }
                answered => return answered,
            }
        }
        self.ask_once(operation, body).await
    }

    async fn ask_once<T: for<'a> Deserialize<'a>>(
        &self,
        operation: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        let url = self.engine.join(&format!("{operation}/{}", self.key)).map_err(|_| Problem::Unusable)?;
        let request = self.client.post(url).header("x-vault-token", self.token.expose_secret()).json(body);
        let away = |error: reqwest::Error| Problem::Away(with_causes(&error.without_url()));
        let mut answer = request.send().await.map_err(away)?;
        let status = answer.status();
        let mut text = Zeroizing::new(Vec::new());
        while let Some(chunk) = answer.chunk().await.map_err(away)? {
            if text.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Problem::Unusable);
            }
            text.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => serde_json::from_slice::<VaultAnswer<T>>(&text)
                .map(|answer| answer.data)
                .map_err(|_| Problem::Unusable),
            // What was encrypted under another key or id, or was altered.
            StatusCode::BAD_REQUEST if is_about_no_key(&text) => Err(Problem::NoKey),
            StatusCode::BAD_REQUEST => Err(Problem::Refused(status.as_u16())),
            StatusCode::TOO_MANY_REQUESTS => Err(Problem::Away(status.to_string())),
            status if status.is_server_error() => Err(Problem::Away(status.to_string())),
            status => Err(Problem::Denied(status.as_u16())),
        }
    }

    /// Whether there is such a key. A token that may create keys makes one by its first request to encrypt, so this
    /// asks to decrypt what no key has encrypted.
    async fn exists(&self) -> Result<(), Problem> {
        let nobodys = format!("vault:v1:{}", STANDARD.encode([0_u8; NONCE_AND_TAG]));
        let bound_to = bound_to(DataKeyId::from_bytes([0; 8]));
        let body = Decrypt { ciphertext: &nobodys, associated_data: bound_to };
        match self.ask::<Decrypted>("decrypt", &body).await {
            Ok(_) | Err(Problem::Refused(_)) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    fn unavailable(&self, problem: Problem) -> WrapError {
        WrapError::Unavailable { by: self.name.clone(), source: Box::new(problem) }
    }
}

fn client(authorities: Option<&[u8]>) -> Result<Client, InvalidVault> {
    let builder = Client::builder()
        .user_agent(concat!("payment-gateway/", env!("CARGO_PKG_VERSION")))
        // The token goes to this host alone.
        .redirect(Policy::none())
        .no_proxy()
        .tls_version_min(tls::Version::TLS_1_3)
        .timeout(PATIENCE);
    let Some(pem) = authorities else { return builder.build().map_err(|_| InvalidVault::Tls) };
    let authorities = Certificate::from_pem_bundle(pem).map_err(|_| InvalidVault::Authorities)?;
    if authorities.is_empty() {
        return Err(InvalidVault::Authorities);
    }
    builder.tls_certs_only(authorities).build().map_err(|_| InvalidVault::Authorities)
}

/// Vault's answer names no code, only this text.
fn is_about_no_key(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).contains("encryption key not found")
}

fn is_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    url.scheme() == "http" && crate::this_machine::is_this_machine(host)
}

/// What came of a request. Holds nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("Vault does not answer: {0}")]
    Away(String),
    #[error(
        "Vault refuses the request with {0}: the token may not use this key, or there is no such key or mount"
    )]
    Denied(u16),
    #[error("Vault has no key of this name at this mount")]
    NoKey,
    #[error("Vault refuses the request with {0}")]
    Refused(u16),
    #[error("unexpected response from Vault")]
    Unusable,
}

#[derive(Deserialize)]
struct VaultAnswer<T> {
    data: T,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: String,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Zeroizing<String>,
}

/// What a wrapped key is bound to.
fn bound_to(id: DataKeyId) -> String {
    STANDARD.encode(format!("payment gateway: data key {id}"))
}

#[async_trait]
impl Wrapping for VaultTransit {
    fn first(&self) -> &str {
        &self.name
    }

    fn has(&self, name: &str) -> bool {
        name == self.name
    }

    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError> {
        let plaintext = Zeroizing::new(STANDARD.encode(key.as_bytes()));
        let body = Encrypt { plaintext: &plaintext, associated_data: bound_to(id) };
        let encrypted: Encrypted =
            self.ask("encrypt", &body).await.map_err(|problem| self.unavailable(problem))?;
        Ok(WrappedKey { by: self.name.clone(), bytes: encrypted.ciphertext.into_bytes() })
    }

    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError> {
        let wrong = || WrapError::Wrong { by: self.name.clone(), data_key: id };
        let ciphertext = std::str::from_utf8(&wrapped.bytes).map_err(|_| wrong())?;
        let body = Decrypt { ciphertext, associated_data: bound_to(id) };
        let decrypted: Decrypted = match self.ask("decrypt", &body).await {
            Ok(decrypted) => decrypted,
            Err(Problem::Refused(_) | Problem::NoKey) => return Err(wrong()),
            Err(problem) => return Err(self.unavailable(problem)),
        };
        let bytes = STANDARD.decode(decrypted.plaintext.as_bytes()).map(Zeroizing::new);
        bytes.ok().and_then(|bytes| SecretKey::from_slice(&bytes)).ok_or_else(wrong)
    }

    async fn check(&self) -> Result<(), WrapError> {
        self.exists().await.map_err(|problem| self.unavailable(problem))?;
        round_trip(self).await
    }
}

/// Omits the token.
impl fmt::Debug for VaultTransit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

#[cfg(test)]
mod tests;
