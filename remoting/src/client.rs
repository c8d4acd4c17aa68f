//! The client: one connection an address, made when first needed, shared by all calls.

use crate::command::Command;
use crate::peer::CallError;
use crate::settings::ClientSettings;
use std::time::Duration;

/// Speaks to servers. Cheap to clone; needs a tokio runtime around its calls.
#[derive(Clone)]
pub struct Client {
    _later: (),
}

impl Client {
    /// A client without connections.
    pub fn new(settings: ClientSettings) -> Self {
        let _ = settings;
        todo!()
    }

    /// Sends a request to `host:port` and waits for its answer; `timeout` covers connecting too.
    pub async fn call(&self, address: &str, command: &Command, timeout: Duration) -> Result<Command, CallError> {
        let _ = (address, command, timeout);
        todo!()
    }

    /// Sends a request that wants no answer.
    pub async fn notify(&self, address: &str, command: &Command, timeout: Duration) -> Result<(), CallError> {
        let _ = (address, command, timeout);
        todo!()
    }

    /// Closes all connections.
    pub fn close(&self) {
        todo!()
    }
}
