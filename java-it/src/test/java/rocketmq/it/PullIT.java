package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.LongStream;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullCallback;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Target;

/** What a pull answers, how long it is held, and the queries about offsets. */
class PullIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void a_pull_in_the_middle_finds_as_many_as_asked() throws Exception {
        MessageQueue queue = queueOfFive("Middle");

        PullResult result = clients.pullConsumer("Middle").pull(queue, "*", 1, 2);

        assertEquals(PullStatus.FOUND, result.getPullStatus());
        assertEquals(List.of(1L, 2L), result.getMsgFoundList().stream().map(MessageExt::getQueueOffset).toList());
        assertArrayEquals("message 1".getBytes(UTF_8), result.getMsgFoundList().get(0).getBody());
        assertEquals(3, result.getNextBeginOffset());
        assertEquals(0, result.getMinOffset());
        assertEquals(5, result.getMaxOffset());
    }

    @Test
    void a_pull_at_the_end_says_that_there_is_nothing_new() throws Exception {
        MessageQueue queue = queueOfFive("End");

        PullResult result = clients.pullConsumer("End").pull(queue, "*", 5, 32);

        assertEquals(PullStatus.NO_NEW_MSG, result.getPullStatus());
        assertNull(result.getMsgFoundList());
        assertEquals(5, result.getNextBeginOffset());
        assertEquals(5, result.getMaxOffset());
    }

    @Test
    void a_pull_past_the_end_is_illegal_and_told_where_to_go_on() throws Exception {
        MessageQueue queue = queueOfFive("Past");

        PullResult result = clients.pullConsumer("Past").pull(queue, "*", 6, 32);

        assertEquals(PullStatus.OFFSET_ILLEGAL, result.getPullStatus());
        // Stock: a queue whose first message is still there is begun again, and all of it consumed twice. Ours: goes on at the end.
        assertEquals(Target.current() == Target.JAVA ? 0 : 5, result.getNextBeginOffset());
        assertEquals(0, result.getMinOffset());
        assertEquals(5, result.getMaxOffset());
    }

    @Test
    void a_pull_without_a_matching_tag_moves_past_what_it_looked_at() throws Exception {
        MessageQueue queue = queueOfFive("Unmatched");

        PullResult result = clients.pullConsumer("Unmatched").pull(queue, "NoSuchTag", 0, 32);

        assertEquals(PullStatus.NO_MATCHED_MSG, result.getPullStatus());
        assertEquals(5, result.getNextBeginOffset());
    }

    @Test
    void a_pull_by_tags_finds_the_matching_messages_only() throws Exception {
        MessageQueue queue = queueOfFive("ByTag");

        PullResult result = clients.pullConsumer("ByTag").pull(queue, "even || other", 0, 32);

        assertEquals(PullStatus.FOUND, result.getPullStatus());
        assertEquals(List.of(0L, 2L, 4L), result.getMsgFoundList().stream().map(MessageExt::getQueueOffset).toList());
        assertEquals(5, result.getNextBeginOffset());
    }

    @Test
    void an_empty_queue_has_nothing_new_at_its_beginning_and_no_other_offset() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("Empty", 1), "broker-a", 0);
        DefaultMQPullConsumer consumer = clients.pullConsumer("Empty");

        PullResult beginning = consumer.pull(queue, "*", 0, 32);
        PullResult elsewhere = consumer.pull(queue, "*", 7, 32);

        assertEquals(PullStatus.NO_NEW_MSG, beginning.getPullStatus());
        assertEquals(PullStatus.OFFSET_ILLEGAL, elsewhere.getPullStatus());
        assertEquals(0, elsewhere.getNextBeginOffset());
    }

    @Test
    void a_pull_of_a_queue_that_does_not_exist_is_refused() throws Exception {
        String topic = CLUSTER.createTopic("NoQueue", 2);
        DefaultMQPullConsumer consumer = clients.pullConsumer("NoQueue");

        MQBrokerException refused = assertThrows(MQBrokerException.class,
            () -> consumer.pull(new MessageQueue(topic, "broker-a", 2), "*", 0, 32));

        assertEquals(ResponseCode.SYSTEM_ERROR, refused.getResponseCode());
        assertTrue(refused.getErrorMessage().startsWith(
            "queueId[2] is illegal, topic:[NoQueue] topicConfig.readQueueNums:[2] consumer:[/127.0.0.1:"), refused.getErrorMessage());
    }

    @Test
    void one_pull_brings_at_most_32_messages() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("Many", 1), "broker-a", 0);
        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 50; i++) {
            producer.send(new Message("Many", new byte[] {(byte) i}));
        }
        clients.read("Many", 50);

        PullResult result = clients.pullConsumer("Many").pull(queue, "*", 0, 100);

        assertEquals(LongStream.range(0, 32).boxed().toList(),
            result.getMsgFoundList().stream().map(MessageExt::getQueueOffset).toList());
        assertEquals(32, result.getNextBeginOffset());
    }

    @Test
    void one_pull_brings_at_most_256_kibibytes_unless_one_message_is_longer() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("Large", 1), "broker-a", 0);
        DefaultMQProducer producer = clients.producer(p -> p.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE));
        byte[] body = new byte[100_000];
        new Random(7).nextBytes(body);
        for (int i = 0; i < 4; i++) {
            producer.send(new Message("Large", body));
        }
        producer.send(new Message("Large", new byte[1_000_000]));
        clients.read("Large", 5);
        DefaultMQPullConsumer consumer = clients.pullConsumer("Large");

        assertEquals(2, consumer.pull(queue, "*", 0, 32).getMsgFoundList().size());
        PullResult last = consumer.pull(queue, "*", 4, 32);

        assertEquals(1, last.getMsgFoundList().size());
        assertEquals(1_000_000, last.getMsgFoundList().get(0).getBody().length);
    }

    @Test
    void a_held_pull_is_answered_within_100_ms_of_a_new_message() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("Held", 1), "broker-a", 0);
        DefaultMQPullConsumer consumer = clients.pullConsumer("Held");
        DefaultMQProducer producer = clients.producer();
        producer.send(new Message("Held", "first".getBytes(UTF_8)));
        clients.read("Held", 1);

        long[] tookMs = new long[7];
        for (int i = 0; i < tookMs.length; i++) {
            Pulled pulled = new Pulled();
            consumer.pullBlockIfNotFound(queue, "*", 1 + i, 32, pulled);
            assertFalse(pulled.comesWithin(Duration.ofMillis(200)), "the pull is not held");
            long sent = System.nanoTime();
            producer.send(new Message("Held", ("wake " + i).getBytes(UTF_8)));
            PullResult result = pulled.result.get(10, TimeUnit.SECONDS);
            tookMs[i] = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sent);
            assertEquals(PullStatus.FOUND, result.getPullStatus());
            assertArrayEquals(("wake " + i).getBytes(UTF_8), result.getMsgFoundList().get(0).getBody());
        }

        // The median: one of them may meet a pause of this busy machine.
        Arrays.sort(tookMs);
        assertTrue(tookMs[3] < 100, "milliseconds from send to arrival: " + Arrays.toString(tookMs));
    }

    @Test
    void a_pull_held_for_15_s_without_a_message_ends_with_nothing_new() throws Exception {
        MessageQueue queue = queueOfFive("Hold15");
        DefaultMQPullConsumer consumer = clients.pullConsumer("Hold15", c -> c.setBrokerSuspendMaxTimeMillis(15_000));
        Pulled pulled = new Pulled();
        long start = System.nanoTime();

        consumer.pullBlockIfNotFound(queue, "*", 5, 32, pulled);

        PullResult result = pulled.result.get(40, TimeUnit.SECONDS);
        long tookMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertEquals(PullStatus.NO_NEW_MSG, result.getPullStatus());
        assertEquals(5, result.getNextBeginOffset());
        // The stock broker looks at held pulls every 5 s.
        assertTrue(14_900 <= tookMs && tookMs < 22_000, "answered after " + tookMs + " ms");
    }

    @Test
    void offsets_are_found_by_time() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("ByTime", 1), "broker-a", 0);
        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 3; i++) {
            long last = System.currentTimeMillis();
            producer.send(new Message("ByTime", new byte[] {1}));
            Await.until("the next millisecond", Duration.ofSeconds(1), () -> System.currentTimeMillis() > last + 5);
        }
        List<MessageExt> stored = clients.read("ByTime", 3);
        DefaultMQPullConsumer consumer = clients.pullConsumer("ByTime");

        assertEquals(1, consumer.searchOffset(queue, stored.get(1).getStoreTimestamp()));
        assertEquals(0, consumer.searchOffset(queue, 0));
        // Stock: the last message for a time after all of them. Ours: the first message that is not older, so the end.
        assertEquals(Target.current() == Target.JAVA ? 2 : 3, consumer.searchOffset(queue, System.currentTimeMillis() + 3_600_000));
        assertEquals(0, consumer.minOffset(queue));
        assertEquals(3, consumer.maxOffset(queue));
        assertEquals(stored.get(0).getStoreTimestamp(), consumer.earliestMsgStoreTime(queue));
    }

    @Test
    void an_empty_queue_has_no_earliest_message() throws Exception {
        MessageQueue queue = new MessageQueue(CLUSTER.createTopic("NoEarliest", 1), "broker-a", 0);
        DefaultMQPullConsumer consumer = clients.pullConsumer("NoEarliest");

        assertEquals(-1, consumer.earliestMsgStoreTime(queue));
        assertEquals(0, consumer.minOffset(queue));
        assertEquals(0, consumer.maxOffset(queue));
    }

    /** A topic of one queue with five messages, tagged even and odd by their offset. */
    private MessageQueue queueOfFive(String topic) throws Exception {
        CLUSTER.createTopic(topic, 1);
        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 5; i++) {
            producer.send(new Message(topic, i % 2 == 0 ? "even" : "odd", ("message " + i).getBytes(UTF_8)));
        }
        clients.read(topic, 5);
        return new MessageQueue(topic, "broker-a", 0);
    }

    private static final class Pulled implements PullCallback {
        final CompletableFuture<PullResult> result = new CompletableFuture<>();

        boolean comesWithin(Duration time) throws Exception {
            try {
                result.get(time.toMillis(), TimeUnit.MILLISECONDS);
                return true;
            } catch (TimeoutException e) {
                return false;
            }
        }

        @Override
        public void onSuccess(PullResult pulled) {
            result.complete(pulled);
        }

        @Override
        public void onException(Throwable e) {
            result.completeExceptionally(e);
        }
    }
}
