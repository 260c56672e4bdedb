//! Writes each target's seeds to a folder of its name, for an engine that reads files: `write_seeds FOLDER`.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("a folder is needed: write_seeds FOLDER"))?;
    for target in edge_core_fuzz::TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        for (n, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(folder.join(format!("{n:02}")), seed)?;
        }
    }
    Ok(())
}
