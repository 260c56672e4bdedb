//! The connection filter: a network filter before Envoy's HTTP connection manager that limits connections.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use edge_core::connections::{Admission, ConnectionSettings, Connections};
use edge_core::waiting::Slot;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, RootContext, StreamContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MetricType};

use crate::root::log;

/// The environment variable of the VM that selects which filter of the module runs in it.
const PART: &str = "EDGE_FILTER_PART";

const REFUSED: &str = "gateway_edge_connections_refused";

/// Whether this VM runs the connection filter.
pub(crate) fn is_selected() -> bool {
    std::env::var(PART).is_ok_and(|part| part == "connections")
}

/// The state that all connections of one worker share.
struct ConnectionCounts {
    connections: RefCell<Connections>,
    /// The metric's id, once it is defined.
    refused: Cell<Option<u32>>,
}

/// Starts the filter on a worker and creates a context for each connection.
#[derive(Default)]
pub(crate) struct ConnectionsRoot(Option<Rc<ConnectionCounts>>);

impl Context for ConnectionsRoot {}

impl RootContext for ConnectionsRoot {
    /// If this returns false, Envoy does not start, or rejects the new configuration.
    fn on_configure(&mut self, settings_len: usize) -> bool {
        let settings = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, settings_len);
        match ConnectionSettings::read(&settings.ok().flatten().unwrap_or_default()) {
            Ok(settings) => {
                let connections = RefCell::new(Connections::new(settings));
                self.0 = Some(Rc::new(ConnectionCounts { connections, refused: Cell::new(None) }));
                true
            }
            Err(error) => {
                log(LogLevel::Error, &format!("the connection filter cannot start: {error}"));
                false
            }
        }
    }

    fn create_stream_context(&self, _context_id: u32) -> Option<Box<dyn StreamContext>> {
        let counted = self.0.clone()?;
        Some(Box::new(Connection { counted, slot: None }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::StreamContext)
    }
}

struct Connection {
    counted: Rc<ConnectionCounts>,
    /// Freed when Envoy drops the connection.
    slot: Option<Slot>,
}

impl Context for Connection {}

impl StreamContext for Connection {
    fn on_new_connection(&mut self) -> Action {
        let peer = hostcalls::get_property(vec!["source", "address"]).ok().flatten();
        // Without a clock, no time passes.
        let now = hostcalls::get_current_time().ok().and_then(|now| now.duration_since(UNIX_EPOCH).ok());
        let now_ms = now.and_then(|now| u64::try_from(now.as_millis()).ok()).unwrap_or_default();
        match self.counted.connections.borrow_mut().admit(peer.as_deref(), now_ms) {
            Admission::Counted(slot) => self.slot = Some(slot),
            Admission::Uncounted => {}
            Admission::Refused => {
                self.counted.count_refused();
                // Closed as soon as this returns; nothing reads from it before.
                return hostcalls::close_downstream().map_or(Action::Continue, |()| Action::Pause);
            }
        }
        Action::Continue
    }
}

impl ConnectionCounts {
    /// A lost count must not close a connection.
    fn count_refused(&self) {
        let known = self.refused.get();
        let id = known.or_else(|| hostcalls::define_metric(MetricType::Counter, REFUSED).ok());
        self.refused.set(id);
        if let Some(id) = id {
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}
