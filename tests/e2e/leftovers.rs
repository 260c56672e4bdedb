//! Tests leave nothing on the machine: no process, and no file in the folder for temporary ones.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

use gateway_tests::{Page, until};
use rustix::process::{Pid, Signal, kill_process_group};
use test_services::{ScratchFolder, skipped};

#[tokio::test]
async fn a_dropped_page_leaves_no_process_and_no_file_of_its_browser() {
    let Some(page) = Page::open("about:blank").await else {
        return skipped("no chromium on the PATH (Debian: apt-get install chromium)");
    };
    let traces = page.traces();
    assert!(traces.processes().len() > 1, "a browser has several: {traces:?}");
    // It creates this socket in the folder for temporary files, and removes it only if it ends by itself.
    let socket = fs::read_link(traces.profile().join("SingletonSocket")).unwrap();
    assert!(socket.starts_with(traces.profile()), "{}", socket.display());
    drop(page);
    let left = traces.processes();
    assert!(left.is_empty(), "{left:?}");
    assert!(!traces.profile().exists() && !socket.exists());
}

/// Names the file in which [`holds_a_folder`] says where its folder is.
const TOLD: &str = "GATEWAY_TEST_FOLDER";

#[tokio::test]
async fn the_folder_of_a_killed_test_program_is_removed_with_all_that_is_in_it() {
    let told = tempfile::tempdir().unwrap();
    let told = told.path().join("folder");
    let mut program = Command::new(env::current_exe().unwrap());
    program.args(["--exact", "leftovers::holds_a_folder", "--ignored"]).env(TOLD, &told).process_group(0);
    let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder =
        until("the folder", async || fs::read_to_string(&told).ok()?.strip_suffix('\n').map(PathBuf::from))
            .await;
    assert!(folder.join("file").exists());
    // Its whole group, as Ctrl-C in a terminal.
    kill_process_group(Pid::from_child(&program), Signal::KILL).unwrap();
    program.wait().unwrap();
    until("the end of the folder", async || (!folder.exists()).then_some(())).await;
}

#[test]
#[ignore = "the test above runs it as a program of its own, and kills it"]
fn holds_a_folder() {
    let Some(told) = env::var_os(TOLD) else { return };
    let folder = ScratchFolder::new("gateway-e2e-");
    fs::write(folder.path().join("file"), "of a test").unwrap();
    fs::write(told, format!("{}\n", folder.path().display())).unwrap();
    thread::sleep(Duration::from_secs(60));
}
