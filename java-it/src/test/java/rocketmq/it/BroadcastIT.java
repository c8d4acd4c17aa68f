package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.heartbeat.MessageModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/** Broadcast groups: every member gets everything, and the broker keeps no offsets for them. */
class BroadcastIT {
    private static final int QUEUES = 4;

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void every_member_gets_every_message() throws Exception {
        String topic = CLUSTER.createTopic("Broadcast", QUEUES);
        Received first = new Received();
        Received second = new Received();
        start(topic, first);
        start(topic, second);

        List<String> sent = send(topic, "both", 20);

        assertEquals(sent, first.await(20).bodies());
        assertEquals(sent, second.await(20).bodies());
        assertTrue(CLUSTER.admin().getAllSubscriptionGroup(CLUSTER.broker().address(), 5000).getSubscriptionGroupTable()
            .containsKey(topic), "the group is known to the broker");
        assertEquals(0, clients.pullConsumer(topic + "Clustering").maxOffset(
            new MessageQueue("%RETRY%" + topic, "broker-a", 0)), "nothing was sent back");
    }

    @Test
    void a_late_member_gets_only_what_comes_later() throws Exception {
        String topic = CLUSTER.createTopic("BroadcastLate", QUEUES);
        Received first = new Received();
        start(topic, first);
        List<String> early = send(topic, "early", 10);
        first.await(10);

        Received late = new Received();
        start(topic, late);
        List<String> recent = send(topic, "recent", 10);

        assertEquals(recent, late.await(10).bodies());
        List<String> all = new ArrayList<>(early);
        all.addAll(recent);
        assertEquals(all, first.await(20).bodies());
    }

    private void start(String topic, Received received) throws Exception {
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.setMessageModel(MessageModel.BROADCASTING);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        Received.awaitQueues(consumer, topic, QUEUES, Await.SOON);
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
}
