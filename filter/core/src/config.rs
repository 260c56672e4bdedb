//! What the edge is told when it starts.

use serde::Deserialize;

use crate::attestation::{Keys, KeysError};

/// The environment variable that holds the keys: a secret has no place in a plugin's configuration, which
/// Envoy shows in `/config_dump`.
pub const KEYS_VARIABLE: &str = "EDGE_ATTESTATION_KEYS";

/// Everything that decides about a request besides the request.
#[derive(Debug)]
pub struct EdgeConfig {
    pub keys: Keys,
    /// The longest body that is let through, in bytes.
    pub body_bytes_max: usize,
}

/// Why the edge does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the plugin configuration is not right: {0}")]
    Settings(serde_json::Error),
    #[error("`maxBodyBytes` must be from 1 to 1048576")]
    BodyLimit,
    #[error(
        "{KEYS_VARIABLE} is not set; it must be `id:hex` with 64 or more hex digits, and Envoy must pass it on (`host_env_keys`)"
    )]
    NoKeys,
    #[error("{KEYS_VARIABLE}: {0}")]
    Keys(KeysError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Settings {
    max_body_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_body_bytes: 65_536 }
    }
}

impl EdgeConfig {
    /// Reads the plugin's configuration (a JSON object, or nothing for the defaults) and the value of
    /// [`KEYS_VARIABLE`].
    ///
    /// # Errors
    /// Names the setting and what would be right.
    pub fn read(settings: &[u8], keys: Option<&str>) -> Result<Self, ConfigError> {
        let settings = match settings.trim_ascii() {
            b"" => Settings::default(),
            json => serde_json::from_slice(json).map_err(ConfigError::Settings)?,
        };
        if !(1..=1_048_576).contains(&settings.max_body_bytes) {
            return Err(ConfigError::BodyLimit);
        }
        let keys = Keys::parse(keys.ok_or(ConfigError::NoKeys)?).map_err(ConfigError::Keys)?;
        Ok(Self { keys, body_bytes_max: settings.max_body_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const KEYS: &str = "k1:0101010101010101010101010101010101010101010101010101010101010101";

    #[test]
    fn nothing_said_means_64_kib() {
        for settings in ["", " \n", "{}"] {
            assert_eq!(EdgeConfig::read(settings.as_bytes(), Some(KEYS)).unwrap().body_bytes_max, 65_536);
        }
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error =
            |settings: &str, keys| EdgeConfig::read(settings.as_bytes(), keys).unwrap_err().to_string();
        assert!(error("{\"maxBodyByte\":1}", Some(KEYS)).contains("maxBodyByte"));
        assert!(error("{\"maxBodyBytes\":0}", Some(KEYS)).contains("maxBodyBytes"));
        assert!(error("nonsense", Some(KEYS)).contains("plugin configuration"));
        assert!(error("{}", None).contains(KEYS_VARIABLE));
        assert!(error("{}", Some("k1:00")).contains(KEYS_VARIABLE));
    }
}
