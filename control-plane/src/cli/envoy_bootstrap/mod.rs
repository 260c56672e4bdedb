//! `control-plane envoy-bootstrap`: generates Envoy's configuration from a template and the settings.

mod associations;
mod certificates;
mod docs_page;
mod filter_config;
mod limits;
mod listeners;
mod own_replies;
mod profile;
mod shared_limit;
mod transports;
mod values;
mod webhooks;

pub(crate) use associations::{
    BYTES_MAX as ASSOCIATION_BYTES_MAX, PATH as ASSOCIATION_PATH, file_of as association_file,
};
pub use profile::Profile;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use certificates::Certificates;
use clap::ValueEnum as _;
use serde_json::Value;

use crate::config::{ConfigError, ENVOY_HELP, PROFILE, Source};

const TEMPLATE: &str = include_str!("../../../../envoy/bootstrap.yaml");

/// Print Envoy's bootstrap configuration, generated from the settings
#[derive(clap::Args, Debug)]
#[command(after_help = ENVOY_HELP)]
pub struct Args {
    /// The set of defaults [default: GATEWAY_PROFILE, or local]
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// A file for it, which its owner alone can read; standard output by default. Only with it does Envoy follow its
    /// certificates: what names them is written beside it (FILE's name with `.NAME.json`). And only with it is
    /// `EDGE_FILTER_CONFIG` written, from which Envoy takes the filter
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A whole configuration of Envoy.
#[derive(Debug)]
pub struct Bootstrap {
    /// As YAML.
    pub text: String,
    /// Path and contents of the files that name certificates, and of the filter's own.
    files: Vec<(PathBuf, String)>,
}

impl Args {
    /// The profile that the command line or the settings name.
    ///
    /// # Errors
    /// `GATEWAY_PROFILE` is not a profile.
    pub fn profile(&self, source: &Source) -> Result<Profile, ConfigError> {
        let named = source
            .read_with(PROFILE, |name| Profile::from_str(name, false).map_err(|_| NO_PROFILE.to_owned()))?;
        Ok(self.profile.or(named).unwrap_or(Profile::Local))
    }
}

const NO_PROFILE: &str = "must be `local` or `production`";

/// Renders the whole bootstrap. With the path of the file that it goes to, Envoy follows its certificates, and the filter
/// if that has a file of its own.
///
/// # Errors
/// All missing and invalid settings.
pub fn render(profile: Profile, source: &Source, file: Option<&Path>) -> Result<Bootstrap, Vec<ConfigError>> {
    // Envoy may run in another folder.
    let file = file.map(|file| std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    let of_filter = file.as_ref().and_then(|_| filter_config::file(source).ok().flatten());
    let mut certificates = Certificates::beside(file);
    let values = values::read(profile, source, &mut certificates)?;
    let mut files = certificates.files;
    let text = match of_filter.and_then(|path| Some((path, filter_config::apart(TEMPLATE)?))) {
        None => fill(TEMPLATE, |name| values.get(name)),
        Some((path, (bootstrap, filter))) => {
            files.push((path, fill(&filter, |name| values.get(name))));
            fill(&bootstrap, |name| values.get(name))
        }
    };
    Ok(Bootstrap { text, files })
}

/// Writes the bootstrap to a file, and before it the files that it names.
///
/// # Errors
/// If one of them, or the same name with `.new` beside it, cannot be written.
pub fn write(file: &Path, bootstrap: &Bootstrap) -> io::Result<()> {
    for (path, text) in &bootstrap.files {
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        write_private(path, text).map_err(named)?;
    }
    write_private(file, &bootstrap.text)
}

/// The whole file or nothing. The bootstrap contains the clients' keys, so it is for its owner alone.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    let mut unfinished = file.to_owned().into_os_string();
    unfinished.push(".new");
    // What an interrupted run left behind may be readable by others.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    new.write_all(text.as_bytes())?;
    fs::rename(&unfinished, file)
}

/// Settings that name files read by Envoy.
const FILES: [&str; 9] = [
    "EDGE_FILTER_WASM",
    "TLS_CERTIFICATE",
    "TLS_PRIVATE_KEY",
    "CONTROL_PLANE_CA",
    "EDGE_CACHE_CA",
    "ENVOY_CLIENT_CERTIFICATE",
    "ENVOY_CLIENT_PRIVATE_KEY",
    "GATEWAY_RATE_LIMIT_SERVICE_CA",
    "PAYPAL_TLS_CA",
];

/// Possible mistakes in settings that are valid by themselves.
#[must_use]
pub fn warnings(source: &Source) -> Vec<String> {
    let files = FILES.into_iter().filter_map(|key| Some((key, source.get(key)?)));
    let files = files.chain(associations::files(source).map(|file| (associations::KEY, file)));
    let missing = files.filter(|(_, file)| !std::path::Path::new(file).is_file());
    let missing = missing.map(|(key, file)| (key, file.to_owned())).chain(docs_page::missing(source)).map(
        |(key, file)| {
            format!(
                "{key}: there is no file {file} here; Envoy does not start unless it exists where Envoy runs"
            )
        },
    );
    source.near_miss_warnings().into_iter().chain(missing).chain(associations::warnings(source)).collect()
}

/// Replaces each `${NAME}` with the JSON of its value, which is also YAML. Where it stands alone as an item of a list, a
/// list of values becomes as many items, or none.
fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<&'a Value>) -> String {
    let mut parts = template.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, text) = part.split_once('}').unwrap_or((part, ""));
        let line = filled.rfind('\n').map_or(0, |end| end + 1);
        let indent = filled.get(line..).and_then(|start| start.strip_suffix("- ")).map(str::to_owned);
        let is_indent = |indent: &String| indent.bytes().all(|b| b == b' ');
        if let (Some(indent), Some(Value::Array(items))) = (indent.filter(is_indent), value(name)) {
            filled.truncate(line);
            let items: Vec<_> = items.iter().map(|item| format!("{indent}- {item}")).collect();
            filled.push_str(&items.join("\n"));
            filled.push_str(text);
            continue;
        }
        // Unknown names do not depend on the settings; a test checks that there are none.
        filled.push_str(&value(name).map_or_else(|| format!("${{{name}}}"), Value::to_string));
        filled.push_str(text);
    }
    filled
}

#[cfg(test)]
mod tests;
