package rocketmq.it.harness;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.common.message.MessageExt;

/** What push consumers got, in the order of arrival. Several consumers may share one. */
public final class Received {
    private final ConcurrentLinkedQueue<MessageExt> messages = new ConcurrentLinkedQueue<>();

    /** Takes every message and says success. */
    public MessageListenerConcurrently concurrently() {
        return (batch, context) -> {
            messages.addAll(batch);
            return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
        };
    }

    /** As {@link #concurrently}, queue by queue. */
    public MessageListenerOrderly orderly() {
        return (batch, context) -> {
            messages.addAll(batch);
            return ConsumeOrderlyStatus.SUCCESS;
        };
    }

    public List<MessageExt> messages() {
        return List.copyOf(messages);
    }

    public int count() {
        return messages.size();
    }

    /** The bodies as texts, sorted; repeated ones repeated. */
    public List<String> bodies() {
        return messages.stream().map(message -> new String(message.getBody(), UTF_8)).sorted().toList();
    }

    public Set<String> distinctBodies() {
        return messages.stream().map(message -> new String(message.getBody(), UTF_8)).collect(Collectors.toCollection(TreeSet::new));
    }

    public Received await(int count) {
        return await(count, Await.SOON);
    }

    public Received await(int count, Duration deadline) {
        Await.value("arrival of " + count + " messages", deadline, this::count, found -> found >= count);
        return this;
    }

    /** Waits until the consumer owns this many queues of the topic. */
    public static void awaitQueues(DefaultMQPushConsumer consumer, String topic, int queues, Duration deadline) {
        Await.value("queues of " + topic + " of one consumer", deadline, () -> queuesOf(consumer, topic), owned -> owned == queues);
    }

    public static int queuesOf(DefaultMQPushConsumer consumer, String topic) {
        return (int) consumer.getDefaultMQPushConsumerImpl().getRebalanceImpl().getProcessQueueTable().keySet().stream()
            .filter(queue -> queue.getTopic().equals(topic))
            .count();
    }
}
