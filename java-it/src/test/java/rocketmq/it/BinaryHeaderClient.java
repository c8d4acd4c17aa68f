package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.PrintStream;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import rocketmq.it.harness.Await;

/** Sends one message and pulls it. A program of its own: the kind of header is set for a whole JVM. */
final class BinaryHeaderClient {
    private BinaryHeaderClient() {}

    public static void main(String[] arguments) throws Exception {
        String nameServer = arguments[0];
        String topic = arguments[1];
        PrintStream out = new PrintStream(System.out, true, UTF_8);
        out.println("header: " + RemotingCommand.createRequestCommand(0, null).getSerializeTypeCurrentRPC());

        DefaultMQProducer producer = new DefaultMQProducer("binary");
        producer.setNamesrvAddr(nameServer);
        producer.setSendMsgTimeout(20_000);
        producer.start();
        Message message = new Message(topic, "TagA", "schlüssel", "hello".getBytes(UTF_8));
        SendResult sent = producer.send(message);
        out.println("sent: " + sent.getSendStatus() + " " + sent.getQueueOffset() + " " + message.getKeys());

        DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("binary");
        consumer.setNamesrvAddr(nameServer);
        consumer.start();
        MessageQueue queue = new MessageQueue(topic, "broker-a", 0);
        PullResult pulled = Await.value("the message", Await.SOON, () -> consumer.pull(queue, "TagA", 0, 32),
            result -> result.getMsgFoundList() != null);
        MessageExt found = pulled.getMsgFoundList().get(0);
        out.println("pulled: " + pulled.getPullStatus() + " " + new String(found.getBody(), UTF_8) + " " + found.getKeys());
        consumer.shutdown();
        producer.shutdown();
    }
}
