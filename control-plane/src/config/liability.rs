//! Which results of a wallet card's authentication are taken, by client.

use std::collections::HashMap;

use edge_core::client::ClientId;
use payments_providers::{LiabilityPolicy, LiabilityShifts};

use super::setting_names::GATEWAY_CLIENTS;
use super::{ConfigError, Source};

const PROBLEM: &str = "must be some of `NO`, `POSSIBLE` and `UNKNOWN`, separated by commas, with exceptions as in \
    `POSSIBLE,UNKNOWN,shop=POSSIBLE`";

/// The control plane needs no list of the clients. Where it is among the settings, as in a local stack, a client that
/// is not in it is a mistake: the one that is meant would have the default.
pub(super) fn wallet_liability_shift(source: &Source) -> Result<LiabilityPolicy, ConfigError> {
    let clients = source.get(GATEWAY_CLIENTS).map(names);
    let read = |text: &str| parse(text, clients.as_deref());
    Ok(source.read_with("WALLET_LIABILITY_SHIFT", read)?.unwrap_or_default())
}

fn names(clients: &str) -> Vec<&str> {
    clients.split(',').filter_map(|entry| Some(entry.trim().split_once(':')?.0)).collect()
}

/// Reads the default, followed by exceptions: `POSSIBLE,UNKNOWN,shop=POSSIBLE,batch=NO+UNKNOWN`.
fn parse(text: &str, clients: Option<&[&str]>) -> Result<LiabilityPolicy, String> {
    let (mut default, mut of_clients) = (Vec::new(), HashMap::new());
    for (n, entry) in (1..).zip(text.split(',').map(str::trim)) {
        let Some((name, words)) = entry.split_once('=') else {
            if !of_clients.is_empty() {
                return Err(format!(
                    "entry {n} is no exception, `shop=POSSIBLE+UNKNOWN`, as the one before it"
                ));
            }
            default.push(entry);
            continue;
        };
        let Some(client) = ClientId::parse(name) else {
            return Err(format!("entry {n} has a client that is not 1 to 64 of A-Z a-z 0-9 _ . -"));
        };
        if clients.is_some_and(|clients| !clients.contains(&name)) {
            return Err(format!("has an exception for `{name}`, which is no client of GATEWAY_CLIENTS"));
        }
        let Some(words) = LiabilityShifts::of(words.split('+')) else {
            return Err(format!(
                "has an exception for `{name}` that is not some of `NO`, `POSSIBLE` and `UNKNOWN`, with `+` between \
                 them"
            ));
        };
        if of_clients.insert(client, words).is_some() {
            return Err(format!("has two exceptions for `{name}`"));
        }
    }
    let default = LiabilityShifts::of(default).ok_or(PROBLEM)?;
    Ok(LiabilityPolicy::new(default, of_clients))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<LiabilityPolicy, String> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        wallet_liability_shift(&Source::new(settings, None).unwrap()).map_err(|error| error.to_string())
    }

    fn policy(setting: &str) -> Result<LiabilityPolicy, String> {
        read(&[("WALLET_LIABILITY_SHIFT", setting)])
    }

    fn shifts(words: &[&str]) -> LiabilityShifts {
        LiabilityShifts::of(words.iter().copied()).unwrap()
    }

    #[test]
    fn words_without_a_client_are_the_policy_of_all() {
        assert_eq!(read(&[]).unwrap(), LiabilityPolicy::default());
        assert_eq!(policy("").unwrap(), LiabilityPolicy::default());
        assert_eq!(policy("POSSIBLE, UNKNOWN").unwrap(), LiabilityPolicy::default());
        let shop = ClientId::parse("shop").unwrap();
        assert_eq!(policy("POSSIBLE").unwrap().of(&shop), &shifts(&["POSSIBLE"]));
    }

    #[test]
    fn a_client_has_the_words_that_the_setting_gives_it_and_others_the_default() {
        let policy = policy("POSSIBLE,UNKNOWN, shop=POSSIBLE,\n batch=NO+UNKNOWN").unwrap();
        for (client, words) in [
            ("shop", &["POSSIBLE"][..]),
            ("batch", &["NO", "UNKNOWN"]),
            ("demo", &["POSSIBLE", "UNKNOWN"]),
            ("Shop", &["POSSIBLE", "UNKNOWN"]),
        ] {
            assert_eq!(policy.of(&ClientId::parse(client).unwrap()), &shifts(words), "{client}");
        }
    }

    #[test]
    fn a_wrong_policy_is_named_with_what_would_be_right() {
        for (setting, told) in [
            ("possible", "must be some of `NO`"),
            ("POSSIBLE,", "must be some of `NO`"),
            ("POSSIBLE,LIKELY,shop=POSSIBLE", "must be some of `NO`"),
            ("shop=POSSIBLE", "`POSSIBLE,UNKNOWN,shop=POSSIBLE`"),
            ("POSSIBLE,shop=", "exception for `shop` that is not some of"),
            ("POSSIBLE,shop=YES", "exception for `shop` that is not some of"),
            ("POSSIBLE,shop=POSSIBLE+", "exception for `shop` that is not some of"),
            ("POSSIBLE,shop=POSSIBLE,UNKNOWN", "entry 3 is no exception"),
            ("POSSIBLE,shop=POSSIBLE,", "entry 3 is no exception"),
            ("POSSIBLE,shop=POSSIBLE,shop=UNKNOWN", "two exceptions for `shop`"),
            ("POSSIBLE,=POSSIBLE", "entry 2 has a client"),
            ("POSSIBLE,UNKNOWN shop=POSSIBLE", "entry 2 has a client"),
        ] {
            let error = policy(setting).unwrap_err();
            assert!(
                error.starts_with("WALLET_LIABILITY_SHIFT") && error.contains(told),
                "{setting}: {error}"
            );
        }
    }

    #[test]
    fn an_exception_for_no_client_is_a_mistake_where_the_clients_are_known() {
        let with_clients = |setting| {
            read(&[("GATEWAY_CLIENTS", "shop:hidden, batch:hid=den"), ("WALLET_LIABILITY_SHIFT", setting)])
        };
        assert!(with_clients("POSSIBLE,shop=UNKNOWN,batch=NO").is_ok());
        let error = with_clients("POSSIBLE,shap=UNKNOWN").unwrap_err();
        assert!(error.contains("`shap`, which is no client") && !error.contains("hid"), "{error}");
        assert!(policy("POSSIBLE,shap=UNKNOWN").is_ok(), "nobody knows the clients");
    }
}
