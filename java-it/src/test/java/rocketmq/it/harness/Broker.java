package rocketmq.it.harness;

import java.nio.file.Path;
import java.util.Map;

/** A broker process, a master of {@code DefaultCluster}. */
public final class Broker extends Server {
    public static final String CLUSTER = "DefaultCluster";

    public Broker(Target target, String name, Path folder, NameServer nameServer) {
        this(target, name, folder, Ports.take());
        Path store = folder.resolve("store-" + name);
        set("brokerClusterName", CLUSTER);
        set("brokerName", name);
        set("brokerId", "0");
        set("namesrvAddr", nameServer.address());
        set("brokerIP1", "127.0.0.1");
        set("brokerIP2", "127.0.0.1");
        set("listenPort", String.valueOf(port()));
        set("storePathRootDir", store.toString());
        set("storePathCommitLog", store.resolve("commitlog").toString());
        // Small files: a suite starts many brokers, and the stock one fills each file in advance.
        set("mapedFileSizeCommitLog", String.valueOf(16 << 20));
        set("mapedFileSizeConsumeQueue", "600000");
        set("maxHashSlotNum", "100000");
        set("maxIndexNum", "400000");
        // The machine may be busy with other things: a request that waits for its turn is not refused.
        set("waitTimeMillsInSendQueue", "20000");
        set("osPageCacheBusyTimeOutMills", "20000");
        // Registers again within 10 s (the shortest allowed) when a name server was away.
        set("registerNameServerPeriod", "10000");
    }

    private Broker(Target target, String name, Path folder, int port) {
        super(Target.Role.BROKER, target, name, folder, port);
    }

    public Broker set(String key, String value) {
        settings().put(key, value);
        return this;
    }

    public Broker set(Map<String, String> values) {
        settings().putAll(values);
        return this;
    }

    /** Where its messages, tables and offsets are. */
    public Path store() {
        return Path.of(settings().get("storePathRootDir"));
    }

    /** The same broker (port, name, store, configuration) run by another program. Stop this one first. */
    public Broker runBy(Target other) {
        return new Broker(other, name(), folder(), port()).set(settings());
    }
}
