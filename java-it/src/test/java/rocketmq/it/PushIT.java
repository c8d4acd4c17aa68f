package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.admin.ConsumeStats;
import org.apache.rocketmq.common.admin.OffsetWrapper;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/** Push consumers: which messages come, each of them once, and soon. */
class PushIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void a_subscription_by_tags_brings_those_tags_only() throws Exception {
        String topic = CLUSTER.createTopic("Tags", 2);
        Received received = new Received();
        consume(topic, "TagA || TagC", received);

        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 40; i++) {
            String tag = new String[] {"TagA", "TagB", "TagC", null}[i % 4];
            producer.send(new Message(topic, tag, (tag + " " + i).getBytes(UTF_8)));
        }
        producer.send(new Message(topic, "TagA", "TagA last".getBytes(UTF_8)));
        producer.send(new Message(topic, "TagC", "TagC last".getBytes(UTF_8)));

        received.await(22);
        assertEquals(Map.of("TagA", 11L, "TagC", 11L), received.messages().stream()
            .collect(Collectors.groupingBy(MessageExt::getTags, Collectors.counting())));
        assertEquals(22, received.distinctBodies().size());
    }

    @Test
    void tags_of_equal_hash_are_told_apart() throws Exception {
        assertEquals("Aa".hashCode(), "BB".hashCode());
        String topic = CLUSTER.createTopic("Collision", 1);
        Received received = new Received();
        consume(topic, "Aa", received);

        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 10; i++) {
            producer.send(new Message(topic, i % 2 == 0 ? "Aa" : "BB", ("" + i).getBytes(UTF_8)));
        }
        producer.send(new Message(topic, "Aa", "last".getBytes(UTF_8)));

        received.await(6);
        assertEquals(List.of("0", "2", "4", "6", "8", "last"), received.bodies());
    }

    @Test
    void one_consumer_reads_several_topics() throws Exception {
        CLUSTER.createTopic("SeveralOne", 2);
        CLUSTER.createTopic("SeveralTwo", 2);
        Received received = new Received();
        DefaultMQPushConsumer consumer = clients.pushConsumer("Several");
        consumer.subscribe("SeveralOne", "*");
        consumer.subscribe("SeveralTwo", "TagB");
        consumer.registerMessageListener(received.concurrently());
        consumer.start();

        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 10; i++) {
            producer.send(new Message("SeveralOne", "TagA", ("one " + i).getBytes(UTF_8)));
            producer.send(new Message("SeveralTwo", i % 2 == 0 ? "TagA" : "TagB", ("two " + i).getBytes(UTF_8)));
        }

        received.await(15);
        assertEquals(IntStream.concat(IntStream.range(0, 10), IntStream.of(101, 103, 105, 107, 109))
            .mapToObj(i -> i < 100 ? "one " + i : "two " + (i - 100)).toList(), received.bodies());
    }

    @Test
    void two_groups_get_every_message_each() throws Exception {
        String topic = CLUSTER.createTopic("TwoGroups", 4);
        Received first = new Received();
        Received second = new Received();
        consume(topic, "*", "TwoGroupsFirst", first);
        consume(topic, "*", "TwoGroupsSecond", second);

        DefaultMQProducer producer = clients.producer();
        List<String> sent = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            sent.add("%02d".formatted(i));
            producer.send(new Message(topic, sent.get(i).getBytes(UTF_8)));
        }

        assertEquals(sent, first.await(20).bodies());
        assertEquals(sent, second.await(20).bodies());
    }

    @Test
    void ten_thousand_messages_arrive_once_each_with_their_bodies() throws Exception {
        int count = 10_000;
        String topic = CLUSTER.createTopic("TenThousand", 8);
        Received received = new Received();
        DefaultMQPushConsumer consumer = consume(topic, "*", received);
        DefaultMQProducer producer = clients.producer();
        CountDownLatch answered = new CountDownLatch(count);
        Map<String, String> idOfBody = new ConcurrentHashMap<>();
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());

        // Not all at once: the client gives up a send that waits for its turn longer than the time-out.
        Semaphore window = new Semaphore(500);
        for (int i = 0; i < count; i++) {
            String body = "message %05d ".formatted(i) + "x".repeat(i % 300);
            assertTrue(window.tryAcquire(30, TimeUnit.SECONDS));
            producer.send(new Message(topic, body.getBytes(UTF_8)), new SendCallback() {
                @Override
                public void onSuccess(SendResult sent) {
                    idOfBody.put(body, sent.getMsgId());
                    window.release();
                    answered.countDown();
                }

                @Override
                public void onException(Throwable e) {
                    failures.add(e);
                    window.release();
                    answered.countDown();
                }
            });
        }

        assertTrue(answered.await(60, TimeUnit.SECONDS));
        assertEquals(List.of(), failures);
        received.await(count, Duration.ofSeconds(60));
        // A shutdown commits what counts as consumed by then: the last listener may have returned only just.
        Await.value("the end of the last listener", Await.SOON,
            () -> consumer.getOffsetStore().cloneOffsetTable(topic).values().stream().mapToLong(Long::longValue).sum(), sum -> sum >= count);
        // Once everything is committed, a repeated message would have come, too.
        consumer.shutdown();
        ConsumeStats stats = Await.value("the committed offsets", Await.SOON,
            () -> CLUSTER.admin().examineConsumeStats("TenThousand", topic), s -> s.computeTotalDiff() == 0);
        assertEquals(count, stats.getOffsetTable().values().stream().mapToLong(OffsetWrapper::getConsumerOffset).sum());
        assertEquals(count, received.count());
        received.messages().forEach(m -> assertEquals(idOfBody.get(new String(m.getBody(), UTF_8)), m.getMsgId()));
        assertEquals(count, received.distinctBodies().size());
    }

    @Test
    void a_message_reaches_a_waiting_consumer_within_100_ms() throws Exception {
        String topic = CLUSTER.createTopic("Latency", 1);
        Map<String, Long> arrival = new ConcurrentHashMap<>();
        DefaultMQPushConsumer consumer = clients.pushConsumer("Latency");
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            batch.forEach(m -> arrival.put(new String(m.getBody(), UTF_8), System.nanoTime()));
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });
        consumer.start();
        DefaultMQProducer producer = clients.producer();
        producer.send(new Message(topic, "first".getBytes(UTF_8)));
        Await.until("the first message", Await.SOON, () -> arrival.containsKey("first"));

        List<Long> tookMs = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            String body = "message " + i;
            long sent = System.nanoTime();
            producer.send(new Message(topic, body.getBytes(UTF_8)));
            Await.until(body, Await.SOON, () -> arrival.containsKey(body));
            tookMs.add(TimeUnit.NANOSECONDS.toMillis(arrival.get(body) - sent));
        }

        Collections.sort(tookMs);
        assertTrue(tookMs.get(10) < 100, "milliseconds from send to arrival: " + tookMs);
    }

    @Test
    void a_listener_gets_as_many_at_once_as_it_asks_for() throws Exception {
        String topic = CLUSTER.createTopic("AtOnce", 1);
        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 30; i++) {
            producer.send(new Message(topic, new byte[] {(byte) i}));
        }
        clients.read(topic, 30);
        List<Integer> sizes = Collections.synchronizedList(new ArrayList<>());
        DefaultMQPushConsumer consumer = clients.pushConsumer("AtOnce");
        consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
        consumer.setConsumeMessageBatchMaxSize(10);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            sizes.add(batch.size());
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });

        consumer.start();

        Await.until("all messages", Await.SOON, () -> sizes.stream().mapToInt(Integer::intValue).sum() >= 30);
        assertEquals(List.of(10, 10, 10), sizes);
    }

    @Test
    void a_subscription_by_SQL92_is_refused_unless_the_broker_is_configured_for_it() throws Exception {
        String topic = CLUSTER.createTopic("NoSql", 1);
        DefaultMQPushConsumer consumer = clients.pushConsumer("NoSql");
        consumer.subscribe(topic, MessageSelector.bySql("a > 1"));
        consumer.registerMessageListener(new Received().concurrently());

        MQClientException refused = assertThrows(MQClientException.class, consumer::start);

        assertEquals(ResponseCode.SYSTEM_ERROR, refused.getResponseCode());
        assertEquals("The broker does not support consumer to filter message by SQL92", refused.getErrorMessage());
    }

    private DefaultMQPushConsumer consume(String topic, String tags, Received received) throws Exception {
        return consume(topic, tags, topic, received);
    }

    private DefaultMQPushConsumer consume(String topic, String tags, String group, Received received) throws Exception {
        DefaultMQPushConsumer consumer = clients.pushConsumer(group);
        consumer.subscribe(topic, tags);
        consumer.registerMessageListener(received.concurrently());
        consumer.start();
        return consumer;
    }
}
