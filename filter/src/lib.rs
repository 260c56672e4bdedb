//! The proxy-wasm glue that runs `edge-core` inside Envoy. It translates between the host and `edge-core`, and decides
//! nothing.
//!
//! The module has two filters, each in its own VM: one for requests, and one for connections.

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
    // Envoy filters further: `--component-log-level wasm:…`.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context_id| match connections::is_selected() {
        true => Box::new(connections::ConnectionsRoot::default()),
        false => Box::new(root::EdgeRoot::new(context_id)),
    });
}}
