//! The numbers of requests and responses.

macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum $name { $($(#[$doc])* $variant = $code),* }

        impl $name {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// `None` for a number that 4.3.0 does not define or that nobody sends.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }

            /// The number on the wire.
            pub const fn code(self) -> i32 {
                self as i32
            }
        }
    };
}

codes! {
    /// What a request wants. Source: `common/protocol/RequestCode`.
    RequestCode {
        /// Stores a message.
        SendMessage = 10,
        /// Asks for messages of one queue.
        PullMessage = 11,
        /// Finds messages by key.
        QueryMessage = 12,
        /// Asks for the offset of a group.
        QueryConsumerOffset = 14,
        /// Stores the offset of a group.
        UpdateConsumerOffset = 15,
        /// Creates or changes a topic.
        UpdateAndCreateTopic = 17,
        /// All topics of a broker.
        GetAllTopicConfig = 21,
        /// Changes settings of a broker.
        UpdateBrokerConfig = 25,
        /// Settings of a broker.
        GetBrokerConfig = 26,
        /// Figures of a broker.
        GetBrokerRuntimeInfo = 28,
        /// Queue offset of a time.
        SearchOffsetByTimestamp = 29,
        /// Queue offset behind the last message.
        GetMaxOffset = 30,
        /// Queue offset of the first message.
        GetMinOffset = 31,
        /// Store time of the first message.
        GetEarliestMessageStoreTime = 32,
        /// The message at a place of the commit log.
        ViewMessageById = 33,
        /// A client says what it is.
        HeartBeat = 34,
        /// A client leaves.
        UnregisterClient = 35,
        /// A consumer gives a message back.
        ConsumerSendMessageBack = 36,
        /// Ends a transaction.
        EndTransaction = 37,
        /// Client ids of a group.
        GetConsumerListByGroup = 38,
        /// Asks a producer about a transaction.
        CheckTransactionState = 39,
        /// Tells a consumer that its group changed.
        NotifyConsumerIdsChanged = 40,
        /// Locks queues for one client.
        LockBatchMessageQueue = 41,
        /// Unlocks queues.
        UnlockBatchMessageQueue = 42,
        /// Offsets of all groups.
        GetAllConsumerOffset = 43,
        /// Offsets of all delay levels.
        GetAllDelayOffset = 45,
        /// Checks a filter expression.
        CheckClientConfig = 46,
        /// Sets a key of a name server.
        PutKvConfig = 100,
        /// Value of a key.
        GetKvConfig = 101,
        /// Removes a key.
        DeleteKvConfig = 102,
        /// A broker announces itself.
        RegisterBroker = 103,
        /// A broker leaves.
        UnregisterBroker = 104,
        /// Where a topic is.
        GetRouteInfoByTopic = 105,
        /// Clusters and brokers.
        GetBrokerClusterInfo = 106,
        /// Creates or changes a group.
        UpdateAndCreateSubscriptionGroup = 200,
        /// All groups of a broker.
        GetAllSubscriptionGroupConfig = 201,
        /// Offsets of the queues of a topic.
        GetTopicStatsInfo = 202,
        /// Connections of a consumer group.
        GetConsumerConnectionList = 203,
        /// Connections of a producer group.
        GetProducerConnectionList = 204,
        /// No more sends to a broker.
        WipeWritePermOfBroker = 205,
        /// All topics of a name server.
        GetAllTopicListFromNameServer = 206,
        /// Removes a group.
        DeleteSubscriptionGroup = 207,
        /// How far a group is.
        GetConsumeStats = 208,
        /// Removes a topic from a broker.
        DeleteTopicInBroker = 215,
        /// Removes a topic from a name server.
        DeleteTopicInNameServer = 216,
        /// Keys of a namespace.
        GetKvListByNamespace = 219,
        /// Moves the offsets of a running consumer.
        ResetConsumerClientOffset = 220,
        /// Offsets of a running consumer.
        GetConsumerStatusFromClient = 221,
        /// Moves the offsets of a group.
        InvokeBrokerToResetOffset = 222,
        /// Offsets of running consumers.
        InvokeBrokerToGetConsumerStatus = 223,
        /// Topics of a cluster.
        GetTopicsByCluster = 224,
        /// Groups that consume a topic.
        QueryTopicConsumeByWho = 300,
        /// A filter server announces itself.
        RegisterFilterServer = 301,
        /// Times of a group.
        QueryConsumeTimeSpan = 303,
        /// Clusters and brokers as topics.
        GetSystemTopicListFromNameServer = 304,
        /// Topics that every broker has.
        GetSystemTopicListFromBroker = 305,
        /// Removes queues whose messages are gone.
        CleanExpiredConsumeQueue = 306,
        /// What a consumer is doing.
        GetConsumerRunningInfo = 307,
        /// Smallest offsets of a topic.
        QueryCorrectionOffset = 308,
        /// Makes a consumer consume one message.
        ConsumeMessageDirectly = 309,
        /// Stores a message, short field names.
        SendMessageV2 = 310,
        /// Unit topics.
        GetUnitTopicList = 311,
        /// Topics with unit subscriptions.
        GetHasUnitSubTopicList = 312,
        /// Topics with unit subscriptions that are no unit topics.
        GetHasUnitSubUnunitTopicList = 313,
        /// Copies the offsets of a group.
        CloneGroupOffset = 314,
        /// One statistic.
        ViewBrokerStatsData = 315,
        /// Removes queues without a topic.
        CleanUnusedTopic = 316,
        /// How far all groups are.
        GetBrokerConsumeStats = 317,
        /// Changes settings of a name server.
        UpdateNameServerConfig = 318,
        /// Settings of a name server.
        GetNameServerConfig = 319,
        /// Stores a batch.
        SendBatchMessage = 320,
        /// Entries of a queue.
        QueryConsumeQueue = 321,
        /// Whether a broker has to register.
        QueryDataVersion = 322,
    }
}

codes! {
    /// How a request ended. Source: `common/protocol/ResponseCode`, `remoting/protocol/RemotingSysResponseCode`.
    ResponseCode {
        /// Done.
        Success = 0,
        /// Something went wrong; the first value of every Java response.
        SystemError = 1,
        /// Too much at once.
        SystemBusy = 2,
        /// Nobody here knows the request code.
        RequestCodeNotSupported = 3,
        /// Stored, but not flushed in time.
        FlushDiskTimeout = 10,
        /// Stored, but no slave is near enough.
        SlaveNotAvailable = 11,
        /// Stored, but not copied in time.
        FlushSlaveTimeout = 12,
        /// The message is too large or not well formed.
        MessageIllegal = 13,
        /// Nothing can be stored.
        ServiceNotAvailable = 14,
        /// Forbidden by configuration.
        NoPermission = 16,
        /// No such topic.
        TopicNotExist = 17,
        /// No message there yet.
        PullNotFound = 19,
        /// Nothing matched, go on.
        PullRetryImmediately = 20,
        /// The offset is outside the queue.
        PullOffsetMoved = 21,
        /// Nothing found.
        QueryNotFound = 22,
        /// The filter expression is wrong.
        SubscriptionParseFailed = 23,
        /// The group does not subscribe to that.
        SubscriptionNotExist = 24,
        /// The subscription is too old.
        SubscriptionNotLatest = 25,
        /// No such group.
        SubscriptionGroupNotExist = 26,
        /// The filter is not compiled.
        FilterDataNotExist = 27,
        /// The filter is too old.
        FilterDataNotLatest = 28,
        /// No consumer of that group is connected.
        ConsumerNotOnline = 206,
        /// The consumer did not answer in time.
        ConsumeMessageTimeout = 207,
    }
}
