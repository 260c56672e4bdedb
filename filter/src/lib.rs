//! The proxy-wasm glue that runs `edge-core` inside Envoy: it fetches, hands over and carries out, and
//! decides nothing.
//!
//! The module has two parts, each for a VM of its own: the filter of requests, and the one of connections.

mod cache;
mod certificates;
mod claim_sender;
mod connections;
mod crash_point;
mod http;
mod metrics;
mod notify;
mod root;
mod rsa;
mod shared_certificates;

use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    // What is really written is Envoy's choice: `--component-log-level wasm:…`.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context_id| match connections::are_the_part() {
        true => Box::new(connections::ConnectionsRoot::default()),
        false => Box::new(root::EdgeRoot::new(context_id)),
    });
}}
