package rocketmq.it.harness;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.TransactionListener;
import org.apache.rocketmq.client.producer.TransactionMQProducer;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** The stock clients of one scenario: each with an instance (connections, heartbeats) of its own, all shut down at its end. */
public final class Clients implements AfterEachCallback {
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Supplier<String> nameServer;
    private final List<Runnable> shutdowns = new ArrayList<>();
    private DefaultMQPullConsumer reader;

    public Clients(Cluster cluster) {
        this(() -> cluster.nameServer().address());
    }

    public Clients(Supplier<String> nameServer) {
        this.nameServer = nameServer;
    }

    /** A started producer. */
    public DefaultMQProducer producer() throws MQClientException {
        return producer(settings -> {});
    }

    public DefaultMQProducer producer(Consumer<DefaultMQProducer> settings) throws MQClientException {
        return started(new DefaultMQProducer("producer-" + COUNT.incrementAndGet()), settings);
    }

    /** A started producer of transactions. */
    public TransactionMQProducer transactionProducer(TransactionListener listener) throws MQClientException {
        return started(new TransactionMQProducer("producer-" + COUNT.incrementAndGet()), p -> p.setTransactionListener(listener));
    }

    private <P extends DefaultMQProducer> P started(P producer, Consumer<? super P> settings) throws MQClientException {
        connect(producer);
        // The machine may be busy; a scenario about time-outs sets its own.
        producer.setSendMsgTimeout(20_000);
        settings.accept(producer);
        producer.start();
        shutdowns.add(producer::shutdown);
        return producer;
    }

    /** A push consumer that is not started: the scenario subscribes, sets its listener and starts it. */
    public DefaultMQPushConsumer pushConsumer(String group) {
        DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(group);
        connect(consumer);
        shutdowns.add(consumer::shutdown);
        return consumer;
    }

    /** A started pull consumer. */
    public DefaultMQPullConsumer pullConsumer(String group) throws MQClientException {
        return pullConsumer(group, settings -> {});
    }

    public DefaultMQPullConsumer pullConsumer(String group, Consumer<DefaultMQPullConsumer> settings) throws MQClientException {
        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer(group);
        connect(consumer);
        settings.accept(consumer);
        consumer.start();
        shutdowns.add(consumer::shutdown);
        return consumer;
    }

    private void connect(ClientConfig client) {
        client.setNamesrvAddr(nameServer.get());
        // With the process id: a broadcast consumer keeps its offsets in a file named after the instance.
        client.setInstanceName("client-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet());
    }

    /** Waits until the topic has at least {@code count} messages, and returns all of them, by queue and offset. */
    public List<MessageExt> read(String topic, int count) {
        return Await.value(count + " messages of " + topic, Await.SOON, () -> readAll(topic), found -> found.size() >= count);
    }

    private List<MessageExt> readAll(String topic) throws Exception {
        if (reader == null) {
            reader = pullConsumer("reader-" + COUNT.incrementAndGet());
        }
        List<MessageExt> found = new ArrayList<>();
        List<MessageQueue> queues = new ArrayList<>(reader.fetchSubscribeMessageQueues(topic));
        queues.sort(Comparator.naturalOrder());
        for (MessageQueue queue : queues) {
            long offset = reader.minOffset(queue);
            PullResult result;
            while ((result = reader.pull(queue, "*", offset, 32)).getPullStatus() == PullStatus.FOUND) {
                found.addAll(result.getMsgFoundList());
                offset = result.getNextBeginOffset();
            }
        }
        return found;
    }

    /** Shuts all of them down, last started first. */
    public void close() {
        for (int i = shutdowns.size() - 1; i >= 0; i--) {
            shutdowns.get(i).run();
        }
        shutdowns.clear();
        reader = null;
    }

    @Override
    public void afterEach(ExtensionContext context) {
        close();
    }
}
