package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/**
 * Where a new group begins. The broker sends a group without offsets to the beginning of every queue whose first message it takes
 * to be in memory, whatever the group asks for; the wish of the group counts only for other queues. Here nothing is in memory.
 */
class ConsumeFromIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1, Map.of("accessMessageInMemoryMaxRatio", "0"));

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void from_the_first_offset_a_group_gets_everything() throws Exception {
        String topic = CLUSTER.createTopic("First", 1);
        DefaultMQProducer producer = clients.producer();
        send(producer, topic, "old 1", "old 2", "old 3");

        Received received = new Received();
        start(topic, received, consumer -> consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET));
        send(producer, topic, "recent 1");

        assertEquals(List.of("old 1", "old 2", "old 3", "recent 1"), received.await(4).bodies());
    }

    @Test
    void from_the_last_offset_a_group_gets_only_what_comes_later() throws Exception {
        String topic = CLUSTER.createTopic("Last", 1);
        DefaultMQProducer producer = clients.producer();
        send(producer, topic, "old 1", "old 2", "old 3");

        Received received = new Received();
        start(topic, received, consumer -> consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET));
        send(producer, topic, "recent 1", "recent 2");

        assertEquals(List.of("recent 1", "recent 2"), received.await(2).bodies());
    }

    @Test
    void from_a_timestamp_a_group_gets_what_was_stored_since() throws Exception {
        String topic = CLUSTER.createTopic("Timestamp", 1);
        DefaultMQProducer producer = clients.producer();
        send(producer, topic, "old 1", "old 2");
        long old = System.currentTimeMillis();
        // The client states the time in whole seconds, and the broker takes the message nearest to it.
        Await.until("the beginning of a second", Duration.ofSeconds(5),
            () -> System.currentTimeMillis() > old + 1500 && System.currentTimeMillis() % 1000 < 100);
        Instant second = Instant.ofEpochSecond(System.currentTimeMillis() / 1000);
        send(producer, topic, "recent 1", "recent 2", "recent 3");

        Received received = new Received();
        start(topic, received, consumer -> {
            consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_TIMESTAMP);
            consumer.setConsumeTimestamp(DateTimeFormatter.ofPattern("yyyyMMddHHmmss").format(second.atZone(ZoneId.systemDefault())));
        });

        assertEquals(List.of("recent 1", "recent 2", "recent 3"), received.await(3).bodies());
    }

    private void send(DefaultMQProducer producer, String topic, String... bodies) throws Exception {
        for (String body : bodies) {
            producer.send(new Message(topic, body.getBytes(UTF_8)));
        }
    }

    /** Starts a consumer once everything sent can be read, and returns when it has found its place in the queue. */
    private void start(String topic, Received received, Consumer<DefaultMQPushConsumer> settings) throws Exception {
        clients.read(topic, 1);
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        settings.accept(consumer);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        Received.awaitQueues(consumer, topic, 1, Await.SOON);
    }
}
