package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.MessageSelector;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.LocalTransactionState;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.common.filter.ExpressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.protocol.RequestCode;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.header.EndTransactionRequestHeader;
import org.apache.rocketmq.common.protocol.header.PullMessageRequestHeader;
import org.apache.rocketmq.common.sysflag.MessageSysFlag;
import org.apache.rocketmq.common.sysflag.PullSysFlag;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.NotYet;
import rocketmq.it.harness.RawConnection;
import rocketmq.it.harness.Received;

/** What ours cannot do yet is refused with words, at once, and leaves nothing behind. */
class NotYetIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1, Map.of("enablePropertyFilter", "true"));

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    @NotYet("delivers it after its delay")
    void a_delayed_send_is_refused_and_nothing_is_stored() throws Exception {
        String topic = CLUSTER.createTopic("Delayed", 1);
        DefaultMQProducer producer = clients.producer();
        Message delayed = new Message(topic, "later".getBytes(UTF_8));
        delayed.setDelayTimeLevel(1);

        assertRefused("a delayed message is not supported by this broker",
            assertThrows(MQClientException.class, () -> producer.send(delayed)));

        producer.send(new Message(topic, "now".getBytes(UTF_8)));
        assertOnlyNow(topic);
    }

    @Test
    @NotYet("stores it as a half message, runs the local transaction and waits for its end")
    void a_transactional_send_is_refused_before_the_local_transaction_runs() throws Exception {
        String topic = CLUSTER.createTopic("Transactional", 1);
        AtomicInteger asked = new AtomicInteger();
        TransactionMQProducer producer = clients.transactionProducer(new TransactionListener() {
            @Override
            public LocalTransactionState executeLocalTransaction(Message message, Object argument) {
                asked.incrementAndGet();
                return LocalTransactionState.COMMIT_MESSAGE;
            }

            @Override
            public LocalTransactionState checkLocalTransaction(MessageExt message) {
                asked.incrementAndGet();
                return LocalTransactionState.COMMIT_MESSAGE;
            }
        });

        MQClientException refused = assertThrows(MQClientException.class,
            () -> producer.sendMessageInTransaction(new Message(topic, "half".getBytes(UTF_8)), null));

        assertRefused("a transactional message is not supported by this broker",
            assertInstanceOf(MQClientException.class, refused.getCause()));
        assertEquals(0, asked.get());
        clients.producer().send(new Message(topic, "now".getBytes(UTF_8)));
        assertOnlyNow(topic);
    }

    @Test
    @NotYet("delivers or drops the half message")
    void the_end_of_a_transaction_is_refused() throws Exception {
        EndTransactionRequestHeader header = new EndTransactionRequestHeader();
        header.setProducerGroup("producers");
        header.setTranStateTableOffset(0L);
        header.setCommitLogOffset(0L);
        header.setCommitOrRollback(MessageSysFlag.TRANSACTION_COMMIT_TYPE);

        RemotingCommand answer = ask(RemotingCommand.createRequestCommand(RequestCode.END_TRANSACTION, header));

        assertEquals(ResponseCode.SYSTEM_ERROR, answer.getCode());
        assertEquals("ending a transaction is not supported by this broker", answer.getRemark());
    }

    @Test
    @NotYet("stores it in the retry topic of the group, for any member, after a delay")
    void a_message_given_back_is_refused_as_is_the_retry_that_the_client_sends_instead() throws Exception {
        String topic = CLUSTER.createTopic("GivenBack", 1);
        clients.producer().send(new Message(topic, "now".getBytes(UTF_8)));
        MessageExt message = clients.read(topic, 1).get(0);
        DefaultMQPushConsumer consumer = clients.pushConsumer("GivenBack");
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener(new Received().concurrently());
        consumer.start();
        // Until the name server knows the retry topic, the client takes it for one of four queues.
        Await.value("route of the retry topic", Await.SOON, () -> CLUSTER.route(MixAll.getRetryTopic("GivenBack")), route -> true);

        MQBrokerException code36 = assertThrows(MQBrokerException.class,
            () -> consumer.getDefaultMQPushConsumerImpl().getmQClientFactory().getMQClientAPIImpl()
                .consumerSendMessageBack(CLUSTER.broker().address(), message, "GivenBack", 0, 20_000, 16));
        MQClientException retry = assertThrows(MQClientException.class, () -> consumer.sendMessageBack(message, 0));

        assertEquals(ResponseCode.SYSTEM_ERROR, code36.getResponseCode());
        assertTrue(code36.getErrorMessage().startsWith("giving a message back is not supported by this broker"), code36.getErrorMessage());
        // The stock client then sends a message to the retry topic by itself, a delayed one.
        assertRefused("a delayed message is not supported by this broker", retry);
    }

    @Test
    @NotYet("brings it again through the retry topic, first after 10 s")
    void a_message_that_a_listener_fails_on_stays_with_its_consumer_which_tries_again_after_5_s_and_nothing_is_lost() throws Exception {
        String topic = CLUSTER.createTopic("FailedOnce", 1);
        clients.producer().send(new Message(topic, "now".getBytes(UTF_8)));
        clients.read(topic, 1);
        List<String> calls = new CopyOnWriteArrayList<>();
        DefaultMQPushConsumer consumer = clients.pushConsumer("FailedOnce");
        consumer.subscribe(topic, "*");
        consumer.registerMessageListener((MessageListenerConcurrently) (batch, context) -> {
            batch.forEach(m -> calls.add(m.getTopic() + " " + m.getQueueOffset() + ", consumed before: " + m.getReconsumeTimes()));
            return calls.size() == 1 ? ConsumeConcurrentlyStatus.RECONSUME_LATER : ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        });

        consumer.start();

        Await.value("a second try", Await.SOON, () -> List.copyOf(calls), tries -> tries.size() > 1);
        Await.value("success of the second try", Await.SOON, () -> List.copyOf(consumer.getOffsetStore().cloneOffsetTable(topic).values()),
            List.of(1L)::equals);
        consumer.shutdown();
        assertEquals(List.of("FailedOnce 0, consumed before: 0", "FailedOnce 0, consumed before: 1"), calls);
        assertEquals(List.of(), clients.read(MixAll.getRetryTopic("FailedOnce"), 0));
        Await.value("the committed offset", Await.SOON, () -> Offsets.committed(CLUSTER, "FailedOnce", topic), Map.of(0, 1L)::equals);
    }

    @Test
    @NotYet("filters by it")
    void a_subscription_by_SQL92_is_refused_at_the_start_of_the_consumer_and_brings_nothing() throws Exception {
        String topic = CLUSTER.createTopic("Sql", 1);
        Message matching = new Message(topic, "now".getBytes(UTF_8));
        matching.putUserProperty("a", "2");
        Received received = new Received();
        DefaultMQPushConsumer consumer = clients.pushConsumer("Sql");
        consumer.subscribe(topic, MessageSelector.bySql("a > 1"));
        consumer.registerMessageListener(received.concurrently());

        MQClientException refused = assertThrows(MQClientException.class, consumer::start);

        assertEquals(ResponseCode.SYSTEM_ERROR, refused.getResponseCode());
        assertEquals("filtering by SQL92 is not supported by this broker", refused.getErrorMessage());
        clients.producer().send(matching);
        assertOnlyNow(topic);
        RemotingCommand pulled = pullBySql(topic);
        assertEquals(ResponseCode.SYSTEM_ERROR, pulled.getCode());
        assertEquals("an SQL92 filter is not supported by this broker", pulled.getRemark());
        assertEquals(0, received.count());
    }

    private static RemotingCommand pullBySql(String topic) throws Exception {
        PullMessageRequestHeader header = new PullMessageRequestHeader();
        header.setConsumerGroup("Sql");
        header.setTopic(topic);
        header.setQueueId(0);
        header.setQueueOffset(0L);
        header.setMaxMsgNums(32);
        header.setSysFlag(PullSysFlag.buildSysFlag(false, false, true, false));
        header.setCommitOffset(0L);
        header.setSuspendTimeoutMillis(0L);
        header.setSubVersion(0L);
        header.setSubscription("a > 1");
        header.setExpressionType(ExpressionType.SQL92);
        return ask(RemotingCommand.createRequestCommand(RequestCode.PULL_MESSAGE, header));
    }

    private static RemotingCommand ask(RemotingCommand request) throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.broker().port())) {
            request.makeCustomHeaderToNet();
            return connection.ask(request);
        }
    }

    /** The stock producer tries a refused send again, and then tells of the last refusal. */
    private static void assertRefused(String words, MQClientException told) {
        MQBrokerException refused = assertInstanceOf(MQBrokerException.class, told.getCause());
        assertEquals(ResponseCode.SYSTEM_ERROR, refused.getResponseCode());
        assertTrue(refused.getErrorMessage().startsWith(words), refused.getErrorMessage());
    }

    private void assertOnlyNow(String topic) {
        List<MessageExt> stored = clients.read(topic, 1);
        assertEquals(List.of("now"), stored.stream().map(message -> new String(message.getBody(), UTF_8)).toList());
    }
}
