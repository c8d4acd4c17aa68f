package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Received;

/** Orderly consumers: the broker locks each queue for one of them. */
class OrderlyIT {
    private static final int QUEUES = 4;

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void two_consumers_share_the_queues_and_each_queue_stays_in_order() throws Exception {
        String topic = CLUSTER.createTopic("TwoOrderly", QUEUES);
        Arrivals arrivals = new Arrivals();
        DefaultMQPushConsumer first = consume(topic, "first", arrivals);
        DefaultMQPushConsumer second = consume(topic, "second", arrivals);
        Received.awaitQueues(first, topic, QUEUES / 2, Await.SOON);
        Received.awaitQueues(second, topic, QUEUES / 2, Await.SOON);

        sendInOrder(topic, 0, 100);

        arrivals.await(100 * QUEUES);
        Map<String, Set<Integer>> queuesOf = new TreeMap<>();
        for (int queue = 0; queue < QUEUES; queue++) {
            List<Arrival> here = arrivals.of(queue);
            assertEquals(IntStream.range(0, 100).boxed().toList(), here.stream().map(Arrival::number).toList());
            Set<String> consumers = new LinkedHashSet<>(here.stream().map(Arrival::consumer).toList());
            assertEquals(1, consumers.size(), "consumers of queue " + queue);
            queuesOf.computeIfAbsent(consumers.iterator().next(), c -> new LinkedHashSet<>()).add(queue);
        }
        assertEquals(Set.of("first", "second"), queuesOf.keySet());
        queuesOf.forEach((consumer, queues) -> assertEquals(QUEUES / 2, queues.size()));
    }

    @Test
    void a_second_consumer_that_joins_gets_locked_queues_and_keeps_their_order() throws Exception {
        String topic = CLUSTER.createTopic("OrderlyJoin", QUEUES);
        Arrivals arrivals = new Arrivals();
        consume(topic, "first", arrivals);
        sendInOrder(topic, 0, 50);
        arrivals.await(50 * QUEUES);

        DefaultMQPushConsumer second = consume(topic, "second", arrivals);
        Received.awaitQueues(second, topic, QUEUES / 2, Await.SOON);
        sendInOrder(topic, 50, 100);

        Await.until("all numbers of all queues", Duration.ofSeconds(60), () -> arrivals.distinct() == 100 * QUEUES);
        Set<String> ofTheRest = new LinkedHashSet<>();
        for (int queue = 0; queue < QUEUES; queue++) {
            List<Arrival> here = arrivals.of(queue);
            // A queue that changes hands may repeat what was not committed yet; it may not skip or swap.
            assertEquals(IntStream.range(0, 100).boxed().toList(), List.copyOf(new LinkedHashSet<>(here.stream().map(Arrival::number).toList())));
            ofTheRest.add(here.get(here.size() - 1).consumer());
        }
        assertEquals(Set.of("first", "second"), ofTheRest);
    }

    @Test
    void when_one_consumer_leaves_the_other_continues_its_queues_in_order() throws Exception {
        String topic = CLUSTER.createTopic("OrderlyLeave", QUEUES);
        Arrivals arrivals = new Arrivals();
        DefaultMQPushConsumer first = consume(topic, "first", arrivals);
        DefaultMQPushConsumer second = consume(topic, "second", arrivals);
        Received.awaitQueues(first, topic, QUEUES / 2, Await.SOON);
        Received.awaitQueues(second, topic, QUEUES / 2, Await.SOON);
        sendInOrder(topic, 0, 50);
        arrivals.await(50 * QUEUES);

        second.shutdown();
        sendInOrder(topic, 50, 100);

        Await.until("all numbers of all queues", Duration.ofSeconds(60), () -> arrivals.distinct() == 100 * QUEUES);
        for (int queue = 0; queue < QUEUES; queue++) {
            List<Arrival> here = arrivals.of(queue);
            assertEquals(IntStream.range(0, 100).boxed().toList(), List.copyOf(new LinkedHashSet<>(here.stream().map(Arrival::number).toList())));
            assertEquals("first", here.get(here.size() - 1).consumer());
        }
    }

    @Test
    void a_message_that_is_not_done_holds_back_the_next_of_its_queue() throws Exception {
        String topic = CLUSTER.createTopic("OrderlySuspend", 1);
        List<String> attempts = Collections.synchronizedList(new ArrayList<>());
        Map<String, Integer> failuresLeft = new ConcurrentHashMap<>(Map.of("1", 2));
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.setSuspendCurrentQueueTimeMillis(100);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (batch, context) -> {
            String body = new String(batch.get(0).getBody(), UTF_8);
            attempts.add(body);
            boolean fails = failuresLeft.merge(body, -1, Integer::sum) >= 0;
            return fails ? ConsumeOrderlyStatus.SUSPEND_CURRENT_QUEUE_A_MOMENT : ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();

        DefaultMQProducer producer = clients.producer();
        for (String body : List.of("0", "1", "2", "3")) {
            producer.send(new Message(topic, body.getBytes(UTF_8)));
        }

        Await.until("the last message", Await.SOON, () -> attempts.contains("3"));
        assertEquals(List.of("0", "1", "1", "1", "2", "3"), attempts);
    }

    /** Sends the numbers to every queue, one after the other. */
    private void sendInOrder(String topic, int from, int to) throws Exception {
        DefaultMQProducer producer = clients.producer();
        for (int number = from; number < to; number++) {
            for (int queue = 0; queue < QUEUES; queue++) {
                producer.send(new Message(topic, String.valueOf(number).getBytes(UTF_8)), (queues, message, chosen) -> queues.stream()
                    .filter(q -> q.getQueueId() == (int) chosen).findFirst().orElseThrow(), queue);
            }
        }
    }

    private DefaultMQPushConsumer consume(String topic, String name, Arrivals arrivals) throws Exception {
        DefaultMQPushConsumer consumer = clients.pushConsumer(topic);
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerOrderly) (batch, context) -> {
            arrivals.add(name, batch);
            return ConsumeOrderlyStatus.SUCCESS;
        });
        consumer.start();
        return consumer;
    }

    private record Arrival(String consumer, int number) {}

    /** What arrived from each queue, in order, and whether two consumers were ever busy with one queue at the same time. */
    private static final class Arrivals {
        private final Map<Integer, List<Arrival>> byQueue = new ConcurrentHashMap<>();
        private final Map<Integer, AtomicBoolean> busy = new ConcurrentHashMap<>();
        private final AtomicBoolean overlapped = new AtomicBoolean();

        void add(String consumer, List<MessageExt> batch) {
            int queue = batch.get(0).getQueueId();
            AtomicBoolean here = busy.computeIfAbsent(queue, q -> new AtomicBoolean());
            if (!here.compareAndSet(false, true)) {
                overlapped.set(true);
            }
            List<Arrival> arrivals = byQueue.computeIfAbsent(queue, q -> Collections.synchronizedList(new ArrayList<>()));
            batch.forEach(m -> arrivals.add(new Arrival(consumer, Integer.parseInt(new String(m.getBody(), UTF_8)))));
            here.set(false);
        }

        List<Arrival> of(int queue) {
            assertTrue(!overlapped.get(), "two consumers had one queue at the same time");
            return List.copyOf(byQueue.getOrDefault(queue, List.of()));
        }

        int distinct() {
            return byQueue.values().stream().mapToInt(arrivals -> Set.copyOf(List.copyOf(arrivals).stream().map(Arrival::number).toList()).size()).sum();
        }

        void await(int count) {
            Await.value("arrivals", Duration.ofSeconds(60), () -> byQueue.values().stream().mapToInt(List::size).sum(), n -> n >= count);
        }
    }
}
