//! What else is known of a domain that is checked: by the settings at hand, and by the provider.

use std::sync::Arc;

use payments::ports::clock::SystemClock;
use payments_providers::{DomainStatus, StripeDomain, find_stripe_domain};

use crate::config::{ConfigError, Source, WalletSettings, provider_settings};

/// Lines about a domain.
#[derive(Debug, Default)]
pub(super) struct DomainNotes {
    problems: Vec<String>,
    notes: Vec<String>,
}

impl DomainNotes {
    /// # Errors
    /// The machine's TLS set-up is unusable.
    pub(super) async fn of(domain: &str, source: &Source) -> anyhow::Result<Self> {
        let mut notes = Self::default();
        notes.by_settings(domain, source);
        notes.by_stripe(domain, source).await?;
        Ok(notes)
    }

    fn by_settings(&mut self, domain: &str, source: &Source) {
        let clients = match WalletSettings::read(source) {
            Ok(wallets) => wallets.clients_of(domain).join(", "),
            Err(errors) => return self.are_unusable(&errors),
        };
        if !clients.is_empty() {
            self.notes.push(format!("WALLET_DOMAINS lists it for {clients}"));
        } else if source.get("WALLET_DOMAINS").is_some() {
            let problem =
                "WALLET_DOMAINS lists it for no client: GET /wallets/config answers DOMAIN_NOT_ALLOWED";
            self.problems.push(problem.to_owned());
        } else {
            self.notes.push("the settings at hand have no WALLET_DOMAINS to compare it with".to_owned());
        }
    }

    /// Without Stripe's key among the settings, it is not asked.
    async fn by_stripe(&mut self, domain: &str, source: &Source) -> anyhow::Result<()> {
        if source.get("STRIPE_SECRET_KEY").is_none() {
            return Ok(());
        }
        let settings = match provider_settings(source) {
            Ok(settings) => settings,
            Err(errors) => {
                self.are_unusable(&errors);
                return Ok(());
            }
        };
        let Some(stripe) = settings.stripe else { return Ok(()) };
        match find_stripe_domain(stripe, settings.timeouts, Arc::new(SystemClock), domain).await? {
            Err(problem) => self.problems.push(problem.to_string()),
            Ok(None) => self.notes.push(format!(
                "it is not registered at Stripe: `control-plane wallets register {domain} --provider stripe` does that"
            )),
            Ok(Some(found)) => self.is_registered(&found),
        }
        Ok(())
    }

    fn is_registered(&mut self, found: &StripeDomain) {
        if !found.is_enabled {
            self.problems.push("it is registered at Stripe, but not enabled there".to_owned());
        }
        for DomainStatus { wallet, status, problem } in &found.wallets {
            let problem = problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
            let line = format!("Stripe says of {wallet}: {status}{problem}");
            if status == "active" { self.notes.push(line) } else { self.problems.push(line) }
        }
    }

    fn are_unusable(&mut self, errors: &[ConfigError]) {
        self.problems.extend(errors.iter().map(ToString::to_string));
    }

    /// All lines, after what was `seen` of the file: an error unless everything is as it should be.
    pub(super) fn told_with(self, seen: Result<String, String>) -> Result<String, String> {
        let is_fine = seen.is_ok() && self.problems.is_empty();
        let (Ok(first) | Err(first)) = seen;
        let wrong = self.problems.into_iter().map(|problem| format!("wrong: {problem}"));
        let lines: Vec<_> = std::iter::once(first).chain(wrong).chain(self.notes).collect();
        let text = lines.join("\n  ");
        if is_fine { Ok(text) } else { Err(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_settings(domain: &str, domains: Option<&str>) -> Result<String, String> {
        let settings = domains.map(|list| ("WALLET_DOMAINS".to_owned(), list.to_owned()));
        let mut notes = DomainNotes::default();
        notes.by_settings(domain, &Source::new(settings, None).unwrap());
        notes.told_with(Ok("fine".to_owned()))
    }

    #[test]
    fn a_domain_that_no_client_has_is_wrong_where_others_are_listed() {
        let listed = Some("demo:shop.example,b:shop.example");
        assert_eq!(
            by_settings("shop.example", listed),
            Ok("fine\n  WALLET_DOMAINS lists it for b, demo".to_owned())
        );
        assert!(by_settings("x.example", listed).unwrap_err().contains("for no client"));
        assert!(by_settings("x.example", None).unwrap().contains("no WALLET_DOMAINS"));
        assert!(by_settings("x.example", Some("demo")).unwrap_err().contains("WALLET_DOMAINS"));
    }

    #[test]
    fn what_stripe_says_of_a_wallet_is_wrong_unless_it_is_active() {
        let wallet = |status: &str, problem: Option<&str>| DomainStatus {
            wallet: "apple_pay".to_owned(),
            status: status.to_owned(),
            problem: problem.map(str::to_owned),
        };
        let told = |is_enabled, wallets| {
            let mut notes = DomainNotes::default();
            notes.is_registered(&StripeDomain { is_enabled, wallets });
            notes.told_with(Ok("fine".to_owned()))
        };
        assert_eq!(
            told(true, vec![wallet("active", None)]),
            Ok("fine\n  Stripe says of apple_pay: active".to_owned())
        );
        assert_eq!(
            told(true, vec![wallet("inactive", Some("no file"))]),
            Err("fine\n  wrong: Stripe says of apple_pay: inactive: no file".to_owned())
        );
        assert!(told(false, vec![]).unwrap_err().contains("not enabled"));
    }
}
