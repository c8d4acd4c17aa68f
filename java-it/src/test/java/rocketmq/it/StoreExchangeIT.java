package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.route.QueueData;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Broker;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;
import rocketmq.it.harness.Target;

/**
 * A store directory that goes from one program to the other and back. Clients see the same messages, offsets, ids, topics and groups,
 * and go on. On {@code -Dtarget=java} all programs are stock, which proves the scenario.
 */
class StoreExchangeIT {
    private static final String TOPIC = "Exchange";
    private static final String GROUP = "ExchangeGroup";
    private static final int QUEUES = 4;

    /** How the first program ends, and the second. */
    enum End {
        SIGTERM {
            @Override
            void of(Broker broker) {
                broker.stop();
            }
        },
        SIGKILL {
            @Override
            void of(Broker broker) {
                broker.kill();
            }
        };

        abstract void of(Broker broker);
    }

    static Stream<Arguments> ways() {
        Stream<Target[]> programs = Target.current() == Target.JAVA
            ? Stream.of(new Target[][] {{Target.JAVA, Target.JAVA}})
            : Stream.of(new Target[][] {{Target.JAVA, Target.RUST}, {Target.RUST, Target.JAVA}});
        return programs.flatMap(way -> Stream.of(End.values()).map(end -> Arguments.of(way[0], way[1], end)));
    }

    @ParameterizedTest(name = "a store of {0} goes to {1} and back after {2}")
    @MethodSource("ways")
    void a_store_goes_to_another_program_and_back(Target writer, Target opener, End end) throws Exception {
        Cluster cluster = Cluster.mixed(Target.current(), writer, Map.of("flushConsumerOffsetInterval", "1000"));
        Clients clients = new Clients(cluster);
        try {
            cluster.start("StoreExchange-" + writer + "-" + opener + "-" + end);
            write(cluster, clients);
            Contents written = Contents.of(cluster, clients);
            assertEquals(List.of(20L, 20L, 20L, 20L), List.copyOf(written.committed.values()), "the group is in the middle");
            assertEquals(120, written.messages.size());

            change(cluster, clients, end, opener);

            verify(written, cluster, clients, isIndexWhole(end, opener));
            goOn(written, cluster, clients);
            Contents continued = Contents.of(cluster, clients);
            assertEquals(written.messages.size() + 12, continued.messages.size());

            change(cluster, clients, end, writer);

            verify(continued, cluster, clients, isIndexWhole(end, writer));
            goOn(continued, cluster, clients);
        } finally {
            clients.close();
            cluster.close();
        }
    }

    /** Messages of every kind over more than one file of the log; the group has read the first 80 of 120. */
    private static void write(Cluster cluster, Clients clients) throws Exception {
        cluster.createTopic(TOPIC, QUEUES);
        SubscriptionGroupConfig group = new SubscriptionGroupConfig();
        group.setGroupName(GROUP);
        group.setRetryMaxTimes(7);
        cluster.admin().createAndUpdateSubscriptionGroupConfig(cluster.broker().address(), group);
        DefaultMQProducer producer = clients.producer();
        Random random = new Random(1);
        for (int i = 0; i < 80; i++) {
            byte[] body = ("message " + i).getBytes(UTF_8);
            if (i % 4 == 1) {
                body = new byte[1_000_000];
                random.nextBytes(body);
            } else if (i % 10 == 2) {
                body = "compressible ".repeat(5000).getBytes(UTF_8);
            }
            Message message = new Message(TOPIC, "Tag" + i % 3, "key" + i + " 钥匙" + i, i, body, true);
            message.putUserProperty("число", "§" + i);
            producer.send(message, new MessageQueue(TOPIC, "broker-a", i % QUEUES));
        }
        consume(clients, 80);
        for (int queue = 0; queue < QUEUES; queue++) {
            List<Message> batch = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                batch.add(new Message(TOPIC, "Batch", "batch-" + queue + "-" + i, ("batch " + queue + " " + i).getBytes(UTF_8)));
            }
            producer.send(batch, new MessageQueue(TOPIC, "broker-a", queue));
        }
        clients.read(TOPIC, 120);
    }

    private static void change(Cluster cluster, Clients clients, End end, Target next) {
        clients.close();
        if (end == End.SIGKILL) {
            // What the broker has not written down yet is lost with it, and that is no defect of the next.
            Offsets.awaitWritten(cluster.broker(), GROUP, TOPIC, Offsets.committed(cluster, GROUP, TOPIC));
        }
        end.of(cluster.broker());
        cluster.restartBrokerAs(next);
    }

    /**
     * Whether the program that opens the store finds every message by its key. After a kill stock Java deletes the index
     * file that was not full, and indexes again only from the log file on that the checkpoint leads to: keys of older
     * files are lost when more than three seconds lie between them and the checkpoint.
     */
    private static boolean isIndexWhole(End end, Target opener) {
        return end == End.SIGTERM || opener == Target.RUST;
    }

    private static void verify(Contents expected, Cluster cluster, Clients clients, boolean isIndexWhole) throws Exception {
        Contents found = Contents.of(cluster, clients);
        assertEquals(expected.messages, found.messages);
        assertEquals(expected.committed, found.committed);
        assertEquals(expected.retryMaxTimes, found.retryMaxTimes);
        assertEquals(expected.queues, found.queues);
        DefaultMQProducer producer = clients.producer();
        for (Stored message : expected.messages) {
            assertEquals(message, Stored.of(producer.viewMessage(message.offsetId)));
        }
        Stream<Stored> oldest = expected.messages.stream().limit(isIndexWhole ? 3 : 0);
        for (Stored message : Stream.concat(oldest, lastOf(expected.messages, 3)).toList()) {
            assertEquals(message, Stored.of(Await.value("lookup of " + message.uniqueId, Await.SOON,
                () -> producer.viewMessage(TOPIC, message.uniqueId), m -> m != null)));
            String key = message.properties.get("KEYS").split(" ")[0];
            assertEquals(List.of(message), producer.queryMessage(TOPIC, key, 32, 0, Long.MAX_VALUE).getMessageList().stream()
                .map(Stored::of).toList());
            MessageQueue queue = new MessageQueue(TOPIC, "broker-a", message.queue);
            long byTime = producer.searchOffset(queue, message.stored);
            assertTrue(byTime <= message.offset && message.stored == storedAt(expected, message.queue, byTime),
                "the time of offset " + message.offset + " leads to offset " + byTime);
        }
    }

    /** New messages follow the old ones, and the group gets exactly what it had not read. */
    private static void goOn(Contents contents, Cluster cluster, Clients clients) throws Exception {
        DefaultMQProducer producer = clients.producer();
        Map<Integer, Long> ends = new TreeMap<>();
        contents.messages.forEach(message -> ends.merge(message.queue, message.offset + 1, Math::max));
        for (int i = 0; i < 12; i++) {
            int queue = i % QUEUES;
            Message message = new Message(TOPIC, "More", "more-" + contents.messages.size() + "-" + i, ("more " + i).getBytes(UTF_8));
            assertEquals(ends.get(queue) + i / QUEUES, producer.send(message, new MessageQueue(TOPIC, "broker-a", queue)).getQueueOffset());
        }
        long unread = contents.messages.size() - contents.committed.values().stream().mapToLong(Long::longValue).sum() + 12;
        Received received = consume(clients, (int) unread);
        assertEquals(unread, received.count());
        received.messages().forEach(message -> assertTrue(message.getQueueOffset() >= contents.committed.get(message.getQueueId()),
            "read again: " + message));
    }

    /** Lets the group read so many messages and commit, and leave. */
    private static Received consume(Clients clients, int count) throws Exception {
        Received received = new Received();
        DefaultMQPushConsumer consumer = clients.pushConsumer(GROUP);
        consumer.subscribe(TOPIC, "*");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        received.await(count);
        consumer.shutdown();
        return received;
    }

    private static long storedAt(Contents contents, int queue, long offset) {
        return contents.messages.stream().filter(m -> m.queue == queue && m.offset == offset).findFirst().orElseThrow().stored;
    }

    private static <T> Stream<T> lastOf(List<T> list, int count) {
        return list.subList(list.size() - count, list.size()).stream();
    }

    /** What clients see of a store. */
    private record Contents(List<Stored> messages, Map<Integer, Long> committed, int retryMaxTimes, String queues) {
        static Contents of(Cluster cluster, Clients clients) throws Exception {
            QueueData queues = Await.value("the route", Await.SOON, () -> cluster.route(TOPIC).getQueueDatas().get(0), q -> true);
            long count = Await.value("figures of the topic", Await.SOON, () -> cluster.admin().examineTopicStats(TOPIC), s -> true)
                .getOffsetTable().values().stream().mapToLong(o -> o.getMaxOffset() - o.getMinOffset()).sum();
            SubscriptionGroupConfig group = cluster.admin().getAllSubscriptionGroup(cluster.broker().address(), 5000)
                .getSubscriptionGroupTable().get(GROUP);
            return new Contents(clients.read(TOPIC, (int) count).stream().map(Stored::of).toList(), Offsets.committed(cluster, GROUP, TOPIC),
                group.getRetryMaxTimes(), queues.getReadQueueNums() + "/" + queues.getWriteQueueNums() + "/" + queues.getPerm());
        }
    }

    /** One message, with everything that the store keeps of it. */
    private record Stored(int queue, long offset, String offsetId, String uniqueId, long position, int size, int flag, int sysFlag,
        long born, String bornHost, long stored, int bodyCrc, int bodyLength, int bodyHash, Map<String, String> properties) {
        static Stored of(MessageExt message) {
            return new Stored(message.getQueueId(), message.getQueueOffset(), ((MessageClientExt) message).getOffsetMsgId(),
                message.getMsgId(), message.getCommitLogOffset(), message.getStoreSize(), message.getFlag(), message.getSysFlag(),
                message.getBornTimestamp(), message.getBornHostString(), message.getStoreTimestamp(), message.getBodyCRC(),
                message.getBody().length, Arrays.hashCode(message.getBody()), withoutPullFigures(message.getProperties()));
        }

        /** A pull adds the offsets of the queue at that moment. */
        private static Map<String, String> withoutPullFigures(Map<String, String> properties) {
            Map<String, String> kept = new TreeMap<>(properties);
            kept.remove("MIN_OFFSET");
            kept.remove("MAX_OFFSET");
            return kept;
        }
    }
}
