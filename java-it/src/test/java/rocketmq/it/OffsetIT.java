package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.store.ReadOffsetType;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/** Where a group continues. */
class OffsetIT {
    private static final int QUEUES = 4;

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1, Map.of("flushConsumerOffsetInterval", "1000"));

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void a_group_continues_where_it_stopped() throws Exception {
        String topic = CLUSTER.createTopic("Continue", QUEUES);
        List<String> before = send(topic, "before", 20);
        assertEquals(before, consumeAndLeave(topic, 20));

        List<String> meanwhile = send(topic, "meanwhile", 8);

        assertEquals(meanwhile, consumeAndLeave(topic, 8));
    }

    @Test
    void offsets_are_kept_over_a_clean_restart_of_the_broker() throws Exception {
        String topic = CLUSTER.createTopic("CleanRestart", QUEUES);
        send(topic, "before", 20);
        consumeAndLeave(topic, 20);
        Map<Integer, Long> committed = committed(topic);

        CLUSTER.broker().stop();
        CLUSTER.broker().start();

        CLUSTER.awaitRegistered();
        assertEquals(committed, committed(topic));
        List<String> after = send(topic, "restarted", 8);
        assertEquals(after, consumeAndLeave(topic, 8));
    }

    @Test
    void offsets_that_were_written_down_are_kept_when_the_broker_is_killed() throws Exception {
        String topic = CLUSTER.createTopic("Kill", QUEUES);
        send(topic, "before", 20);
        consumeAndLeave(topic, 20);
        Map<Integer, Long> committed = committed(topic);
        Offsets.awaitWritten(CLUSTER.broker(), topic, topic, committed);

        CLUSTER.broker().kill();
        CLUSTER.broker().start();

        CLUSTER.awaitRegistered();
        assertEquals(committed, committed(topic));
        List<String> after = send(topic, "restarted", 8);
        assertEquals(after, consumeAndLeave(topic, 8));
    }

    @Test
    void an_offset_set_by_one_client_is_read_by_another() throws Exception {
        String topic = CLUSTER.createTopic("Set", 1);
        send(topic, "message", 5);
        MessageQueue queue = new MessageQueue(topic, "broker-a", 0);
        DefaultMQPullConsumer writer = clients.pullConsumer("Set");
        DefaultMQPullConsumer reader = clients.pullConsumer("Set");
        // The client needs the route of the topic for what follows.
        writer.fetchSubscribeMessageQueues(topic);
        reader.fetchSubscribeMessageQueues(topic);

        writer.getDefaultMQPullConsumerImpl().getOffsetStore().updateConsumeOffsetToBroker(queue, 3, false);

        assertEquals(3, reader.getDefaultMQPullConsumerImpl().getOffsetStore().readOffset(queue, ReadOffsetType.READ_FROM_STORE));
    }

    @Test
    void a_group_without_offsets_is_sent_to_the_beginning_of_a_young_topic_even_if_it_asks_for_the_end() throws Exception {
        String topic = CLUSTER.createTopic("Young", QUEUES);
        List<String> sent = send(topic, "old", 8);
        clients.read(topic, 8);

        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_LAST_OFFSET);
        consumer.subscribe(topic, "*");
        Received received = new Received();
        consumer.registerMessageListener(received.concurrently());
        consumer.start();

        assertEquals(sent, received.await(8).bodies());
    }

    private List<String> send(String topic, String text, int count) throws Exception {
        DefaultMQProducer producer = clients.producer();
        List<String> bodies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            bodies.add("%s %02d".formatted(text, i));
            producer.send(new Message(topic, bodies.get(i).getBytes(UTF_8)));
        }
        return bodies;
    }

    /** What the group of the topic's name gets until it has so many, and commits. */
    private List<String> consumeAndLeave(String topic, int count) throws Exception {
        Received received = new Received();
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        received.await(count);
        consumer.shutdown();
        Await.until("the commit of everything", Await.SOON, () -> CLUSTER.admin().examineConsumeStats(topic, topic).computeTotalDiff() == 0);
        return received.bodies();
    }

    private static Map<Integer, Long> committed(String topic) {
        return Offsets.committed(CLUSTER, topic, topic);
    }
}
