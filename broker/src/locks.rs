//! Locks of queues for ordered consumers: codes 41 and 42. In memory only.
//! Source: `broker/client/rebalance/RebalanceLockManager`.

use crate::refusal::Refusal;
use crate::service::Call;
use compat::body::MessageQueue;
use compat::body::client::{LockBatchRequest, LockBatchResponse};
use compat::command::ResponseCode;
use compat::header::NoHeader;
use compat::json;
use compat::time::Millis;
use remoting::output::Output;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The locks of all groups.
#[derive(Default)]
pub struct QueueLocks {
    table: Mutex<LockTable>,
}

impl QueueLocks {
    /// Code 41: the answer names the queues that the client holds from now on.
    pub fn lock(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: LockBatchRequest = call.body()?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let locked = table.lock(&request.consumer_group, &request.client_id, request.mq_set, call.now);
        drop(table);
        let body = json::to_vec(&LockBatchResponse { locked });
        out.reply(call.request.reply_to, ResponseCode::Success, None, &NoHeader, &body);
        Ok(())
    }

    /// Code 42: gives up what the client holds.
    pub fn unlock(&self, call: &Call<'_>, out: &mut Output) -> Result<(), Refusal> {
        let request: LockBatchRequest = call.body()?;
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.unlock(&request.consumer_group, &request.client_id, &request.mq_set);
        drop(table);
        out.reply(call.request.reply_to, ResponseCode::Success, None, &NoHeader, &[]);
        Ok(())
    }

    /// Forgets the locks that have run out.
    ///
    /// Differs: 4.3.0 keeps every lock that was ever taken.
    pub fn on_time(&self, now: Millis) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).on_time(now);
    }
}

/// Who holds what. Pure.
#[derive(Debug, Default)]
struct LockTable {
    groups: BTreeMap<String, BTreeMap<MessageQueue, Lock>>,
}

#[derive(Debug)]
struct Lock {
    client: String,
    renewed: Millis,
}

impl LockTable {
    /// How long a lock lasts that is not renewed.
    const LIFE: Duration = Duration::from_secs(60);

    /// Takes what is free, has run out or is the client's own. Returns what it holds of the asked queues.
    fn lock(
        &mut self,
        group: &str,
        client: &str,
        asked: BTreeSet<MessageQueue>,
        now: Millis,
    ) -> BTreeSet<MessageQueue> {
        if asked.is_empty() {
            return asked;
        }
        let locks = self.groups.entry(group.to_owned()).or_default();
        let is_free = |lock: &Lock| lock.client == client || lock.has_run_out(now);
        let granted: BTreeSet<_> = asked.into_iter().filter(|queue| locks.get(queue).is_none_or(is_free)).collect();
        for queue in &granted {
            locks.insert(queue.clone(), Lock { client: client.to_owned(), renewed: now });
        }
        granted
    }

    fn unlock(&mut self, group: &str, client: &str, queues: &BTreeSet<MessageQueue>) {
        let Some(locks) = self.groups.get_mut(group) else { return };
        locks.retain(|queue, lock| lock.client != client || !queues.contains(queue));
        if locks.is_empty() {
            self.groups.remove(group);
        }
    }

    fn on_time(&mut self, now: Millis) {
        self.groups.retain(|_, locks| {
            locks.retain(|_, lock| !lock.has_run_out(now));
            !locks.is_empty()
        });
    }
}

impl Lock {
    fn has_run_out(&self, now: Millis) -> bool {
        self.renewed.until(now) > LockTable::LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queues(ids: &[i32]) -> BTreeSet<MessageQueue> {
        let queue = |&queue_id| MessageQueue { broker_name: "b".to_owned(), queue_id, topic: "T".to_owned() };
        ids.iter().map(queue).collect()
    }

    #[test]
    fn a_queue_belongs_to_one_client_until_its_lock_runs_out() {
        let mut table = LockTable::default();
        assert_eq!(table.lock("g", "one", queues(&[0, 1]), Millis(0)), queues(&[0, 1]));
        assert_eq!(table.lock("g", "two", queues(&[1, 2]), Millis(0)), queues(&[2]));
        assert_eq!(
            table.lock("h", "two", queues(&[0, 1]), Millis(0)),
            queues(&[0, 1]),
            "groups do not disturb each other"
        );
        assert_eq!(table.lock("g", "one", queues(&[0]), Millis(50_000)), queues(&[0]), "renewed");
        assert_eq!(table.lock("g", "two", queues(&[0, 1]), Millis(60_000)), queues(&[]), "still held at 60 s");
        assert_eq!(table.lock("g", "two", queues(&[0, 1]), Millis(60_001)), queues(&[1]));
        table.unlock("g", "two", &queues(&[0, 1]));
        assert_eq!(table.lock("g", "three", queues(&[0, 1, 2]), Millis(60_001)), queues(&[1, 2]));
        table.on_time(Millis(200_000));
        assert!(table.groups.is_empty());
    }
}
