//! Settings of the store. Source: `store/config/MessageStoreConfig`.

use compat::settings::Ms;

compat::setting_enum! {
    /// What a broker is in its replication group.
    pub enum BrokerRole {
        /// Does not wait for slaves.
        AsyncMaster = "ASYNC_MASTER",
        /// Waits for one slave.
        SyncMaster = "SYNC_MASTER",
        /// Copies its master.
        Slave = "SLAVE",
    }
}

compat::setting_enum! {
    /// When a message counts as stored.
    pub enum FlushDiskType {
        /// Once it is written.
        Async = "ASYNC_FLUSH",
        /// Once the disk has it.
        Sync = "SYNC_FLUSH",
    }
}

compat::settings! {
    /// What the store can be told. Some keys of Java have no counterpart here; they are read and shown.
    pub struct StoreSettings {
        /// Root of all but the commit log.
        store_path_root: String = "storePathRootDir", home("store");
        /// Directory of the commit log.
        store_path_commit_log: String = "storePathCommitLog", home("store/commitlog");
        /// Length of a commit log file, bytes.
        commit_log_file_len: u32 = "mapedFileSizeCommitLog", 1 << 30;
        /// Length of a consume queue file, bytes; rounded up to a multiple of 20.
        consume_queue_file_len: u32 = "mapedFileSizeConsumeQueue", 6_000_000;
        /// Filter bitmaps beside the consume queues.
        enable_consume_queue_ext: bool = "enableConsumeQueueExt", false;
        /// Length of a file of filter bitmaps, bytes.
        consume_queue_ext_file_len: u32 = "mappedFileSizeConsumeQueueExt", 50_331_648;
        /// Length of a filter bitmap, bits.
        bit_map_len: i32 = "bitMapLengthConsumeQueueExt", 64;
        /// Pause between flushes of the commit log under `ASYNC_FLUSH`.
        flush_interval_commit_log: Ms = "flushIntervalCommitLog", Ms(500);
        /// Transient pool of Java; unused.
        commit_interval_commit_log: Ms = "commitIntervalCommitLog", Ms(200);
        /// Lock choice of Java; unused.
        reentrant_lock_when_put: bool = "useReentrantLockWhenPutMessage", false;
        /// Timer choice of Java; unused.
        flush_commit_log_timed: bool = "flushCommitLogTimed", false;
        /// Pause between flushes of the consume queues.
        flush_interval_consume_queue: Ms = "flushIntervalConsumeQueue", Ms(1000);
        /// Pause between cleanings.
        clean_resource_interval: Ms = "cleanResourceInterval", Ms(10_000);
        /// Pause between two deleted commit log files.
        delete_commit_log_files_interval: Ms = "deleteCommitLogFilesInterval", Ms(100);
        /// Pause between two queues that lost files.
        delete_consume_queue_files_interval: Ms = "deleteConsumeQueueFilesInterval", Ms(100);
        /// Mapping life of Java; unused.
        destroy_mapped_file_interval: Ms = "destroyMapedFileIntervalForcibly", Ms(120_000);
        /// Mapping life of Java; unused.
        redelete_hanged_file_interval: Ms = "redeleteHangedFileInterval", Ms(120_000);
        /// Local hours at which old files go, joined with `;`.
        delete_when: String = "deleteWhen", "04".to_owned();
        /// Percent of the disk from which on old files go at any hour.
        disk_max_used_space_ratio: i32 = "diskMaxUsedSpaceRatio", 75;
        /// Hours that a commit log file is kept after its last write.
        file_reserved_hours: u32 = "fileReservedTime", 72;
        /// Unused by Java.
        put_msg_index_high_water: i32 = "putMsgIndexHightWater", 600_000;
        /// Longest record and longest batch, bytes.
        max_message_size: u32 = "maxMessageSize", 4 << 20;
        /// Whether recovery compares the CRC of every body.
        check_crc_on_recover: bool = "checkCRCOnRecover", true;
        /// Dirty pages that a flush waits for.
        flush_commit_log_least_pages: i32 = "flushCommitLogLeastPages", 4;
        /// Transient pool of Java; unused.
        commit_commit_log_least_pages: i32 = "commitCommitLogLeastPages", 4;
        /// File warming of Java; unused.
        flush_least_pages_when_warm: i32 = "flushLeastPagesWhenWarmMapedFile", 4096;
        /// Dirty pages that a flush of a consume queue waits for.
        flush_consume_queue_least_pages: i32 = "flushConsumeQueueLeastPages", 2;
        /// Longest time without a flush of the commit log.
        flush_commit_log_thorough_interval: Ms = "flushCommitLogThoroughInterval", Ms(10_000);
        /// Transient pool of Java; unused.
        commit_commit_log_thorough_interval: Ms = "commitCommitLogThoroughInterval", Ms(200);
        /// Longest time without a flush of all consume queues and the checkpoint.
        flush_consume_queue_thorough_interval: Ms = "flushConsumeQueueThoroughInterval", Ms(60_000);
        /// Bytes of one pull from memory.
        max_transfer_bytes_in_memory: i32 = "maxTransferBytesOnMessageInMemory", 262_144;
        /// Messages of one pull from memory.
        max_transfer_count_in_memory: i32 = "maxTransferCountOnMessageInMemory", 32;
        /// Bytes of one pull from disk.
        max_transfer_bytes_in_disk: i32 = "maxTransferBytesOnMessageInDisk", 65_536;
        /// Messages of one pull from disk.
        max_transfer_count_in_disk: i32 = "maxTransferCountOnMessageInDisk", 8;
        /// Percent of the machine's memory that the newest messages are taken to fill.
        access_in_memory_max_ratio: i32 = "accessMessageInMemoryMaxRatio", 40;
        /// Whether keys are indexed.
        index_enable: bool = "messageIndexEnable", true;
        /// Slots of an index file.
        max_hash_slots: u32 = "maxHashSlotNum", 5_000_000;
        /// Entries of an index file.
        max_index_entries: u32 = "maxIndexNum", 20_000_000;
        /// Most messages of one query.
        max_query_count: i32 = "maxMsgsNumBatch", 64;
        /// Whether recovery also goes back to the last full index file.
        index_safe: bool = "messageIndexSafe", false;
        /// Replication port; always the broker's port + 1.
        ha_listen_port: u16 = "haListenPort", 10912;
        /// Pause between heartbeats of replication.
        ha_heartbeat_interval: Ms = "haSendHeartbeatInterval", Ms(5000);
        /// Silence after which replication reconnects.
        ha_housekeeping_interval: Ms = "haHousekeepingInterval", Ms(20_000);
        /// Bytes of one replication frame.
        ha_transfer_batch_len: u32 = "haTransferBatchSize", 32_768;
        /// Fixed replication address of the master.
        ha_master_address: Option<String> = "haMasterAddress", None;
        /// Bytes that the best slave may be behind.
        ha_slave_fall_behind_max: u64 = "haSlaveFallbehindMax", 256 << 20;
        /// Role in the replication group.
        broker_role: BrokerRole = "brokerRole", BrokerRole::AsyncMaster;
        /// When a message counts as stored.
        flush_disk_type: FlushDiskType = "flushDiskType", FlushDiskType::Async;
        /// How long a send waits for its flush, and for its replica.
        sync_flush_timeout: Ms = "syncFlushTimeout", Ms(5000);
        /// Times of the delay levels.
        delay_levels: String = "messageDelayLevel", "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h".to_owned();
        /// Pause between writes of `delayOffset.json`.
        flush_delay_offset_interval: Ms = "flushDelayOffsetInterval", Ms(10_000);
        /// Whether a disk that fills up may lose files before their time.
        clean_file_forcibly: bool = "cleanFileForciblyEnable", true;
        /// File warming of Java; unused.
        warm_mapped_file: bool = "warmMapedFileEnable", false;
        /// Whether a slave corrects offsets.
        offset_check_in_slave: bool = "offsetCheckInSlave", false;
        /// Lock dumps of Java; unused.
        debug_lock: bool = "debugLockEnable", false;
        /// Breaks dispatch in Java; refused when true.
        duplication_enable: bool = "duplicationEnable", false;
        /// Whether the lag of each group is recorded.
        disk_fall_recorded: bool = "diskFallRecorded", true;
        /// How long an append may take before sends are refused.
        page_cache_busy_timeout: Ms = "osPageCacheBusyTimeOutMills", Ms(1000);
        /// Most messages of one query by unique key.
        default_query_max_count: i32 = "defaultQueryMaxNum", 32;
        /// Transient pool of Java; unused.
        transient_store_pool: bool = "transientStorePoolEnable", false;
        /// Transient pool of Java; unused.
        transient_store_pool_size: i32 = "transientStorePoolSize", 5;
        /// Transient pool of Java; unused.
        fast_fail_if_no_buffer: bool = "fastFailIfNoBufferInStorePool", false;
    }
}

fn home(path: &str) -> String {
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    format!("{home}/{path}")
}
