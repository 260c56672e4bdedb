//! Where settings come from: the environment first, then an optional file of `KEY=value` lines.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Why the configuration cannot be used. Names the key, never a secret's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{key}: is required; {expected}")]
    Missing { key: &'static str, expected: &'static str },
    #[error("{key} (from {origin}): {problem}")]
    Invalid { key: &'static str, origin: String, problem: String },
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
}

/// The raw settings, with the place each came from.
#[derive(Default)]
pub struct Source {
    values: HashMap<String, (String, String)>,
}

impl Source {
    /// `environment` wins over the file, so that one value can be changed without touching the file.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut source = Self::default();
        if let Some(path) = file {
            let failed = |problem: String| ConfigError::File { path: path.to_owned(), problem };
            let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
            source.read(&text, path).map_err(failed)?;
        }
        for (key, value) in environment {
            source.values.insert(key, (value, "the environment".to_owned()));
        }
        Ok(source)
    }

    fn read(&mut self, text: &str, path: &Path) -> Result<(), String> {
        for (n, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()))
                .filter(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace))
                .ok_or_else(|| format!("line {n} is not `KEY=value`"))?;
            let origin = format!("{}:{n}", path.display());
            if self.values.insert(key.to_owned(), (value.to_owned(), origin)).is_some() {
                return Err(format!("line {n} sets {key} a second time"));
            }
        }
        Ok(())
    }

    /// An empty value is none, so that `KEY=` unsets what the file says.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|(value, _)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Reads a value with `parse`, or gives `None` where it is not set.
    pub fn read_with<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        self.get(key).map(|value| parse(value).map_err(|problem| self.invalid(key, problem))).transpose()
    }

    pub fn parsed<T: FromStr>(&self, key: &'static str, expected: &str) -> Result<Option<T>, ConfigError> {
        self.read_with(key, |value| value.parse().map_err(|_| format!("must be {expected}")))
    }

    #[must_use]
    pub fn invalid(&self, key: &'static str, problem: impl Into<String>) -> ConfigError {
        let origin = self.values.get(key).map_or("nowhere", |(_, origin)| origin.as_str()).to_owned();
        ConfigError::Invalid { key, origin, problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str, environment: &[(&str, &str)]) -> Result<Source, ConfigError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Source::new(environment, Some(file.path()))
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let source = with_file("# comment\n\nA = file\nB=file\nC=file", &[("A", "env"), ("C", "")]).unwrap();
        assert_eq!((source.get("A"), source.get("B"), source.get("C")), (Some("env"), Some("file"), None));
    }

    #[test]
    fn a_line_that_is_no_setting_is_named() {
        let error = with_file("A=1\nnonsense", &[]).err().unwrap();
        assert!(error.to_string().contains("line 2 is not `KEY=value`"), "{error}");
    }

    #[test]
    fn a_key_set_twice_in_the_file_is_refused() {
        assert!(with_file("A=1\nA=2", &[]).is_err());
    }

    #[test]
    fn a_wrong_value_names_its_key_and_its_place() {
        let source = with_file("A=1\nPORT=x", &[]).unwrap();
        let error = source.parsed::<u16>("PORT", "a port number").unwrap_err().to_string();
        assert!(error.starts_with("PORT (from ") && error.ends_with(":2): must be a port number"), "{error}");
    }
}
