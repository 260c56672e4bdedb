//! Folders as wholes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The files below a folder with their contents, by their paths from it.
pub(super) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            // Left by a Python that ran the client.
            if entry.file_name() == "__pycache__" {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Copies what is below a folder.
pub(super) fn copy(from: &Path, to: &Path) {
    for (name, content) in tree(from) {
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, content).unwrap();
    }
}
