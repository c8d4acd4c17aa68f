//! Settings of servers and clients. Source: `remoting/netty/NettyServerConfig`, `NettyClientConfig`.

/// Buffer lengths that Java sets when nobody says otherwise: of a name server, and of a broker.
pub const JAVA_BUFFER_LENS: [usize; 2] = [65_535, 131_072];

/// The length that a socket buffer is to be given; `None` leaves it to the system.
///
/// Differs: the defaults of Java are shown but not set, because a fixed buffer keeps the system from fitting it to the
/// connection.
pub fn buffer_len(setting: usize) -> Option<usize> {
    (setting > 0 && !JAVA_BUFFER_LENS.contains(&setting)).then_some(setting)
}

compat::settings! {
    /// What a server can be told. Thread counts of Java that have no counterpart here are read and shown.
    pub struct ServerSettings {
        /// Port to listen on.
        listen_port: u16 = "listenPort", 8888;
        /// Codec threads of Java; unused.
        worker_threads: i32 = "serverWorkerThreads", 8;
        /// Callback threads of Java; unused.
        callback_threads: i32 = "serverCallbackExecutorThreads", 0;
        /// Selector threads of Java; unused.
        selector_threads: i32 = "serverSelectorThreads", 3;
        /// One-way requests of Java to clients at a time; what waits for a peer is bounded by `maxPendingOutputBytes` here.
        oneway_permits: i32 = "serverOnewaySemaphoreValue", 256;
        /// Requests to clients at a time.
        async_permits: i32 = "serverAsyncSemaphoreValue", 64;
        /// A connection without a byte for so long is closed, s.
        max_idle_secs: u32 = "serverChannelMaxIdleTimeSeconds", 120;
        /// Send buffer of a socket, bytes; see [`buffer_len`].
        socket_send_buffer: usize = "serverSocketSndBufSize", 0;
        /// Receive buffer of a socket, bytes; see [`buffer_len`].
        socket_receive_buffer: usize = "serverSocketRcvBufSize", 0;
        /// Pooled buffers of Java; unused.
        pooled_buffers: bool = "serverPooledByteBufAllocatorEnable", true;
        /// Native epoll of Java; unused.
        epoll: bool = "useEpollNativeSelector", false;
        /// Event loops, each a thread; 0: half of the processors, at least one, at most eight.
        event_loops: usize = "eventLoops", 0;
        /// Connections at a time; further ones are closed at once.
        max_connections: usize = "maxConnections", 65536;
        /// Bytes that may wait to be written to one peer before its requests are no longer read.
        max_pending_output: usize = "maxPendingOutputBytes", 8 << 20;
    }
}

compat::settings! {
    /// What a client can be told.
    pub struct ClientSettings {
        /// Codec threads of Java; unused.
        worker_threads: i32 = "clientWorkerThreads", 4;
        /// Callback threads of Java; unused.
        callback_threads: i32 = "clientCallbackExecutorThreads", 0;
        /// One-way requests at a time.
        oneway_permits: i32 = "clientOnewaySemaphoreValue", 65535;
        /// Requests at a time.
        async_permits: i32 = "clientAsyncSemaphoreValue", 65535;
        /// Time to connect, ms.
        connect_timeout: compat::settings::Ms = "connectTimeoutMillis", compat::settings::Ms(3000);
        /// Unused by Java.
        channel_not_active_interval: compat::settings::Ms = "channelNotActiveInterval", compat::settings::Ms(60_000);
        /// A connection without a byte for so long is closed, s.
        max_idle_secs: u32 = "clientChannelMaxIdleTimeSeconds", 120;
        /// Send buffer of a socket, bytes; see [`buffer_len`].
        socket_send_buffer: usize = "clientSocketSndBufSize", 0;
        /// Receive buffer of a socket, bytes; see [`buffer_len`].
        socket_receive_buffer: usize = "clientSocketRcvBufSize", 0;
        /// Pooled buffers of Java; unused.
        pooled_buffers: bool = "clientPooledByteBufAllocatorEnable", false;
        /// Close a connection on which an answer did not come in time.
        close_on_timeout: bool = "clientCloseSocketIfTimeout", false;
        /// TLS towards servers.
        use_tls: bool = "useTLS", false;
    }
}
