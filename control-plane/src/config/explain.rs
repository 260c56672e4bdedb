//! Explanations of the settings, as `config explain` prints and `docs/configuration.md` shows them.

use std::fmt::Write as _;

use super::envoy_settings;
use super::setting_names::{CRASH_POINTS, IN_FILES, OF_OTHER_PROGRAMS, meant};
use super::settings::SETTINGS;

/// The format of the explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplainFormat {
    /// A table, for documentation.
    Markdown,
    /// For a terminal.
    Plain,
}

/// Explains the control plane's settings, or those named by `keys`, of any program of the gateway.
///
/// # Errors
/// The first key that is not a setting, with the likely intended one.
pub fn explain(keys: &[String], format: ExplainFormat) -> Result<String, String> {
    let is_wanted = |own: &[&str]| keys.is_empty() || own.iter().any(|own| keys.iter().any(|key| key == own));
    let own = SETTINGS.iter().filter(|setting| is_wanted(setting.keys));
    let mut rows: Vec<_> =
        own.map(|own| (own.keys.join(", "), own.default, own.meaning.to_owned())).collect();
    for key in keys.iter().filter(|key| !is_own(key)) {
        let meaning = of_another_program(key)?;
        rows.push(match meaning.strip_suffix(" (required)") {
            Some(meaning) => (key.clone(), "required", meaning.to_owned()),
            None => (key.clone(), "", meaning),
        });
    }
    // Writing to a string cannot fail.
    let mut text = String::new();
    if format == ExplainFormat::Markdown {
        text.push_str("| key | default | |\n|---|---|---|\n");
    }
    for (keys, default, meaning) in rows {
        let _ = match format {
            ExplainFormat::Markdown => {
                writeln!(text, "| `{}` | {default} | {meaning} |", keys.replace(", ", "`, `"))
            }
            ExplainFormat::Plain if default.is_empty() => writeln!(text, "{keys}\n    {}", plain(&meaning)),
            ExplainFormat::Plain if default == "required" => {
                writeln!(text, "{keys} (required)\n    {}", plain(&meaning))
            }
            ExplainFormat::Plain => {
                writeln!(text, "{keys} (default: {})\n    {}", plain(default), plain(&meaning))
            }
        };
    }
    Ok(text)
}

fn is_own(key: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.keys.contains(&key))
}

fn of_another_program(key: &str) -> Result<String, String> {
    if key.is_empty() {
        return Err("an empty name is no setting; give none to see all settings".to_owned());
    }
    if let Some(meaning) = envoy_settings::explained(key) {
        return Ok(format!("of `control-plane envoy-bootstrap`: {meaning}"));
    }
    if let Some((_, meaning)) = OF_OTHER_PROGRAMS.iter().find(|(name, _)| *name == key) {
        return Ok((*meaning).to_owned());
    }
    if let Some((secret, _)) = IN_FILES.iter().find(|(_, file)| *file == key) {
        return Ok(format!("the path of a file that has the value of {secret}"));
    }
    if key == CRASH_POINTS {
        return Ok("for tests only: where the process ends itself; never set it elsewhere".to_owned());
    }
    let meant = meant(key).map_or_else(String::new, |meant| format!("; do you mean {meant}?"));
    Err(format!("`{key}` is no setting of the gateway{meant}"))
}

/// Strips Markdown markup: code, and links within the documentation.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, link)) = rest.split_once('[') {
        text.push_str(before);
        rest = match link.split_once("](").and_then(|(words, target)| Some((words, target.split_once(')')?)))
        {
            Some((words, (target, after))) if !words.contains(']') && target.starts_with('#') => {
                text.push_str(words);
                text.push_str(" (docs/configuration.md)");
                after
            }
            _ => {
                text.push('[');
                link
            }
        };
    }
    (text + rest).replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::super::setting_names::names;
    use super::*;

    /// Reads the file at run time instead of including it: images are built without the documentation.
    fn documentation() -> String {
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md")).unwrap()
    }

    #[test]
    fn the_documentation_has_the_table_that_the_program_prints() {
        let documentation = documentation();
        let table = explain(&[], ExplainFormat::Markdown).unwrap();
        let written: Vec<_> =
            documentation.lines().skip_while(|line| !line.starts_with("| key | default |")).collect();
        let table: Vec<_> = table.lines().collect();
        // A blank line ends the table.
        assert_eq!([table.as_slice(), &[""]].concat(), written[..=table.len()]);
    }

    #[test]
    fn a_setting_of_any_program_is_explained() {
        let ask = |key: &str| explain(&[key.to_owned()], ExplainFormat::Plain);
        let text = explain(&["WORKERS".to_owned()], ExplainFormat::Markdown).unwrap();
        assert!(text.contains("| `WORKERS` | 16 |") && text.lines().count() == 3, "{text}");
        assert!(ask("GATEWAY_CLIENTS").unwrap().contains("of control-plane envoy-bootstrap: client:key"));
        assert!(ask("STRIPE_WEBHOOK_SECRETS").unwrap().contains("in Envoy's environment"));
        assert!(ask("DRAIN_SECONDS").unwrap().contains("run-envoy.sh"));
        for setting in &SETTINGS {
            assert!(!setting.meaning.is_empty(), "{:?}", setting.keys);
        }
        assert!(ask("CRASH_POINTS").unwrap().contains("for tests only"));
        let error = ask("WORKER").unwrap_err();
        assert!(error.contains("do you mean WORKERS?"), "{error}");
        assert!(ask("").unwrap_err().starts_with("an empty name is no setting"));
    }

    #[test]
    fn a_setting_of_another_program_names_it_and_says_if_it_is_required() {
        let ask = |key: &str, format| explain(&[key.to_owned()], format).unwrap();
        assert!(ask("RUN_DIR", ExplainFormat::Plain).contains("of the local stack"));
        let row =
            "| `EDGE_FILTER_WASM` | required | of `control-plane envoy-bootstrap`: the filter's .wasm |";
        assert!(ask("EDGE_FILTER_WASM", ExplainFormat::Markdown).ends_with(&format!("{row}\n")));
        for key in ["EDGE_FILTER_WASM", "EDGE_ATTESTATION_KEYS"] {
            let text = ask(key, ExplainFormat::Plain);
            assert!(text.starts_with(&format!("{key} (required)\n")), "{text}");
        }
    }

    #[test]
    fn on_a_terminal_nothing_is_marked_up() {
        for setting in SETTINGS.iter().flat_map(|setting| setting.keys) {
            let text = explain(&[(*setting).to_owned()], ExplainFormat::Plain).unwrap();
            assert!(!text.contains(['`', '|']) && !text.contains("](#"), "{text}");
        }
        let text = explain(&["REDIS_URI".to_owned()], ExplainFormat::Plain).unwrap();
        assert!(text.starts_with("REDIS_URI (default: none)\n    redis://[USER:PASSWORD@]HOST"), "{text}");
        assert!(text.contains("How large (docs/configuration.md)"), "{text}");
    }

    #[test]
    fn the_documentation_names_every_setting_that_a_program_of_the_gateway_reads() {
        let documentation = documentation();
        // The sandbox has its own documentation, and no user sets the crash points.
        let documented = |name: &&str| !name.starts_with("SANDBOX_") && *name != CRASH_POINTS;
        for name in names().filter(documented).chain(["SANDBOX_LISTEN"]) {
            assert!(documentation.contains(&format!("`{name}`")), "{name} is missing");
        }
    }
}
