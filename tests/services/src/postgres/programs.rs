//! PostgreSQL's own programs, as a user that they accept.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;

use super::PASSWORD;
use crate::with_tls::{AUTHORITY, CERTIFICATE, PRIVATE_KEY};

/// The folder with the programs: of the `initdb` on the PATH, else of the newest that Debian installed.
pub(super) fn programs() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        std::env::split_paths(&on_path).find_map(|folder| folder.join("initdb").canonicalize().ok());
    let on_path = on_path.as_deref().and_then(Path::parent).filter(|folder| folder.join("postgres").exists());
    let version =
        |path: &Path| path.file_name()?.to_str()?.parse().ok().filter(|version: &u32| *version >= 14);
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = installed.map(|entry| entry.path()).filter_map(|path| Some((version(&path)?, path)));
    on_path.map(Path::to_owned).or_else(|| installed.max().map(|(_, folder)| folder.join("bin")))
}

/// PostgreSQL refuses to run as root.
pub(crate) fn unprivileged(program: &Path) -> Command {
    let Some(user) = user() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
    command
}

fn user() -> Option<&'static str> {
    let exists = |user: &str| id("-u", user).is_some();
    geteuid().is_root().then(|| if exists("postgres") { "postgres" } else { "nobody" })
}

fn id(which: &str, user: &str) -> Option<u32> {
    let output = Command::new("id").args([which, user]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// For programs that run as [`unprivileged`].
pub(crate) fn own_by_server_user(paths: &[&Path]) {
    if let Some(user) = user() {
        for path in paths {
            chown(path, id("-u", user), id("-g", user)).unwrap();
        }
    }
}

pub(super) fn init(programs: &Path, folder: &Path) {
    let password = folder.join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    own_by_server_user(&[folder, &password]);
    let mut command = unprivileged(&programs.join("initdb"));
    command.arg("--pgdata").arg(folder.join("data")).arg("--pwfile").arg(&password);
    command.args([
        "--username=gateway",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]);
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
}

pub(super) fn spawn(programs: &Path, folder: &Path, port: u16) -> Child {
    let mut command = unprivileged(&programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).arg("-p").arg(port.to_string());
    for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=500"] {
        command.args(["-c", setting]);
    }
    if folder.join(CERTIFICATE).exists() {
        command.args(["-c", "ssl=on"]);
        for (setting, file) in
            [("ssl_cert_file", CERTIFICATE), ("ssl_key_file", PRIVATE_KEY), ("ssl_ca_file", AUTHORITY)]
        {
            command.arg("-c").arg(format!("{setting}={}", folder.join(file).display()));
        }
    }
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    match File::create(folder.join("log")) {
        Ok(log) => command.stderr(log),
        Err(error) if error.kind() == ErrorKind::NotFound => command.stderr(Stdio::null()),
        Err(error) => panic!("{error}"),
    };
    command.spawn().unwrap()
}
