package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.ForkedJvm;
import rocketmq.it.harness.Received;

/** Who reads which queue when members of a group come and go. */
class RebalanceIT {
    /** A client shares the queues out anew every 20 s by itself: what is faster than this was told by the broker. */
    private static final Duration TOLD = Duration.ofSeconds(12);

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void a_member_that_joins_gets_its_share_at_once() throws Exception {
        String topic = CLUSTER.createTopic("Join", 8);
        Received received = new Received();
        DefaultMQPushConsumer first = start(topic, received);
        Received.awaitQueues(first, topic, 8, Await.SOON);

        DefaultMQPushConsumer second = start(topic, received);

        Received.awaitQueues(first, topic, 4, TOLD);
        Received.awaitQueues(second, topic, 4, TOLD);
        List<String> sent = send(topic, 80);
        assertEquals(sent, received.await(80).bodies());
    }

    @Test
    void when_a_member_leaves_the_others_take_its_queues_at_once() throws Exception {
        String topic = CLUSTER.createTopic("Leave", 8);
        Received received = new Received();
        DefaultMQPushConsumer first = start(topic, received);
        DefaultMQPushConsumer second = start(topic, received);
        Received.awaitQueues(first, topic, 4, Await.SOON);
        Received.awaitQueues(second, topic, 4, Await.SOON);

        second.shutdown();

        Received.awaitQueues(first, topic, 8, TOLD);
        List<String> sent = send(topic, 80);
        assertEquals(sent, received.await(80).bodies());
    }

    @Test
    void when_a_member_is_killed_the_others_take_its_queues_at_once_and_nothing_is_lost() throws Exception {
        String topic = CLUSTER.createTopic("Killed", 8);
        Received received = new Received();
        DefaultMQPushConsumer survivor = start(topic, received);

        try (ForkedJvm other = ForkedJvm.start(KilledConsumer.class, List.of(), CLUSTER.nameServer().address(), topic)) {
            other.awaitLine("started");
            Received.awaitQueues(survivor, topic, 4, Await.SOON);
            List<String> sent = send(topic, 40);
            other.awaitLine("got");
            other.kill();
            Received.awaitQueues(survivor, topic, 8, TOLD);
            // What the other had not said to be done comes to the survivor; it confirmed nothing.
            Await.value("everything at the survivor", Await.SOON, received::distinctBodies, got -> got.equals(new TreeSet<>(sent)));
        }
    }

    @Test
    void three_members_share_ten_queues_evenly() throws Exception {
        String topic = CLUSTER.createTopic("Three", 10);
        Received received = new Received();
        List<DefaultMQPushConsumer> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            members.add(start(topic, received));
        }

        Await.value("shares", Await.SOON, () -> members.stream().map(m -> Received.queuesOf(m, topic)).sorted().toList(),
            shares -> shares.equals(List.of(3, 3, 4)));
        List<String> sent = send(topic, 100);
        assertEquals(sent, received.await(100).bodies());
    }

    private DefaultMQPushConsumer start(String topic, Received received) throws Exception {
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        return consumer;
    }

    private List<String> send(String topic, int count) throws Exception {
        DefaultMQProducer producer = clients.producer();
        List<String> bodies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            bodies.add("%03d".formatted(i));
            producer.send(new Message(topic, bodies.get(i).getBytes(UTF_8)));
        }
        return bodies;
    }
}
