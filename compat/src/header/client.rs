//! Clients and groups: codes 35, 38, 40. Source: `common/protocol/header`.

use crate::header;
use std::borrow::Cow;

header! {
    /// A client leaves.
    pub struct UnregisterClientRequest<'a> {
        /// Client id.
        client_id: Cow<'a, str> = "clientID",
        /// Producer group that it leaves.
        producer_group: Option<Cow<'a, str>> = "producerGroup",
        /// Consumer group that it leaves.
        consumer_group: Option<Cow<'a, str>> = "consumerGroup",
    }

    /// Names one consumer group (codes 38, 40, 203).
    pub struct ConsumerGroupRequest<'a> {
        /// Consumer group.
        group: Cow<'a, str> = "consumerGroup",
    }

    /// Names one producer group (code 204).
    pub struct ProducerGroupRequest<'a> {
        /// Producer group.
        group: Cow<'a, str> = "producerGroup",
    }
}
