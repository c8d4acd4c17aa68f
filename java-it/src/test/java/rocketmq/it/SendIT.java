package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.client.producer.selector.SelectMessageQueueByHash;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.route.QueueData;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.BetterThanJava;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.ForkedJvm;

/** Every way in which a producer sends, and what is stored of it. */
class SendIT {
    private static final int FOUR_MIB = 4 << 20;

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void a_sync_send_says_where_the_message_is() throws Exception {
        String topic = CLUSTER.createTopic("SyncResult", 1);

        SendResult first = clients.producer().send(new Message(topic, "first".getBytes(UTF_8)));
        SendResult second = clients.producer().send(new Message(topic, "second".getBytes(UTF_8)));

        assertEquals(SendStatus.SEND_OK, first.getSendStatus());
        assertEquals(new MessageQueue(topic, "broker-a", 0), first.getMessageQueue());
        assertEquals(0, first.getQueueOffset());
        assertEquals(1, second.getQueueOffset());
        assertEquals("DefaultRegion", first.getRegionId());
        assertTrue(first.isTraceOn());
        assertNull(first.getTransactionId());
        assertEquals(32, first.getMsgId().length());
        MessageId at = MessageDecoder.decodeMessageId(first.getOffsetMsgId());
        MessageId next = MessageDecoder.decodeMessageId(second.getOffsetMsgId());
        assertEquals(new InetSocketAddress("127.0.0.1", CLUSTER.broker().port()), at.getAddress());
        MessageExt stored = clients.read(topic, 2).get(0);
        assertEquals(at.getOffset(), stored.getCommitLogOffset());
        assertEquals(first.getMsgId(), stored.getMsgId());
        assertTrue(next.getOffset() >= at.getOffset() + stored.getStoreSize());
    }

    @Test
    void everything_set_on_a_message_arrives() throws Exception {
        String topic = CLUSTER.createTopic("AllFields", 1);
        Message message = new Message(topic, "TagA", "key1 key2", 0x7fff_0001, new byte[] {0, -1, 1, 127, -128}, false);
        message.putUserProperty("colour", "red");
        message.setBuyerId("buyer");
        long before = System.currentTimeMillis();

        DefaultMQProducer producer = clients.producer();
        SendResult result = producer.send(message);

        long after = System.currentTimeMillis();
        MessageExt stored = clients.read(topic, 1).get(0);
        assertArrayEquals(new byte[] {0, -1, 1, 127, -128}, stored.getBody());
        assertEquals(topic, stored.getTopic());
        assertEquals(0x7fff_0001, stored.getFlag());
        assertEquals("TagA", stored.getTags());
        assertEquals("key1 key2", stored.getKeys());
        assertEquals("red", stored.getUserProperty("colour"));
        assertEquals("buyer", stored.getBuyerId());
        assertEquals(result.getMsgId(), stored.getProperty(MessageConst.PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX));
        assertEquals("false", stored.getProperty(MessageConst.PROPERTY_WAIT_STORE_MSG_OK));
        assertEquals(0, stored.getQueueId());
        assertEquals(0, stored.getSysFlag());
        assertEquals(0, stored.getReconsumeTimes());
        assertEquals(0, stored.getPreparedTransactionOffset());
        assertEquals(new InetSocketAddress("127.0.0.1", CLUSTER.broker().port()), stored.getStoreHost());
        assertEquals("127.0.0.1", ((InetSocketAddress) stored.getBornHost()).getHostString());
        assertTrue(before <= stored.getBornTimestamp() && stored.getBornTimestamp() <= after);
        assertTrue(before <= stored.getStoreTimestamp() && stored.getStoreTimestamp() <= after);
    }

    @Test
    void an_async_send_calls_back_with_the_same_result() throws Exception {
        String topic = CLUSTER.createTopic("Async", 2);
        DefaultMQProducer producer = clients.producer();

        List<CompletableFuture<SendResult>> results = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            Callback callback = new Callback();
            producer.send(new Message(topic, body(i)), callback);
            results.add(callback.result);
        }

        Map<String, MessageExt> stored = clients.read(topic, 100).stream().collect(Collectors.toMap(MessageExt::getMsgId, m -> m));
        assertEquals(100, stored.size());
        for (int i = 0; i < 100; i++) {
            SendResult result = results.get(i).get(20, TimeUnit.SECONDS);
            MessageExt message = stored.get(result.getMsgId());
            assertEquals(SendStatus.SEND_OK, result.getSendStatus());
            assertArrayEquals(body(i), message.getBody());
            assertEquals(result.getQueueOffset(), message.getQueueOffset());
            assertEquals(result.getMessageQueue().getQueueId(), message.getQueueId());
        }
    }

    @Test
    void an_async_send_to_a_queue_that_does_not_exist_calls_back_with_the_code_of_the_broker() throws Exception {
        String topic = CLUSTER.createTopic("AsyncRefused", 2);
        Callback callback = new Callback();

        clients.producer().send(new Message(topic, body(1)), new MessageQueue(topic, "broker-a", 100), callback);

        MQBrokerException refused = (MQBrokerException) callback.failure.get(20, TimeUnit.SECONDS);
        assertEquals(ResponseCode.SYSTEM_ERROR, refused.getResponseCode());
        assertTrue(refused.getErrorMessage().startsWith("request queueId[100] is illegal, TopicConfig [topicName=AsyncRefused"),
            refused.getErrorMessage());
    }

    @Test
    void one_way_sends_are_all_stored() throws Exception {
        String topic = CLUSTER.createTopic("OneWay", 1);
        DefaultMQProducer producer = clients.producer();
        MessageQueue queue = new MessageQueue(topic, "broker-a", 0);
        producer.sendOneway(new Message(topic, body(0)));
        clients.read(topic, 1);

        for (int i = 1; i < 50; i++) {
            producer.sendOneway(new Message(topic, body(i)), queue);
        }

        // No order: requests of one connection overtake each other in the worker threads of the stock broker.
        List<MessageExt> stored = clients.read(topic, 50);
        assertEquals(50, stored.size());
        assertEquals(IntStream.range(0, 50).mapToObj(i -> text(body(i))).toList(),
            stored.stream().map(m -> text(m.getBody())).sorted().toList());
    }

    @Test
    void a_batch_gets_an_id_and_an_offset_for_each_message() throws Exception {
        String topic = CLUSTER.createTopic("Batch", 1);
        DefaultMQProducer producer = clients.producer();
        producer.send(new Message(topic, "before".getBytes(UTF_8)));
        List<Message> batch = IntStream.range(0, 100)
            .mapToObj(i -> new Message(topic, "Tag" + i, "key" + i, i, body(i), true))
            .toList();

        SendResult result = producer.send(batch);

        assertEquals(SendStatus.SEND_OK, result.getSendStatus());
        assertEquals(1, result.getQueueOffset());
        String[] offsetIds = result.getOffsetMsgId().split(",");
        String[] uniqueIds = result.getMsgId().split(",");
        assertEquals(100, offsetIds.length);
        assertEquals(100, uniqueIds.length);
        List<MessageExt> stored = clients.read(topic, 101);
        for (int i = 0; i < 100; i++) {
            MessageExt message = stored.get(i + 1);
            assertArrayEquals(body(i), message.getBody());
            assertEquals(i + 1, message.getQueueOffset());
            assertEquals("Tag" + i, message.getTags());
            assertEquals("key" + i, message.getKeys());
            assertEquals(i, message.getFlag());
            assertEquals(uniqueIds[i], message.getMsgId());
            assertEquals(message.getCommitLogOffset(), MessageDecoder.decodeMessageId(offsetIds[i]).getOffset());
        }
        assertArrayEquals(body(57), producer.viewMessage(offsetIds[57]).getBody());
    }

    @Test
    void a_selector_sends_equal_keys_to_one_queue() throws Exception {
        String topic = CLUSTER.createTopic("Selector", 4);
        DefaultMQProducer producer = clients.producer();

        Map<String, Set<Integer>> queues = new HashMap<>();
        for (int i = 0; i < 60; i++) {
            String key = "order-" + i % 12;
            SendResult result = producer.send(new Message(topic, key.getBytes(UTF_8)), new SelectMessageQueueByHash(), key);
            queues.computeIfAbsent(key, k -> new TreeSet<>()).add(result.getMessageQueue().getQueueId());
        }

        queues.forEach((key, of) -> assertEquals(Set.of(Math.abs(key.hashCode()) % 4), of));
        for (MessageExt message : clients.read(topic, 60)) {
            assertEquals(Math.abs(text(message.getBody()).hashCode()) % 4, message.getQueueId());
        }
    }

    @Test
    void a_chosen_queue_is_used_and_counts_its_own_offsets() throws Exception {
        String topic = CLUSTER.createTopic("Chosen", 4);
        DefaultMQProducer producer = clients.producer();

        for (int i = 0; i < 5; i++) {
            for (int queue : new int[] {1, 3}) {
                SendResult result = producer.send(new Message(topic, body(i)), new MessageQueue(topic, "broker-a", queue));
                assertEquals(queue, result.getMessageQueue().getQueueId());
                assertEquals(i, result.getQueueOffset());
            }
        }

        Map<Integer, Long> counts = clients.read(topic, 10).stream()
            .collect(Collectors.groupingBy(MessageExt::getQueueId, Collectors.counting()));
        assertEquals(Map.of(1, 5L, 3, 5L), counts);
    }

    @Test
    void sends_without_a_chosen_queue_go_round_all_queues() throws Exception {
        String topic = CLUSTER.createTopic("RoundRobin", 4);
        DefaultMQProducer producer = clients.producer();

        for (int i = 0; i < 40; i++) {
            producer.send(new Message(topic, body(i)));
        }

        Map<Integer, Long> counts = clients.read(topic, 40).stream()
            .collect(Collectors.groupingBy(MessageExt::getQueueId, Collectors.counting()));
        assertEquals(Map.of(0, 10L, 1, 10L, 2, 10L, 3, 10L), counts);
    }

    @Test
    void a_record_of_four_mebibytes_is_stored_and_one_byte_more_is_refused_with_code_13() throws Exception {
        String topic = CLUSTER.createTopic("FourMiB", 1);
        DefaultMQProducer producer = clients.producer(p -> p.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE));
        producer.send(new Message(topic, new byte[100]));
        int overhead = clients.read(topic, 1).get(0).getStoreSize() - 100;
        byte[] largest = noise(FOUR_MIB - overhead);

        SendResult stored = producer.send(new Message(topic, largest));
        MQBrokerException refused = assertThrows(MQBrokerException.class,
            () -> producer.send(new Message(topic, noise(largest.length + 1))));

        assertEquals(SendStatus.SEND_OK, stored.getSendStatus());
        MessageExt read = clients.read(topic, 2).get(1);
        assertEquals(FOUR_MIB, read.getStoreSize());
        assertArrayEquals(largest, read.getBody());
        assertEquals(ResponseCode.MESSAGE_ILLEGAL, refused.getResponseCode());
        // The refusal costs nothing: the next message follows at once.
        assertEquals(2, producer.send(new Message(topic, body(1))).getQueueOffset());
    }

    @Test
    void a_body_of_four_mebibytes_is_sent_compressed_and_one_byte_more_does_not_leave_the_client() throws Exception {
        String topic = CLUSTER.createTopic("FourMiBCompressed", 1);
        DefaultMQProducer producer = clients.producer();
        byte[] largest = new byte[FOUR_MIB];
        Arrays.fill(largest, (byte) 'z');

        producer.send(new Message(topic, largest));
        MQClientException refused = assertThrows(MQClientException.class,
            () -> producer.send(new Message(topic, new byte[FOUR_MIB + 1])));

        MessageExt read = clients.read(topic, 1).get(0);
        assertArrayEquals(largest, read.getBody());
        assertTrue(read.getStoreSize() < 100_000, "stored uncompressed: " + read.getStoreSize());
        assertEquals(ResponseCode.MESSAGE_ILLEGAL, refused.getResponseCode());
    }

    @Test
    void a_body_from_4096_bytes_on_is_stored_compressed_and_read_as_sent() throws Exception {
        String topic = CLUSTER.createTopic("Compressed", 1);
        DefaultMQProducer producer = clients.producer();
        byte[] small = "x".repeat(4095).getBytes(UTF_8);
        byte[] big = "x".repeat(4096).getBytes(UTF_8);

        producer.send(new Message(topic, small));
        producer.send(new Message(topic, big));

        List<MessageExt> stored = clients.read(topic, 2);
        assertEquals(0, stored.get(0).getSysFlag());
        assertArrayEquals(small, stored.get(0).getBody());
        assertTrue(stored.get(0).getStoreSize() > 4095);
        assertEquals(MessageSysFlag.COMPRESSED_FLAG, stored.get(1).getSysFlag());
        assertArrayEquals(big, stored.get(1).getBody());
        assertTrue(stored.get(1).getStoreSize() < 1000);
    }

    @Test
    void keys_properties_tags_and_bodies_of_any_script_arrive() throws Exception {
        String topic = CLUSTER.createTopic("Unicode", 1);
        String greek = "κλειδί";
        String chinese = "中文键";
        String emoji = "🚀🐘";
        Message message = new Message(topic, "标签", greek + " " + chinese, (emoji + "\u0000 körper").getBytes(UTF_8));
        message.putUserProperty(chinese, emoji);
        message.putUserProperty("quotes", "\"\\/{}[]:,\n\t<>'");

        DefaultMQProducer producer = clients.producer();
        producer.send(message);

        MessageExt stored = clients.read(topic, 1).get(0);
        assertEquals("标签", stored.getTags());
        assertEquals(greek + " " + chinese, stored.getKeys());
        assertEquals(emoji + "\u0000 körper", text(stored.getBody()));
        assertEquals(emoji, stored.getUserProperty(chinese));
        assertEquals("\"\\/{}[]:,\n\t<>'", stored.getUserProperty("quotes"));
    }

    @Test
    void properties_above_32767_bytes_are_refused_with_code_13() throws Exception {
        String topic = CLUSTER.createTopic("LongProperties", 1);
        DefaultMQProducer producer = clients.producer();
        Message fits = new Message(topic, body(1));
        fits.putUserProperty("p", "中".repeat(10_000));
        Message tooLong = new Message(topic, body(2));
        tooLong.putUserProperty("p", "x".repeat(32_768));

        producer.send(fits);
        MQBrokerException refused = assertThrows(MQBrokerException.class, () -> producer.send(tooLong));

        assertEquals(ResponseCode.MESSAGE_ILLEGAL, refused.getResponseCode());
        List<MessageExt> stored = clients.read(topic, 1);
        assertEquals(1, stored.size());
        assertEquals("中".repeat(10_000), stored.get(0).getUserProperty("p"));
    }

    @Test
    void a_client_with_binary_headers_sends_and_pulls() throws Exception {
        String topic = CLUSTER.createTopic("BinaryHeaders", 1);

        try (ForkedJvm jvm = ForkedJvm.start(BinaryHeaderClient.class, List.of("-Drocketmq.serialize.type=ROCKETMQ"),
            CLUSTER.nameServer().address(), topic)) {
            assertEquals("ROCKETMQ", jvm.awaitLine("header: "));
            assertEquals("SEND_OK 0 schlüssel", jvm.awaitLine("sent: "));
            assertEquals("FOUND hello schlüssel", jvm.awaitLine("pulled: "));
        }

        assertEquals("hello", text(clients.read(topic, 1).get(0).getBody()));
    }

    @Test
    void sending_to_an_unknown_topic_creates_it_with_four_queues() throws Exception {
        DefaultMQProducer producer = clients.producer();

        SendResult result = producer.send(new Message("AutoCreated", body(1)));

        assertEquals(SendStatus.SEND_OK, result.getSendStatus());
        assertEquals(1, clients.read("AutoCreated", 1).size());
        List<QueueData> queues = CLUSTER.route("AutoCreated").getQueueDatas();
        assertEquals(1, queues.size());
        assertEquals(4, queues.get(0).getReadQueueNums());
        assertEquals(4, queues.get(0).getWriteQueueNums());
        assertEquals(6, queues.get(0).getPerm());
    }

    @Test
    void a_producer_asks_for_fewer_queues_of_an_auto_created_topic() throws Exception {
        DefaultMQProducer producer = clients.producer(p -> p.setDefaultTopicQueueNums(2));

        producer.send(new Message("AutoCreatedTwo", body(1)));

        clients.read("AutoCreatedTwo", 1);
        assertEquals(2, CLUSTER.route("AutoCreatedTwo").getQueueDatas().get(0).getWriteQueueNums());
    }

    @Test
    @BetterThanJava("knows AUTO_CREATE_TOPIC_KEY only, so clients of every other version find no route")
    void a_topic_is_also_created_for_clients_that_ask_with_the_key_of_other_versions() throws Exception {
        DefaultMQProducer producer = clients.producer(p -> p.setCreateTopicKey("TBW102"));

        SendResult result = producer.send(new Message("AutoCreatedTBW102", body(1)));

        assertEquals(SendStatus.SEND_OK, result.getSendStatus());
        assertEquals(1, clients.read("AutoCreatedTBW102", 1).size());
    }

    @Test
    void without_the_vip_channel_everything_works_on_the_main_port() throws Exception {
        String topic = CLUSTER.createTopic("NoVip", 1);
        DefaultMQProducer producer = clients.producer(p -> p.setVipChannelEnabled(false));

        SendResult result = producer.send(new Message(topic, "TagA", "no-vip", body(1)));

        assertEquals(SendStatus.SEND_OK, result.getSendStatus());
        assertArrayEquals(body(1), producer.viewMessage(result.getOffsetMsgId()).getBody());
        assertEquals(1, producer.maxOffset(new MessageQueue(topic, "broker-a", 0)));
    }

    @Test
    void sixteen_threads_of_one_producer_get_sixteen_hundred_distinct_places() throws Exception {
        String topic = CLUSTER.createTopic("Threads", 4);
        DefaultMQProducer producer = clients.producer();

        List<CompletableFuture<List<SendResult>>> threads = new ArrayList<>();
        for (int t = 0; t < 16; t++) {
            int thread = t;
            CompletableFuture<List<SendResult>> done = new CompletableFuture<>();
            threads.add(done);
            new Thread(() -> {
                try {
                    List<SendResult> results = new ArrayList<>();
                    for (int i = 0; i < 100; i++) {
                        results.add(producer.send(new Message(topic, body(thread * 100 + i))));
                    }
                    done.complete(results);
                } catch (Exception e) {
                    done.completeExceptionally(e);
                }
            }).start();
        }
        List<SendResult> results = new ArrayList<>();
        for (CompletableFuture<List<SendResult>> thread : threads) {
            results.addAll(thread.get(60, TimeUnit.SECONDS));
        }

        assertEquals(1600, results.stream().map(r -> r.getMessageQueue().getQueueId() + "/" + r.getQueueOffset()).distinct().count());
        assertEquals(1600, results.stream().map(SendResult::getOffsetMsgId).distinct().count());
        Collection<MessageExt> stored = clients.read(topic, 1600);
        assertEquals(1600, stored.size());
        assertEquals(1600, stored.stream().map(m -> text(m.getBody())).distinct().count());
    }

    @Test
    void a_message_is_found_by_offset_id_by_unique_id_and_by_key() throws Exception {
        String topic = CLUSTER.createTopic("Lookup", 2);
        DefaultMQProducer producer = clients.producer();
        long before = System.currentTimeMillis();
        SendResult wanted = producer.send(new Message(topic, "TagA", "red green", "wanted".getBytes(UTF_8)));
        producer.send(new Message(topic, "TagA", "blue", "other".getBytes(UTF_8)));
        clients.read(topic, 2);

        MessageExt byOffset = producer.viewMessage(wanted.getOffsetMsgId());
        MessageExt byUniqueId = Await.value("the index", Await.SOON,
            () -> producer.viewMessage(topic, wanted.getMsgId()), m -> m != null);
        List<MessageExt> byKey = producer.queryMessage(topic, "green", 10, before - 1000, System.currentTimeMillis() + 1000)
            .getMessageList();
        MQClientException none = assertThrows(MQClientException.class,
            () -> producer.queryMessage(topic, "yellow", 10, 0, Long.MAX_VALUE));

        assertEquals("wanted", text(byOffset.getBody()));
        assertEquals(wanted.getMsgId(), byOffset.getMsgId());
        assertNotNull(byUniqueId);
        assertEquals("wanted", text(byUniqueId.getBody()));
        assertEquals(1, byKey.size());
        assertEquals("wanted", text(byKey.get(0).getBody()));
        assertEquals(ResponseCode.NO_MESSAGE, none.getResponseCode());
        assertNotEquals(0, byKey.get(0).getStoreSize());
    }

    private static byte[] body(int i) {
        return ("body-%05d".formatted(i)).getBytes(UTF_8);
    }

    private static String text(byte[] body) {
        return new String(body, UTF_8);
    }

    /** Bytes that do not compress, the same in every run. */
    private static byte[] noise(int length) {
        byte[] bytes = new byte[length];
        new Random(42).nextBytes(bytes);
        return bytes;
    }

    private static final class Callback implements SendCallback {
        final CompletableFuture<SendResult> result = new CompletableFuture<>();
        final CompletableFuture<Throwable> failure = new CompletableFuture<>();

        @Override
        public void onSuccess(SendResult sent) {
            result.complete(sent);
            failure.completeExceptionally(new AssertionError("sent: " + sent));
        }

        @Override
        public void onException(Throwable e) {
            result.completeExceptionally(e);
            failure.complete(e);
        }
    }
}
