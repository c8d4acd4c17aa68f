//! The checks of a pull, in 4.3.0's order: a client that fails two of them is told the first.
//!
//! Pure over what [`Tables`] say; a group is made only once the checks in front of it are passed.
//! Source: `broker/processor/PullMessageProcessor#processRequest`.

use crate::clients::GroupSubscription;
use crate::filter::{self, NotParsed};
use crate::refusal::Refusal;
use compat::body::client::{MessageModel, SubscriptionData};
use compat::group::GroupConfig;
use compat::header::pull::{PullFlag, PullRequest};
use compat::offset::QueueId;
use compat::topic::{Perm, TopicConfig};
use std::net::SocketAddr;
use std::sync::Arc;

/// What is known of groups, topics and subscriptions.
pub(super) trait Tables {
    /// A group, made where that is allowed.
    fn group(&mut self, name: &str) -> Option<Arc<GroupConfig>>;
    /// A topic.
    fn topic(&mut self, name: &str) -> Option<Arc<TopicConfig>>;
    /// What the connected consumers of a group say of a topic.
    fn subscription(&mut self, group: &str, topic: &str) -> Option<GroupSubscription>;
    /// The subscription that the pull carries.
    fn carried(&mut self, request: &PullRequest<'_>) -> Result<Arc<SubscriptionData>, NotParsed>;
}

/// What the settings say of all pulls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    /// Permission bits of the broker.
    pub permission: Perm,
    /// Whether filters other than by tags are allowed.
    pub property_filter: bool,
    /// Address of the broker, for remarks.
    pub ip: &'a str,
}

/// A pull that may be served.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    /// Its group.
    pub group: Arc<GroupConfig>,
    /// Its queue.
    pub queue_id: QueueId,
    /// Which messages it wants.
    pub subscription: Arc<SubscriptionData>,
}

/// Whether a pull may be served.
pub(super) fn decide(
    request: &PullRequest<'_>,
    consumer: SocketAddr,
    rules: &Rules<'_>,
    tables: &mut impl Tables,
) -> Result<Allowed, Refusal> {
    if !rules.permission.readable() {
        return Err(Refusal::BrokerNotReadable { ip: rules.ip.to_owned() });
    }
    let group_name = || request.group.clone().into_owned();
    let group = tables.group(&request.group).ok_or_else(|| Refusal::GroupMissing { group: group_name() })?;
    if !group.consume_enable {
        return Err(Refusal::GroupDisabled { group: group_name() });
    }
    let topic_name = || request.topic.clone().into_owned();
    let topic = tables.topic(&request.topic).ok_or_else(|| Refusal::PullTopicMissing { topic: topic_name() })?;
    if !topic.perm.readable() {
        return Err(Refusal::TopicNotReadable { topic: topic_name() });
    }
    let queue_id = QueueId::from_java(request.queue_id).filter(|_| request.queue_id < topic.read_queue_count);
    let queue_id = queue_id.ok_or_else(|| Refusal::PullQueueOutOfRange {
        queue_id: request.queue_id,
        topic: topic_name(),
        read_queue_count: topic.read_queue_count,
        consumer,
    })?;
    let subscription = if PullFlag(request.sys_flag).has(PullFlag::SUBSCRIPTION) {
        tables.carried(request).map_err(|NotParsed| Refusal::SubscriptionNotParsed)?
    } else {
        registered(request, &group, tables)?
    };
    if !filter::is_by_tags(&subscription.expression_type) {
        let kind = subscription.expression_type.clone();
        let allowed = rules.property_filter;
        return Err(if allowed {
            Refusal::NotYet { what: "an SQL92 filter" }
        } else {
            Refusal::FilterNotSupported { kind }
        });
    }
    Ok(Allowed { group, queue_id, subscription })
}

/// The subscription that the consumers of the group announced.
fn registered(
    request: &PullRequest<'_>,
    group: &GroupConfig,
    tables: &mut impl Tables,
) -> Result<Arc<SubscriptionData>, Refusal> {
    let announced = tables.subscription(&request.group, &request.topic).ok_or(Refusal::GroupNotConnected)?;
    if !group.consume_broadcast_enable && announced.message_model == MessageModel::Broadcasting {
        return Err(Refusal::NoBroadcast { group: request.group.clone().into_owned() });
    }
    let subscription = announced.subscription.ok_or(Refusal::NotSubscribed)?;
    if subscription.sub_version < request.subscription_version {
        return Err(Refusal::SubscriptionNotLatest);
    }
    Ok(subscription)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAQ: &str = "\nSee http://rocketmq.apache.org/docs/faq/ for further details.";

    struct Known {
        group: Option<GroupConfig>,
        topic: Option<TopicConfig>,
        announced: Option<GroupSubscription>,
        made_groups: u32,
    }

    impl Tables for Known {
        fn group(&mut self, _: &str) -> Option<Arc<GroupConfig>> {
            self.made_groups += 1;
            self.group.clone().map(Arc::new)
        }
        fn topic(&mut self, _: &str) -> Option<Arc<TopicConfig>> {
            self.topic.clone().map(Arc::new)
        }
        fn subscription(&mut self, _: &str, _: &str) -> Option<GroupSubscription> {
            self.announced.clone()
        }
        fn carried(&mut self, request: &PullRequest<'_>) -> Result<Arc<SubscriptionData>, NotParsed> {
            let (expression, kind) = (request.subscription.as_deref(), request.expression_type.as_deref());
            filter::subscription(&request.topic, expression, kind).map(Arc::new)
        }
    }

    /// Each step mends what was told in the step before it, so that the order shows.
    #[test]
    fn the_first_rule_that_is_broken_is_told() {
        let mut rules = Rules { permission: Perm(Perm::WRITE), property_filter: false, ip: "10.0.0.1" };
        let mut known = Known { group: None, topic: None, announced: None, made_groups: 0 };
        let mut request = PullRequest { queue_id: 4, ..request() };

        expect(&mut known, &rules, &request, "16 the broker[10.0.0.1] pulling message is forbidden");
        assert_eq!(known.made_groups, 0);
        rules.permission = Perm::READ_WRITE;
        expect(&mut known, &rules, &request, &format!("26 subscription group [G] does not exist, {FAQ}"));
        let quiet = GroupConfig { consume_broadcast_enable: false, ..GroupConfig::new("G") };
        known.group = Some(GroupConfig { consume_enable: false, ..quiet.clone() });
        expect(&mut known, &rules, &request, "16 subscription group no permission, G");
        known.group = Some(quiet);
        expect(&mut known, &rules, &request, &format!("17 topic[T] not exist, apply first please! {FAQ}"));
        known.topic = Some(TopicConfig::new("T", 4, Perm(Perm::WRITE)));
        expect(&mut known, &rules, &request, "16 the topic[T] pulling message is forbidden");
        known.topic = Some(TopicConfig::new("T", 4, Perm::READ_WRITE));
        let illegal = "is illegal, topic:[T] topicConfig.readQueueNums:[4] consumer:[/10.1.2.3:54321]";
        expect(&mut known, &rules, &request, &format!("1 queueId[4] {illegal}"));
        request.queue_id = -1;
        expect(&mut known, &rules, &request, &format!("1 queueId[-1] {illegal}"));
        request.queue_id = 3;
        expect(&mut known, &rules, &request, &format!("24 the consumer's group info not exist{FAQ}"));
        let mut announced = GroupSubscription { message_model: MessageModel::Broadcasting, subscription: None };
        known.announced = Some(announced.clone());
        expect(&mut known, &rules, &request, "16 the consumer group[G] can not consume by broadcast way");
        announced.message_model = MessageModel::Clustering;
        known.announced = Some(announced.clone());
        expect(&mut known, &rules, &request, &format!("24 the consumer's subscription not exist{FAQ}"));
        let mut subscription = filter::subscription("T", Some("a > 1"), Some("SQL92")).unwrap();
        subscription.sub_version = 6;
        announced.subscription = Some(Arc::new(subscription.clone()));
        known.announced = Some(announced.clone());
        expect(&mut known, &rules, &request, "25 the consumer's subscription not latest");
        subscription.sub_version = 7;
        announced.subscription = Some(Arc::new(subscription));
        known.announced = Some(announced);
        let no_sql = "1 The broker does not support consumer to filter message by SQL92";
        expect(&mut known, &rules, &request, no_sql);

        request.sys_flag = PullFlag::SUBSCRIPTION;
        request.subscription = Some("||".into());
        expect(&mut known, &rules, &request, "23 parse the consumer's subscription failed");
        request.expression_type = Some("SQL92".into());
        expect(&mut known, &rules, &request, no_sql);
        rules.property_filter = true;
        expect(&mut known, &rules, &request, "1 an SQL92 filter is not supported by this broker");
        request.expression_type = None;
        request.subscription = Some("TagA || TagB".into());
        expect(&mut known, &rules, &request, "");
    }

    fn expect(known: &mut Known, rules: &Rules<'_>, request: &PullRequest<'_>, expected: &str) {
        let told = match decide(request, "10.1.2.3:54321".parse().unwrap(), rules, known) {
            Ok(_) => String::new(),
            Err(refusal) => {
                let (code, remark) = refusal.to_wire();
                format!("{} {remark}", code.code())
            }
        };
        assert_eq!(told, expected);
    }

    fn request() -> PullRequest<'static> {
        PullRequest {
            group: "G".into(),
            topic: "T".into(),
            queue_id: 0,
            queue_offset: 0,
            max_count: 32,
            sys_flag: 0,
            commit_offset: 0,
            suspend_timeout_ms: 15_000,
            subscription: None,
            subscription_version: 7,
            expression_type: None,
        }
    }
}
