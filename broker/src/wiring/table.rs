//! The list of what this broker can do, beside sending (10, 310, 320) and pulling (11).

use super::Parts;
use crate::admin::{ConfigAdmin, GroupAdmin, OffsetAdmin, RuntimeAdmin, TopicAdmin};
use crate::clients::ClientRequests;
use crate::locks::QueueLocks;
use crate::offsets::OffsetRequests;
use crate::query::Query;
use crate::refusal::Refusal;
use crate::retry::Retry;
use crate::service::{Call, Place, Table};
use crate::transaction::Transactions;
use compat::command::RequestCode as Code;
use remoting::output::Output;
use std::sync::Arc;

/// What RocketMQ can do and this broker cannot yet.
const NOT_YET: &[(Code, &str)] = &[
    (Code::GetAllDelayOffset, "delayed messages"),
    (Code::InvokeBrokerToResetOffset, "resetting offsets"),
    (Code::InvokeBrokerToGetConsumerStatus, "asking consumers for their offsets"),
    (Code::RegisterFilterServer, "a filter server"),
    (Code::QueryConsumeTimeSpan, "the consume time span"),
    (Code::GetConsumerRunningInfo, "asking consumers what they do"),
    (Code::QueryCorrectionOffset, "offset correction"),
    (Code::ConsumeMessageDirectly, "consuming a message directly"),
    (Code::CloneGroupOffset, "cloning offsets"),
    (Code::ViewBrokerStatsData, "reading statistics"),
    (Code::GetBrokerConsumeStats, "consume statistics of a broker"),
    (Code::QueryConsumeQueue, "reading consume queues"),
];

impl Parts {
    pub(super) fn table(&self) -> Table {
        use Place::{Aside, Loop};
        let table = Table::default()
            .on(Code::QueryMessage, Aside, &self.query, Query::by_key)
            .on(Code::SearchOffsetByTimestamp, Aside, &self.query, Query::offset_by_time)
            .on(Code::GetMaxOffset, Loop, &self.query, Query::max_offset)
            .on(Code::GetMinOffset, Loop, &self.query, Query::min_offset)
            .on(Code::GetEarliestMessageStoreTime, Aside, &self.query, Query::earliest_time)
            .on(Code::ViewMessageById, Aside, &self.query, Query::by_id)
            .on(Code::ConsumerSendMessageBack, Loop, &self.retry, Retry::give_back)
            .on(Code::EndTransaction, Loop, &self.transactions, Transactions::end)
            .on(Code::QueryConsumerOffset, Aside, &self.offset_requests, OffsetRequests::query)
            .on(Code::UpdateConsumerOffset, Loop, &self.offset_requests, OffsetRequests::update)
            .on(Code::HeartBeat, Loop, &self.clients, ClientRequests::heartbeat)
            .on(Code::UnregisterClient, Loop, &self.clients, ClientRequests::unregister)
            .on(Code::GetConsumerListByGroup, Loop, &self.clients, ClientRequests::consumer_list)
            .on(Code::CheckClientConfig, Loop, &self.clients, ClientRequests::check)
            .on(Code::LockBatchMessageQueue, Loop, &self.locks, QueueLocks::lock)
            .on(Code::UnlockBatchMessageQueue, Loop, &self.locks, QueueLocks::unlock)
            .on(Code::UpdateAndCreateTopic, Aside, &self.topic_admin, TopicAdmin::put)
            .on(Code::DeleteTopicInBroker, Aside, &self.topic_admin, TopicAdmin::delete)
            .on(Code::GetAllTopicConfig, Aside, &self.topic_admin, TopicAdmin::all)
            .on(Code::GetTopicStatsInfo, Aside, &self.topic_admin, TopicAdmin::stats)
            .on(Code::GetSystemTopicListFromBroker, Loop, &self.topic_admin, TopicAdmin::built_in)
            .on(Code::QueryTopicConsumeByWho, Aside, &self.topic_admin, TopicAdmin::consumed_by)
            .on(Code::CleanUnusedTopic, Aside, &self.topic_admin, TopicAdmin::clean_unused)
            .on(Code::CleanExpiredConsumeQueue, Aside, &self.topic_admin, TopicAdmin::clean_expired)
            .on(Code::UpdateAndCreateSubscriptionGroup, Aside, &self.group_admin, GroupAdmin::put)
            .on(Code::GetAllSubscriptionGroupConfig, Aside, &self.group_admin, GroupAdmin::all)
            .on(Code::DeleteSubscriptionGroup, Aside, &self.group_admin, GroupAdmin::delete)
            .on(Code::GetConsumerConnectionList, Aside, &self.group_admin, GroupAdmin::consumers)
            .on(Code::GetProducerConnectionList, Aside, &self.group_admin, GroupAdmin::producers)
            .on(Code::GetAllConsumerOffset, Aside, &self.offset_admin, OffsetAdmin::all)
            .on(Code::GetConsumeStats, Aside, &self.offset_admin, OffsetAdmin::consume_stats)
            .on(Code::UpdateBrokerConfig, Aside, &self.config_admin, ConfigAdmin::update)
            .on(Code::GetBrokerConfig, Loop, &self.config_admin, ConfigAdmin::all)
            .on(Code::GetBrokerRuntimeInfo, Aside, &self.runtime_admin, RuntimeAdmin::all);
        NOT_YET.iter().fold(table, |table, &(code, what)| table.on(code, Loop, &Arc::new(Later(what)), Later::refuse))
    }
}

/// A part that is not there yet.
struct Later(&'static str);

impl Later {
    fn refuse(&self, _: &Call<'_>, _: &mut Output) -> Result<(), Refusal> {
        Err(Refusal::NotYet { what: self.0 })
    }
}
