//! The proxy-wasm glue that runs `edge-core` inside Envoy: it fetches, hands over and carries out, and
//! decides nothing.

mod cache;
mod certificates;
mod claims;
mod crash_point;
mod http;
mod kept;
mod metrics;
mod root;
mod rsa;
mod told;

use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    // What is really written is Envoy's choice: `--component-log-level wasm:…`.
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context_id| Box::new(root::EdgeRoot::new(context_id)));
}}
