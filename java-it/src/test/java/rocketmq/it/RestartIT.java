package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.message.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/** Servers that go away and come back under clients that keep running. */
class RestartIT {
    private static final String TOPIC = "Restart";

    @RegisterExtension
    final Cluster cluster = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(cluster);

    @Test
    void when_the_broker_is_killed_under_load_no_acknowledged_message_is_lost() throws Exception {
        cluster.createTopic(TOPIC, 4);
        Received received = consume();
        try (Load load = new Load(producer())) {
            load.awaitAcknowledged(300);
            received.await(100);

            cluster.broker().kill();
            cluster.broker().start();

            load.awaitAcknowledged(load.acknowledged().size() + 300);
            load.stop();
            awaitAll(received, load.acknowledged());
        }
    }

    @Test
    void when_the_broker_is_restarted_cleanly_under_load_nothing_acknowledged_is_lost() throws Exception {
        cluster.createTopic(TOPIC, 4);
        Received received = consume();
        try (Load load = new Load(producer())) {
            load.awaitAcknowledged(300);
            received.await(100);

            cluster.broker().stop();
            cluster.broker().start();

            load.awaitAcknowledged(load.acknowledged().size() + 300);
            load.stop();
            awaitAll(received, load.acknowledged());
        }
    }

    @Test
    void while_the_name_server_is_away_clients_go_on_and_afterwards_routes_come_back() throws Exception {
        cluster.createTopic(TOPIC, 4);
        Received received = consume();
        try (Load load = new Load(producer())) {
            load.awaitAcknowledged(100);

            cluster.nameServer().kill();
            load.awaitAcknowledged(load.acknowledged().size() + 200);
            cluster.nameServer().start();

            DefaultMQProducer latecomer = producer();
            Await.until("a route for a new producer", Duration.ofSeconds(60),
                () -> latecomer.send(new Message(TOPIC, "latecomer".getBytes(UTF_8))).getSendStatus() == SendStatus.SEND_OK);
            load.stop();
            TreeSet<String> sent = new TreeSet<>(load.acknowledged());
            sent.add("latecomer");
            awaitAll(received, sent);
            assertEquals(List.of(), load.failures(), "sends that failed while only the name server was away");
        }
    }

    @Test
    void when_the_broker_leaves_the_name_server_forgets_it_at_once() throws Exception {
        cluster.createTopic(TOPIC, 4);
        assertEquals(1, cluster.route(TOPIC).getBrokerDatas().size());

        cluster.broker().kill();

        Await.until("the name server has no route", Await.SOON, () -> {
            try {
                return cluster.route(TOPIC) == null;
            } catch (MQClientException e) {
                return e.getResponseCode() == 17;
            }
        });
        assertTrue(cluster.admin().examineBrokerClusterInfo().getBrokerAddrTable().isEmpty());
    }

    private DefaultMQProducer producer() throws MQClientException {
        return clients.producer(producer -> {
            producer.setSendMsgTimeout(3000);
            lookOften(producer);
        });
    }

    private Received consume() throws MQClientException {
        Received received = new Received();
        DefaultMQPushConsumer consumer = clients.pushConsumer(TOPIC);
        lookOften(consumer);
        consumer.subscribe(TOPIC, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        return received;
    }

    /** A broker that came back knows a group again with its next heartbeat: 30 s later, if nothing else is set. */
    private static void lookOften(ClientConfig client) {
        client.setPollNameServerInterval(3000);
        client.setHeartbeatBrokerInterval(3000);
    }

    /** Every one must come; one may come twice when the broker was away. */
    private static void awaitAll(Received received, Collection<String> sent) {
        TreeSet<String> missing = new TreeSet<>(sent);
        Await.value("the rest of " + sent.size() + " messages", Duration.ofSeconds(60), () -> {
            missing.removeAll(received.distinctBodies());
            return missing;
        }, Collection::isEmpty);
    }

    /** Sends numbered messages one after the other until it is stopped, and remembers which were acknowledged. */
    private static final class Load implements AutoCloseable {
        private final ConcurrentSkipListSet<String> acknowledged = new ConcurrentSkipListSet<>();
        private final ConcurrentSkipListSet<String> failures = new ConcurrentSkipListSet<>();
        private final Thread thread;
        private volatile boolean stopped;

        Load(DefaultMQProducer producer) {
            thread = new Thread(() -> {
                for (int i = 0; !stopped; i++) {
                    String body = "%07d".formatted(i);
                    try {
                        if (producer.send(new Message(TOPIC, body.getBytes(UTF_8))).getSendStatus() == SendStatus.SEND_OK) {
                            acknowledged.add(body);
                        }
                        // About 500 a second: enough to have some under way at any time.
                        Thread.sleep(2);
                    } catch (Exception e) {
                        failures.add(body + ": " + e);
                    }
                }
            }, "load");
            thread.start();
        }

        Collection<String> acknowledged() {
            return List.copyOf(acknowledged);
        }

        List<String> failures() {
            return List.copyOf(failures);
        }

        void awaitAcknowledged(int count) {
            Await.value("acknowledged sends", Duration.ofSeconds(60), acknowledged::size, size -> size >= count);
        }

        void stop() throws InterruptedException {
            stopped = true;
            thread.join(Duration.ofSeconds(30).toMillis());
            assertTrue(!thread.isAlive(), "a send does not end");
        }

        @Override
        public void close() throws InterruptedException {
            stop();
        }
    }
}
