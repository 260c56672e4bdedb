//! Read-only inspection of a broker that a gateway may be using.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use super::session::{Trouble, briefly};
use super::topology::{QueuePrefix, Topology};
use super::uri::AmqpUri;

/// Logs in to the broker and describes the gateway's queue in words. Declares nothing.
///
/// # Errors
/// In words: the broker is unreachable or refuses the login.
pub async fn inspect(uri: &AmqpUri, prefix: QueuePrefix) -> Result<String, String> {
    let name = Topology::new(prefix).work();
    let looked = briefly(uri, async |connection| {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let channel = connection.create_channel().await?;
        match channel.queue_declare(name.as_str().into(), options, FieldTable::default()).await {
            Ok(queue) => {
                let (messages, consumers) = (queue.message_count(), queue.consumer_count());
                Ok(format!("the queue {name} holds {messages} messages and has {consumers} consumers"))
            }
            // Not found.
            Err(error) if error.is_amqp_soft_error() => {
                Ok(format!("the queue {name} is not there yet; the service creates it"))
            }
            Err(error) => Err(Trouble::from(error)),
        }
    });
    looked.await.map_err(|trouble| trouble.to_string())
}
