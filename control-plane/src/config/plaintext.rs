//! Production's rule: nothing leaves the machine in clear text unless a setting names the wire.

use std::net::SocketAddr;

use super::{ConfigError, Source};

pub(crate) const PROFILE: &str = "GATEWAY_PROFILE";
const ALLOWED: &str = "ALLOW_PLAINTEXT";

/// A connection between two processes that can go without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Clients to Envoy.
    Gateway,
    /// Envoy to the control plane.
    ControlPlane,
    /// Envoy to the edge cache.
    EdgeCache,
    /// Probes and scrapers to the worker.
    Worker,
    /// Envoy to its rate limit service.
    RateLimits,
    Database,
    Redis,
    Queue,
    /// The control plane to a stand-in of a provider.
    Providers,
    /// To the proxy that `OUTGOING_PROXY` names, with its password.
    Proxy,
    /// To the witness of the audit trail.
    Witness,
}

impl Wire {
    const ALL: [Self; 11] = [
        Self::Gateway,
        Self::ControlPlane,
        Self::EdgeCache,
        Self::Worker,
        Self::RateLimits,
        Self::Database,
        Self::Redis,
        Self::Queue,
        Self::Providers,
        Self::Proxy,
        Self::Witness,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::ControlPlane => "control-plane",
            Self::EdgeCache => "edge-cache",
            Self::Worker => "worker",
            Self::RateLimits => "rate-limits",
            Self::Database => "database",
            Self::Redis => "redis",
            Self::Queue => "queue",
            Self::Providers => "providers",
            Self::Proxy => "proxy",
            Self::Witness => "witness",
        }
    }

    /// What is seen and can be changed on the way.
    const fn carries(self) -> &'static str {
        match self {
            Self::Witness => "checkpoints of the audit trail",
            _ => "payments or credentials",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wire| wire.name() == name)
    }
}

/// Which wires may go without TLS beyond this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plaintext {
    is_production: bool,
    allowed: Vec<Wire>,
}

impl Plaintext {
    /// The rule of a process, whose profile is a setting.
    pub(crate) fn read(source: &Source) -> Result<Self, ConfigError> {
        let is_production = source.read_with(PROFILE, |profile| match profile {
            "local" => Ok(false),
            "production" => Ok(true),
            _ => Err("must be `local` or `production`".to_owned()),
        })?;
        Self::of_profile(source, is_production.unwrap_or(false))
    }

    /// The rule in this profile.
    pub(crate) fn of_profile(source: &Source, is_production: bool) -> Result<Self, ConfigError> {
        let wires = source.read_with(ALLOWED, |list| {
            list.split(',').map(|name| Wire::parse(name.trim()).ok_or_else(unknown)).collect()
        })?;
        Ok(Self { is_production, allowed: wires.unwrap_or_default() })
    }

    /// Refuses `wire` without TLS to or at a place that is not this machine.
    ///
    /// # Errors
    /// Names `key`, whose value `remedy` would make right.
    pub(crate) fn check(
        &self,
        source: &Source,
        wire: Wire,
        key: &'static str,
        remedy: &str,
    ) -> Result<(), ConfigError> {
        if !self.is_production || self.allowed.contains(&wire) {
            return Ok(());
        }
        let (name, carries) = (wire.name(), wire.carries());
        Err(source.invalid(
            key,
            format!(
                "would send {carries} over the network in clear text, which the profile `production` \
                 refuses; {remedy}. If others protect this wire, say so by {ALLOWED}={name}"
            ),
        ))
    }

    /// The same for a listener.
    pub(crate) fn check_listener(
        &self,
        source: &Source,
        wire: Wire,
        key: &'static str,
        (address, has_tls): (SocketAddr, bool),
    ) -> Result<(), ConfigError> {
        if has_tls || address.ip().is_loopback() {
            return Ok(());
        }
        self.check(
            source,
            wire,
            key,
            "set SERVICE_TLS_CERTIFICATE and what belongs to it, or listen on 127.0.0.1",
        )
    }
}

fn unknown() -> String {
    let names = Wire::ALL.map(Wire::name).join(", ");
    format!("must be a comma list of wires: {names}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(settings: &[(&str, &str)]) -> (Source, Result<Plaintext, ConfigError>) {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let source = Source::new(settings, None).unwrap();
        let rule = Plaintext::read(&source);
        (source, rule)
    }

    #[test]
    fn production_refuses_each_wire_that_no_setting_allows() {
        let (source, rule) = rule(&[(PROFILE, "production"), (ALLOWED, "redis, worker")]);
        let rule = rule.unwrap();
        for wire in Wire::ALL {
            let is_allowed = matches!(wire, Wire::Redis | Wire::Worker);
            let checked = rule.check(&source, wire, "REDIS_URI", "use rediss://");
            assert_eq!(checked.is_ok(), is_allowed, "{wire:?}");
        }
        let error = rule.check(&source, Wire::Queue, "AMQP_URI", "use amqps://…").unwrap_err().to_string();
        assert!(error.starts_with("AMQP_URI") && error.ends_with("by ALLOW_PLAINTEXT=queue"), "{error}");
    }

    #[test]
    fn without_the_profile_nothing_is_refused_and_a_wrong_word_is() {
        let (source, local) = rule(&[]);
        assert!(local.unwrap().check(&source, Wire::Database, "DB_URI", "").is_ok());
        for (wrong, key) in [((PROFILE, "prod"), PROFILE), ((ALLOWED, "redis,all"), ALLOWED)] {
            let error = rule(&[wrong]).1.unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }

    #[test]
    fn a_listener_is_plain_only_on_this_machine() {
        let (source, rule) = rule(&[(PROFILE, "production")]);
        let rule = rule.unwrap();
        for (address, has_tls, fine) in [
            ("127.0.0.1:1", false, true),
            ("[::1]:1", false, true),
            ("0.0.0.0:1", false, false),
            ("0.0.0.0:1", true, true),
        ] {
            let of = (address.parse().unwrap(), has_tls);
            let checked = rule.check_listener(&source, Wire::ControlPlane, "CONTROL_PLANE_LISTEN", of);
            assert_eq!(checked.is_ok(), fine, "{address} {has_tls}");
        }
    }
}
