//! AWS KMS. Credentials, proxies and endpoints come from AWS's own settings, as for every program that uses its SDK.

use std::fmt;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use sealing::{DataKeyId, SecretKey, WrapError, WrappedKey, Wrapping};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::PATIENCE;

/// A symmetric key. Data keys are bound to their ids by the encryption context.
pub(crate) struct AwsKms {
    arn: String,
    region: String,
    /// As stored with each data key: `awskms:ARN`.
    name: String,
    /// Set up when it is first used, which may ask the machine for credentials.
    client: OnceCell<Client>,
}

/// The text names no key of AWS KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be `awskms:arn:aws:kms:REGION:ACCOUNT:key/ID`")]
pub(crate) struct InvalidArn;

/// The name of the binding in the encryption context.
const DATA_KEY: &str = "payment-gateway-data-key";

impl AwsKms {
    /// The prefix of its names.
    pub(crate) const SCHEME: &'static str = "awskms:";

    /// # Errors
    /// The name holds no ARN of a key. An alias could be moved to another key, which would not open what it has
    /// wrapped.
    pub(crate) fn new(name: &str) -> Result<Self, InvalidArn> {
        let arn = name.strip_prefix(Self::SCHEME).ok_or(InvalidArn)?;
        let parts: Vec<_> = arn.split(':').collect();
        let &["arn", partition, "kms", region, account, key] = &parts[..] else { return Err(InvalidArn) };
        let is_key = key.strip_prefix("key/").is_some_and(|id| !id.is_empty());
        if !is_key || [partition, region, account].contains(&"") {
            return Err(InvalidArn);
        }
        let region = region.to_owned();
        Ok(Self { arn: arn.to_owned(), region, name: name.to_owned(), client: OnceCell::new() })
    }

    async fn client(&self) -> &Client {
        let connect = async || {
            let timeouts = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
            let config = aws_config::defaults(BehaviorVersion::latest())
                .region(Region::new(self.region.clone()))
                .timeout_config(timeouts)
                .load()
                .await;
            Client::new(&config)
        };
        self.client.get_or_init(connect).await
    }

    fn unavailable(&self, problem: impl std::error::Error + Send + Sync + 'static) -> WrapError {
        let source = Failed(DisplayErrorContext(problem).to_string());
        WrapError::Unavailable { by: self.name.clone(), source: Box::new(source) }
    }
}

/// What the SDK says, with its causes.
#[derive(Debug, thiserror::Error)]
#[error("AWS KMS: {0}")]
struct Failed(String);

#[derive(Debug, thiserror::Error)]
#[error("the answer holds no ciphertext")]
struct NoCiphertext;

#[async_trait]
impl Wrapping for AwsKms {
    fn first(&self) -> &str {
        &self.name
    }

    fn has(&self, name: &str) -> bool {
        name == self.name
    }

    async fn wrap(&self, id: DataKeyId, key: &SecretKey) -> Result<WrappedKey, WrapError> {
        let request = self.client().await.encrypt().key_id(&self.arn).plaintext(Blob::new(*key.as_bytes()));
        let answer = request.encryption_context(DATA_KEY, id.to_string()).send().await;
        let answer = answer.map_err(|problem| self.unavailable(problem))?;
        let wrapped = answer.ciphertext_blob().ok_or_else(|| self.unavailable(NoCiphertext))?;
        Ok(WrappedKey { by: self.name.clone(), bytes: wrapped.as_ref().to_vec() })
    }

    async fn unwrap(&self, id: DataKeyId, wrapped: &WrappedKey) -> Result<SecretKey, WrapError> {
        let wrong = || WrapError::Wrong { by: self.name.clone(), data_key: id };
        let blob = Blob::new(wrapped.bytes.clone());
        let request = self.client().await.decrypt().key_id(&self.arn).ciphertext_blob(blob);
        let answer = request.encryption_context(DATA_KEY, id.to_string()).send().await;
        let answer = answer.map_err(|problem| {
            let is_wrong = problem.as_service_error().is_some_and(|error| {
                error.is_invalid_ciphertext_exception() || error.is_incorrect_key_exception()
            });
            if is_wrong { wrong() } else { self.unavailable(problem) }
        })?;
        let plain = answer.plaintext.map(|plain| Zeroizing::new(plain.into_inner()));
        plain.and_then(|plain| SecretKey::from_slice(&plain)).ok_or_else(wrong)
    }
}

impl fmt::Debug for AwsKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests;
