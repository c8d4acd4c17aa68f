package rocketmq.it;

import java.nio.file.Files;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.broker.offset.ConsumerOffsetManager;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Broker;
import rocketmq.it.harness.Cluster;

/** The offsets that groups have committed, by queue. */
final class Offsets {
    private Offsets() {}

    /** As the broker tells them. */
    static Map<Integer, Long> committed(Cluster cluster, String group, String topic) {
        Map<Integer, Long> offsets = new TreeMap<>();
        Await.value("offsets of " + group, Await.SOON, () -> cluster.admin().examineConsumeStats(group, topic), stats -> true)
            .getOffsetTable().forEach((queue, offset) -> offsets.put(queue.getQueueId(), offset.getConsumerOffset()));
        return offsets;
    }

    /** Waits until they are in the file of the broker, read as the stock broker reads it. */
    static void awaitWritten(Broker broker, String group, String topic, Map<Integer, Long> offsets) {
        Await.value("offsets of " + group + " in the file", Await.SOON, () -> {
            ConsumerOffsetManager manager = new ConsumerOffsetManager();
            manager.decode(Files.readString(broker.store().resolve("config/consumerOffset.json")));
            return manager.getOffsetTable().get(topic + "@" + group);
        }, offsets::equals);
    }
}
