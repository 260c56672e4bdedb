//! A Dockerfile's instructions.

use std::fs;

use crate::root;

#[derive(Debug)]
pub(crate) struct Dockerfile {
    pub(crate) path: &'static str,
    /// What may be chosen at the build, `NAME=default`.
    pub(crate) arguments: Vec<String>,
    pub(crate) stages: Vec<BuildStage>,
}

#[derive(Debug)]
pub(crate) struct BuildStage {
    pub(crate) image: String,
    pub(crate) name: Option<String>,
    /// Keyword and the rest, continued lines joined.
    pub(crate) instructions: Vec<(String, String)>,
}

impl BuildStage {
    pub(crate) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions.iter().filter(move |(found, _)| found == keyword).map(|(_, rest)| rest.as_str())
    }
}

impl Dockerfile {
    pub(crate) fn read(path: &'static str) -> Self {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
        let (mut stages, mut arguments): (Vec<BuildStage>, _) = (Vec::new(), Vec::new());
        for line in joined.lines() {
            let (keyword, rest) = line.split_once(' ').unwrap();
            if keyword == "FROM" {
                let (image, name) =
                    rest.split_once(" AS ").map_or((rest, None), |(image, name)| (image, Some(name)));
                stages.push(BuildStage {
                    image: image.to_owned(),
                    name: name.map(str::to_owned),
                    instructions: Vec::new(),
                });
            } else if keyword == "ARG" && stages.is_empty() {
                arguments.push(rest.to_owned());
            } else {
                let stage = stages.last_mut().expect("FROM comes first");
                stage.instructions.push((keyword.to_owned(), rest.to_owned()));
            }
        }
        Self { path, arguments, stages }
    }

    pub(crate) fn stage(&self, name: &str) -> &BuildStage {
        let found = self.stages.iter().find(|stage| stage.name.as_deref() == Some(name));
        found.unwrap_or_else(|| panic!("{} has no stage {name}", self.path))
    }
}
