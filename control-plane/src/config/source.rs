//! Where settings come from: the environment first, then an optional file of `KEY=value` lines.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use edge_core::setting::clean;
use zeroize::Zeroizing;

use super::{setting_names, settings_file};

/// A reason why the configuration is invalid. Names the key, never a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{key}: is required; {expected}")]
    Missing { key: &'static str, expected: &'static str },
    #[error("{key} (from {origin}): {problem}")]
    Invalid { key: &'static str, origin: String, problem: String },
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
}

const ENVIRONMENT: &str = "the environment";

/// The raw settings, each with its origin. Many are secrets, so all of them are overwritten when they are dropped.
#[derive(Default)]
pub struct Source {
    values: HashMap<String, (Zeroizing<String>, String)>,
}

impl Source {
    /// Reads both sources. `environment` takes precedence over the file, so that a value can be overridden without
    /// touching the file.
    ///
    /// # Errors
    /// Every invalid value of a setting in either source, and every line of the file that is not a setting.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, Vec<ConfigError>> {
        let environment = environment.into_iter().map(|(key, value)| (key.into(), value.into()));
        Self::read(environment, file)
    }

    /// The settings of this process.
    ///
    /// # Errors
    /// As [`Source::new`].
    pub fn of_process(file: Option<&Path>) -> Result<Self, Vec<ConfigError>> {
        Self::read(std::env::vars_os(), file)
    }

    fn read(
        environment: impl Iterator<Item = (OsString, OsString)>,
        file: Option<&Path>,
    ) -> Result<Self, Vec<ConfigError>> {
        let (mut source, mut errors) = (Self::default(), Vec::new());
        if let Some(path) = file {
            source.read_file(path, &mut errors);
        }
        for (key, value) in environment {
            // Variables of other software may have any name.
            let Ok(key) = key.into_string() else { continue };
            match value.into_string() {
                Ok(value) => {
                    source.keep(key, &Zeroizing::new(value), ENVIRONMENT.to_owned(), &mut errors);
                }
                Err(_) => {
                    let problem = "is not UTF-8 text".to_owned();
                    let origin = ENVIRONMENT.to_owned();
                    errors.extend(setting_names::known(&key).map(|key| ConfigError::Invalid {
                        key,
                        origin,
                        problem,
                    }));
                }
            }
        }
        source.read_secrets(&mut errors);
        if errors.is_empty() { Ok(source) } else { Err(errors) }
    }

    /// Reads the secrets that are in files of their own, as orchestrators mount them.
    fn read_secrets(&mut self, errors: &mut Vec<ConfigError>) {
        for (key, file_key) in setting_names::IN_FILES {
            let Some(path) = self.get(file_key).map(str::to_owned) else { continue };
            if self.get(key).is_some() {
                let problem = format!("is set, too; set either {key} or {file_key}");
                errors.push(ConfigError::Invalid { key: file_key, problem, origin: path });
                continue;
            }
            match settings_file::secret_in(Path::new(&path)) {
                Ok(text) => self.keep(key.to_owned(), &text, path, errors),
                Err(problem) => errors.push(ConfigError::File { path: path.into(), problem }),
            }
        }
    }

    fn read_file(&mut self, path: &Path, errors: &mut Vec<ConfigError>) {
        let failed = |problem: String| ConfigError::File { path: path.to_owned(), problem };
        let text = match settings_file::text_in(path) {
            Ok(text) => text,
            Err(problem) => return errors.push(failed(problem)),
        };
        for (number, line) in (1..).zip(text.lines()) {
            match settings_file::setting_in(line.trim(), number) {
                Ok(None) => {}
                Ok(Some((key, _))) if self.values.contains_key(key) => {
                    errors.push(failed(format!("line {number} sets {key} a second time")));
                }
                Ok(Some((key, value))) => {
                    self.keep(key.to_owned(), value, format!("{}:{number}", path.display()), errors);
                }
                Err(problem) => errors.push(failed(problem)),
            }
        }
    }

    fn keep(&mut self, key: String, value: &str, origin: String, errors: &mut Vec<ConfigError>) {
        match (setting_names::known(&key), clean(value)) {
            (Some(key), Err(problem)) => {
                errors.push(ConfigError::Invalid { key, origin, problem: problem.to_string() });
            }
            (_, Ok(value)) => {
                self.values.insert(key, (Zeroizing::new(value.to_owned()), origin));
            }
            // Not a setting.
            (None, Err(_)) => {}
        }
    }

    /// The value of `key`. An empty value counts as unset, so that `KEY=` overrides the file.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Environment variables that look like misspelled settings, each with the likely intended one. They are no errors,
    /// since the environment also holds variables of other software.
    fn near_misses(&self) -> Vec<(&str, &'static str)> {
        let unknown =
            self.values.keys().map(String::as_str).filter(|key| setting_names::known(key).is_none());
        let mut near: Vec<_> = unknown.filter_map(|key| Some((key, setting_names::meant(key)?))).collect();
        near.sort_unstable();
        near
    }

    /// The near misses as warnings.
    #[must_use]
    pub fn near_miss_warnings(&self) -> Vec<String> {
        let warning =
            |(key, meant)| format!("{key} is set in the environment and is no setting; do you mean {meant}?");
        self.near_misses().into_iter().map(warning).collect()
    }

    /// The names of the settings whose values differ in `now`.
    #[must_use]
    pub fn changed_keys(&self, now: &Self) -> Vec<&'static str> {
        setting_names::names().filter(|key| self.get(key) != now.get(key)).collect()
    }

    /// Parses the value of `key`; `None` if it is not set.
    pub fn read_with<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        self.get(key).map(|value| parse(value).map_err(|problem| self.invalid(key, problem))).transpose()
    }

    /// The address to listen on; by default `port` on loopback.
    pub fn listen(&self, key: &'static str, port: u16) -> Result<SocketAddr, ConfigError> {
        let address = self.read_with(key, |text| listen_address(text, port))?;
        Ok(address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
    }

    #[must_use]
    pub fn invalid(&self, key: &'static str, problem: impl Into<String>) -> ConfigError {
        let origin = self.values.get(key).map_or("nowhere", |(_, origin)| origin.as_str()).to_owned();
        ConfigError::Invalid { key, origin, problem: problem.into() }
    }
}

/// Parses an address to listen on. `port` appears in the error's example.
pub(crate) fn listen_address(text: &str, port: u16) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let says_name = text.contains(|c: char| c.is_ascii_alphabetic()) && !text.contains('[');
        let names = if says_name { "; names, `localhost` too, are not looked up" } else { "" };
        format!("must be IP:PORT, e.g. 127.0.0.1:{port}, or 0.0.0.0:{port} for every interface{names}")
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    pub(in crate::config) fn with_file(
        text: impl AsRef<[u8]>,
        environment: &[(&str, &str)],
    ) -> Result<Source, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let all = |errors: Vec<ConfigError>| errors.iter().map(|error| format!("{error}\n")).collect();
        Source::new(environment, Some(file.path())).map_err(all)
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let text = "# comment\n\nWORKERS = 1\nDB_URI=file\nREDIS_URI=file";
        let source = with_file(text, &[("WORKERS", "2"), ("REDIS_URI", "")]).unwrap();
        let values = ["WORKERS", "DB_URI", "REDIS_URI"].map(|key| source.get(key));
        assert_eq!(values, [Some("2"), Some("file"), None]);
    }

    #[test]
    fn what_was_read_is_overwritten_when_it_is_dropped() {
        fn is_overwritten(_: &impl zeroize::ZeroizeOnDrop) {}
        let source = with_file("STRIPE_SECRET_KEY=sk_test_1", &[("DB_URI", "postgres://u:p@db/x")]).unwrap();
        assert!(source.values.len() >= 2);
        for (value, _) in source.values.values() {
            is_overwritten(value);
        }
    }

    #[test]
    fn a_secret_may_be_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("key"), "sk_test_1\n").unwrap();
        std::fs::write(path("empty"), "\n").unwrap();
        let read = |settings: &[(&str, &str)]| with_file("", settings);
        let source = read(&[("STRIPE_SECRET_KEY_FILE", &path("key"))]).unwrap();
        assert_eq!(source.get("STRIPE_SECRET_KEY"), Some("sk_test_1"));
        let both = [("STRIPE_SECRET_KEY_FILE", path("key")), ("STRIPE_SECRET_KEY", "sk_test_2".to_owned())];
        let both = both.each_ref().map(|(key, value)| (*key, value.as_str()));
        let refused = read(&both).err().unwrap();
        assert!(
            refused.contains("set either STRIPE_SECRET_KEY or") && !refused.contains("sk_test"),
            "{refused}"
        );
        for (name, problem) in [("empty", "is empty"), ("missing", "No such file")] {
            let refused = read(&[("DB_URI_FILE", &path(name))]).err().unwrap();
            assert!(refused.contains(&path(name)) && refused.contains(problem), "{refused}");
        }
        #[cfg(target_os = "linux")]
        {
            let refused = read(&[("DB_URI_FILE", "/dev/zero")]).err().unwrap();
            assert!(refused.contains("/dev/zero: has more than 65536 bytes"), "{refused}");
        }
        // What is not a secret has no such file.
        assert_eq!(read(&[("LOG_LEVEL_FILE", &path("key"))]).unwrap().get("LOG_LEVEL"), None);
    }

    #[test]
    fn every_line_that_is_no_setting_is_named_with_the_setting_that_may_be_meant() {
        let text = "WORKERS=1\nnonsense\nDATABASE_URL=x\nPROVIDER_TIMEOUT_SECOND=1\nTZ=UTC\nWORKERS=2";
        let errors = with_file(text, &[]).err().unwrap();
        for expected in [
            ": line 2 is not `KEY=value`",
            ": line 3 sets DATABASE_URL, which is no setting; do you mean DB_URI?",
            ": line 4 sets PROVIDER_TIMEOUT_SECOND, which is no setting; do you mean PROVIDER_TIMEOUT_SECONDS?",
            ": line 5 sets TZ, which is no setting\n",
            ": line 6 sets WORKERS a second time",
        ] {
            assert!(errors.contains(expected), "{expected} in {errors}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_key_and_its_place() {
        let source = with_file("WORKERS=1\nWORKER_LISTEN=localhost:8083", &[]).unwrap();
        let error = source.listen("WORKER_LISTEN", 8083).unwrap_err().to_string();
        assert!(
            error.starts_with("WORKER_LISTEN (from ") && error.contains(":2): must be IP:PORT"),
            "{error}"
        );
        assert!(error.ends_with("for every interface; names, `localhost` too, are not looked up"), "{error}");
    }

    #[test]
    fn what_stands_around_a_value_is_no_part_of_it_and_what_stands_in_it_is_refused() {
        let source = with_file("", &[("STRIPE_SECRET_KEY", " sk_test_1\n"), ("PAYPAL_CLIENT_ID", "a\r\n")]);
        let source = source.unwrap();
        assert_eq!(
            (source.get("STRIPE_SECRET_KEY"), source.get("PAYPAL_CLIENT_ID")),
            (Some("sk_test_1"), Some("a"))
        );
        let wrong = [
            ("STRIPE_SECRET_KEY", "\"hidden\""),
            ("PAYPAL_CLIENT_SECRET", "'hidden'"),
            ("DB_URI", "hid\nden"),
        ];
        let errors = with_file("", &wrong).err().unwrap();
        for (key, _) in wrong {
            assert!(errors.contains(&format!("{key} (from the environment): ")), "{errors}");
        }
        assert!(!errors.contains("hid"), "{errors}");
        assert!(with_file("", &[("MOTD", "\"a\nb\"")]).is_ok(), "it is nothing of ours");
    }

    #[test]
    fn variables_that_are_not_text_matter_only_where_they_are_read() {
        let value = || OsString::from_vec(vec![0xff]);
        let others = [("LS_COLORS".into(), value()), (value(), "1".into())];
        assert!(Source::read(others.into_iter(), None).is_ok());
        let errors = Source::read([("DB_URI".into(), value())].into_iter(), None).err().unwrap();
        assert_eq!(errors[0].to_string(), "DB_URI (from the environment): is not UTF-8 text");
    }

    #[test]
    fn what_has_changed_is_named_and_an_empty_value_is_none() {
        let was = with_file("LOG_LEVEL=info\nWORKERS=2\nAMQP_URI=", &[]).unwrap();
        let is = with_file("LOG_LEVEL=debug\nWORKERS=2\nRECONCILE_EVERY=6h", &[]).unwrap();
        let mut changed = was.changed_keys(&is);
        changed.sort_unstable();
        assert_eq!(changed, ["LOG_LEVEL", "RECONCILE_EVERY"]);
    }

    #[test]
    fn what_looks_like_a_misspelled_setting_in_the_environment_is_told() {
        let source = with_file("", &[("PROVIDER_TIMEOUT_SECOND", "1"), ("HOME", "/root"), ("WORKERS", "1")]);
        assert_eq!(source.unwrap().near_misses(), [("PROVIDER_TIMEOUT_SECOND", "PROVIDER_TIMEOUT_SECONDS")]);
    }
}
