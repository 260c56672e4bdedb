//! Third-party tools that tests run, installed from their registries once, into the build folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Installs these packages (`name==version`) below `build_folder`, which is a test's `CARGO_TARGET_TMPDIR`, and returns
/// the folder for `PYTHONPATH`. Installed packages are reused.
///
/// # Errors
/// If there is no Python, or the package index is unreachable.
pub fn python_packages(build_folder: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = build_folder.join(format!("python-{}", packages.join("-")));
    once(&folder, |unfinished| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        pip.args(["--retries", "1", "--timeout", "20", "--target"]).arg(unfinished).args(packages);
        pip
    })
}

/// The same from npm; the programs are in `node_modules/.bin` of the folder.
///
/// # Errors
/// If there is no npm, or the package index is unreachable.
pub fn npm_packages(build_folder: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = build_folder.join(format!("npm-{}", packages.join("-").replace('/', "-")));
    once(&folder, |unfinished| {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
        npm.args(["--fetch-retries", "1", "--fetch-timeout", "20000", "--prefix"])
            .arg(unfinished)
            .args(packages);
        npm
    })
}

/// Fills the folder with a command that installs into a given folder, unless it exists.
fn once(folder: &Path, installer: impl FnOnce(&Path) -> Command) -> Result<PathBuf, String> {
    if folder.is_dir() {
        return Ok(folder.to_owned());
    }
    // Installed in a temporary folder and moved, so that an interrupted installation is not taken for a complete one.
    let beside = folder.parent().ok_or("there is no build folder")?;
    let unfinished = tempfile::tempdir_in(beside).map_err(|error| error.to_string())?;
    let mut installer = installer(unfinished.path());
    let name = installer.get_program().to_string_lossy().into_owned();
    let done = installer.output().map_err(|error| format!("{name} could not be started: {error}"))?;
    if !done.status.success() {
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        return Err(format!("{name} could not install: {last}"));
    }
    match fs::rename(unfinished.path(), folder) {
        Ok(()) => Ok(folder.to_owned()),
        // Another run was faster.
        Err(_) if folder.is_dir() => Ok(folder.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
