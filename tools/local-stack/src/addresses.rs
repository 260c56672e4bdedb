//! The addresses of a stack's parts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context as _, Result};

use crate::Environment;

/// Port 0 stands for a free port, chosen when the stack starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub gateway: SocketAddr,
    pub gateway_tls: SocketAddr,
    pub envoy_admin: SocketAddr,
    /// Envoy's metrics.
    pub envoy_stats: SocketAddr,
    pub control_plane: SocketAddr,
    pub edge_cache: SocketAddr,
    /// Only if the stack has a separate worker.
    pub worker: SocketAddr,
    pub sandbox: SocketAddr,
}

pub(crate) const GATEWAY: &str = "GATEWAY_LISTEN";
pub(crate) const GATEWAY_TLS: &str = "GATEWAY_TLS_LISTEN";
pub(crate) const ENVOY_ADMIN: &str = "ENVOY_ADMIN_LISTEN";
pub(crate) const ENVOY_STATS: &str = "ENVOY_STATS_LISTEN";
pub(crate) const CONTROL_PLANE: &str = "CONTROL_PLANE_LISTEN";
pub(crate) const EDGE_CACHE: &str = "EDGE_CACHE_LISTEN";
pub(crate) const WORKER: &str = "WORKER_LISTEN";
pub(crate) const SANDBOX: &str = "SANDBOX_LISTEN";

impl Addresses {
    /// Free ports on loopback.
    pub const FREE: Self = Self::on_loopback([0; 8]);
    /// The ports that people and documents rely on.
    pub const WELL_KNOWN: Self = Self::on_loopback([8080, 8443, 9901, 9902, 8081, 8082, 8083, 8090]);

    const fn on_loopback(ports: [u16; 8]) -> Self {
        const fn at(port: u16) -> SocketAddr {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
        }
        let [gateway, gateway_tls, envoy_admin, envoy_stats, control_plane, edge_cache, worker, sandbox] =
            ports;
        Self {
            gateway: at(gateway),
            gateway_tls: at(gateway_tls),
            envoy_admin: at(envoy_admin),
            envoy_stats: at(envoy_stats),
            control_plane: at(control_plane),
            edge_cache: at(edge_cache),
            worker: at(worker),
            sandbox: at(sandbox),
        }
    }

    /// The well-known ports, changed by `GATEWAY_LISTEN` and the other `…_LISTEN` variables.
    pub fn from_environment(environment: &Environment) -> Result<Self> {
        let mut addresses = Self::WELL_KNOWN;
        for (name, address) in addresses.named_mut() {
            if let Some(text) = environment.get(name) {
                *address = text.parse().with_context(|| {
                    format!("{name} is `{text}`, which must be an IP address and port, e.g. {address}")
                })?;
            }
        }
        Ok(addresses)
    }

    /// The addresses by the variables that pass them to the parts.
    pub(crate) fn named(mut self) -> [(&'static str, SocketAddr); 8] {
        self.named_mut().map(|(name, address)| (name, *address))
    }

    fn named_mut(&mut self) -> [(&'static str, &mut SocketAddr); 8] {
        [
            (GATEWAY, &mut self.gateway),
            (GATEWAY_TLS, &mut self.gateway_tls),
            (ENVOY_ADMIN, &mut self.envoy_admin),
            (ENVOY_STATS, &mut self.envoy_stats),
            (CONTROL_PLANE, &mut self.control_plane),
            (EDGE_CACHE, &mut self.edge_cache),
            (WORKER, &mut self.worker),
            (SANDBOX, &mut self.sandbox),
        ]
    }

    /// Chooses the free ports, and checks that the fixed ones are free: Envoy shares its ports (`SO_REUSEPORT`), so two
    /// gateways on one port would start silently and split the calls.
    ///
    /// The ports are free when this returns, but not reserved: a start that loses the race is repeated.
    pub fn choose_ports(mut self) -> Result<Self> {
        let mut held = Vec::new();
        for (name, address) in self.named_mut() {
            let listener = TcpListener::bind(*address)
                .with_context(|| format!("{address} is taken; set {name} to an address that is free"))?;
            *address = listener.local_addr()?;
            held.push(listener);
        }
        Ok(self)
    }

    /// Whether a start failed because another process took one of its ports.
    pub fn is_port_conflict(error: &anyhow::Error) -> bool {
        format!("{error:#}").contains("ddress already in use")
    }

    pub(crate) fn has_free(self) -> bool {
        self.named().iter().any(|(_, address)| address.port() == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_all_different() {
        let mut ports =
            Addresses::FREE.choose_ports().unwrap().named().map(|(_, address)| address.port()).to_vec();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 8);
        assert!(!ports.contains(&0));
    }

    #[test]
    fn a_taken_port_is_named_with_the_variable_that_moves_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let holder = TcpListener::bind(taken).unwrap();
        let error = Addresses { envoy_admin: taken, ..Addresses::FREE }.choose_ports().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{taken} is taken; set ENVOY_ADMIN_LISTEN to an address that is free")
        );
        drop(holder);
    }

    #[test]
    fn an_invalid_address_is_rejected_with_its_variable_named() {
        let environment = Environment::from([("SANDBOX_LISTEN".to_owned(), "8090".to_owned())]);
        let error = Addresses::from_environment(&environment).unwrap_err().to_string();
        assert!(error.starts_with("SANDBOX_LISTEN is `8090`"), "{error}");
    }
}
