//! The route table as it is shared: behind one lock, with encoded routes beside it.
//!
//! Clients ask for the same routes again and again; an encoded route is kept until anything changes that routes show.

use crate::routes::RouteTable;
use compat::body::namesrv::TopicRouteData;
use compat::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// The table and the encoded routes.
#[derive(Default)]
pub struct Routes {
    table: RwLock<RouteTable>,
    /// Grows after each change, before the one who made it is answered.
    generation: AtomicU64,
    encoded: Mutex<Encoded>,
}

/// How a route is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// As fastjson writes it: broker ids stand bare.
    Fastjson,
    /// Plain JSON, and the system flags under their later name too.
    Standard,
}

/// Encoded routes of one generation.
#[derive(Default)]
struct Encoded {
    generation: u64,
    routes: HashMap<Dialect, HashMap<String, Arc<[u8]>>>,
}

impl Routes {
    /// Looks something up.
    pub fn read<T>(&self, query: impl FnOnce(&RouteTable) -> T) -> T {
        query(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something.
    pub fn change<T>(&self, change: impl FnOnce(&mut RouteTable) -> T) -> T {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let before = table.generation();
        let result = change(&mut table);
        if table.generation() != before {
            self.forget_encoded();
        }
        result
    }

    /// Something else changed that routes show.
    pub fn forget_encoded(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// The encoded route of a topic; `order` gives its order, if it is to be told.
    pub fn route(&self, topic: &str, dialect: Dialect, order: impl FnOnce() -> Option<String>) -> Option<Arc<[u8]>> {
        // Taken before anything is read: what is read is at least as new.
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(route) = self.with_encoded(|encoded| encoded.get(generation, topic, dialect)) {
            return Some(route);
        }
        let mut route = self.read(|table| table.route(topic))?;
        route.order_topic_conf = order();
        let route: Arc<[u8]> = encode(&route, dialect).into();
        self.with_encoded(|encoded| encoded.put(generation, topic, dialect, route.clone()));
        Some(route)
    }

    fn with_encoded<T>(&self, act: impl FnOnce(&mut Encoded) -> T) -> T {
        act(&mut self.encoded.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Encoded {
    fn get(&self, generation: u64, topic: &str, dialect: Dialect) -> Option<Arc<[u8]>> {
        if self.generation != generation {
            return None;
        }
        self.routes.get(&dialect)?.get(topic).cloned()
    }

    fn put(&mut self, generation: u64, topic: &str, dialect: Dialect, route: Arc<[u8]>) {
        if self.generation < generation {
            self.routes.clear();
            self.generation = generation;
        }
        if self.generation == generation {
            self.routes.entry(dialect).or_default().insert(topic.to_owned(), route);
        }
    }
}

fn encode(route: &TopicRouteData, dialect: Dialect) -> Vec<u8> {
    match dialect {
        Dialect::Fastjson => json::to_vec(route),
        Dialect::Standard => encode_standard(route),
    }
}

fn encode_standard(route: &TopicRouteData) -> Vec<u8> {
    let mut document = serde_json::json!(route);
    if let Some(queues) = document["queueDatas"].as_array_mut() {
        for queue in queues {
            queue["topicSysFlag"] = queue["topicSynFlag"].clone();
        }
    }
    document.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Registration;
    use compat::time::Millis;
    use compat::topic::{Perm, TopicConfig};

    #[test]
    fn routes_are_written_as_fastjson_writes_them() {
        let route = with_topic("T").route("T", Dialect::Fastjson, || None).unwrap();
        let expected = r#"{"brokerDatas":[{"brokerAddrs":{0:"1.2.3.4:10911"},"brokerName":"b","cluster":"C"}],"filterServerTable":{},"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":4,"topicSynFlag":0,"writeQueueNums":4}]}"#;
        assert_eq!(std::str::from_utf8(&route).unwrap(), expected);
    }

    #[test]
    fn later_clients_get_plain_json() {
        let route = with_topic("T").route("T", Dialect::Standard, || Some("b:4".to_owned())).unwrap();
        let route: serde_json::Value = serde_json::from_slice(&route).unwrap();
        assert_eq!(route["brokerDatas"][0]["brokerAddrs"]["0"], "1.2.3.4:10911");
        assert_eq!(route["queueDatas"][0]["topicSysFlag"], 0);
        assert_eq!(route["orderTopicConf"], "b:4");
    }

    #[test]
    fn a_route_is_encoded_once_until_something_changes() {
        let routes = with_topic("T");
        let order = |routes: &Routes, order: &str| {
            let route = routes.route("T", Dialect::Fastjson, || Some(order.to_owned())).unwrap();
            String::from_utf8(route.to_vec()).unwrap()
        };
        assert!(order(&routes, "first").contains("first"));
        assert!(order(&routes, "second").contains("first"));
        register(&routes, "T", 4);
        assert!(order(&routes, "third").contains("first"), "a registration that changes nothing");
        register(&routes, "T", 8);
        assert!(order(&routes, "fourth").contains("fourth"));
        routes.forget_encoded();
        assert!(order(&routes, "fifth").contains("fifth"));
        assert!(routes.route("U", Dialect::Fastjson, || None).is_none());
    }

    fn with_topic(topic: &str) -> Routes {
        let routes = Routes::default();
        register(&routes, topic, 4);
        routes
    }

    fn register(routes: &Routes, topic: &str, queue_count: i32) {
        let registration = Registration {
            name: "b".to_owned(),
            address: "1.2.3.4:10911".to_owned(),
            cluster: "C".to_owned(),
            topics: vec![TopicConfig::new(topic, queue_count, Perm::READ_WRITE)],
            ..Registration::default()
        };
        routes.change(|table| table.on_register(registration, 1, Millis(0)));
    }
}
