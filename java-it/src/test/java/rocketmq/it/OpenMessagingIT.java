package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.openmessaging.BytesMessage;
import io.openmessaging.Message;
import io.openmessaging.MessagingAccessPoint;
import io.openmessaging.OMS;
import io.openmessaging.OMSBuiltinKeys;
import io.openmessaging.consumer.PushConsumer;
import io.openmessaging.producer.Producer;
import io.openmessaging.producer.SendResult;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;

/** The OpenMessaging client of 4.3.0. */
class OpenMessagingIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void its_producer_sends_and_its_push_consumer_receives() throws Exception {
        String topic = CLUSTER.createTopic("OpenMessaging", 2);
        MessagingAccessPoint access = OMS.getMessagingAccessPoint("oms:rocketmq://" + CLUSTER.nameServer().address() + "/default:default");
        access.startup();
        LinkedBlockingQueue<BytesMessage> received = new LinkedBlockingQueue<>();
        PushConsumer consumer = access.createPushConsumer(OMS.newKeyValue().put(OMSBuiltinKeys.CONSUMER_ID, "OpenMessaging"));
        consumer.attachQueue(topic, (message, context) -> {
            received.add((BytesMessage) message);
            context.ack();
        });
        consumer.startup();
        Producer producer = access.createProducer();
        producer.startup();
        try {
            BytesMessage message = producer.createBytesMessage(topic, "hello".getBytes(UTF_8));
            message.putUserHeaders("colour", "red");
            SendResult sent = producer.send(message);

            BytesMessage got = received.poll(30, TimeUnit.SECONDS);
            assertNotNull(got, "nothing arrives");
            assertArrayEquals("hello".getBytes(UTF_8), got.getBody(byte[].class));
            assertEquals("red", got.userHeaders().getString("colour"));
            assertEquals(sent.messageId(), got.sysHeaders().getString(Message.BuiltinKeys.MESSAGE_ID));
            List<MessageExt> stored = clients.read(topic, 1);
            assertEquals("red", stored.get(0).getUserProperty("colour"));
        } finally {
            producer.shutdown();
            consumer.shutdown();
            access.shutdown();
        }
    }
}
