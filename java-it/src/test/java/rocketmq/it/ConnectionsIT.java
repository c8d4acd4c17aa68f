package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.protocol.RequestCode;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.header.SendMessageRequestHeader;
import org.apache.rocketmq.common.protocol.header.SendMessageRequestHeaderV2;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.RawConnection;

/** Many connections at once. */
class ConnectionsIT {
    private static final int CONNECTIONS = 200;

    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void two_hundred_connections_send_at_the_same_time_and_each_gets_its_own_answers() throws Exception {
        String topic = CLUSTER.createTopic("Connections", 4);
        int rounds = 5;
        List<RawConnection> connections = new ArrayList<>();
        try {
            for (int i = 0; i < CONNECTIONS; i++) {
                connections.add(new RawConnection(CLUSTER.broker().port()));
            }
            Set<String> offsetIds = new HashSet<>();
            Set<String> bodies = new HashSet<>();
            for (int round = 0; round < rounds; round++) {
                List<RemotingCommand> requests = new ArrayList<>();
                for (int i = 0; i < CONNECTIONS; i++) {
                    String body = "connection " + i + " round " + round;
                    bodies.add(body);
                    requests.add(send(topic, i % 4, body));
                    connections.get(i).write(requests.get(i));
                }
                for (int i = 0; i < CONNECTIONS; i++) {
                    RemotingCommand answer = connections.get(i).read();
                    assertEquals(ResponseCode.SUCCESS, answer.getCode(), answer.getRemark());
                    assertEquals(requests.get(i).getOpaque(), answer.getOpaque());
                    assertEquals(String.valueOf(i % 4), answer.getExtFields().get("queueId"));
                    offsetIds.add(answer.getExtFields().get("msgId"));
                }
            }

            assertEquals(CONNECTIONS * rounds, offsetIds.size());
            List<MessageExt> stored = clients.read(topic, CONNECTIONS * rounds);
            assertEquals(CONNECTIONS * rounds, stored.size());
            Set<String> read = new HashSet<>();
            stored.forEach(message -> read.add(new String(message.getBody(), UTF_8)));
            assertEquals(bodies, read);
        } finally {
            for (RawConnection connection : connections) {
                connection.close();
            }
        }
    }

    @Test
    void connections_that_say_nothing_do_not_hinder_a_client() throws Exception {
        String topic = CLUSTER.createTopic("Silent", 1);
        List<RawConnection> silent = new ArrayList<>();
        try {
            for (int port : new int[] {CLUSTER.broker().port(), CLUSTER.broker().port() - 2, CLUSTER.nameServer().port()}) {
                for (int i = 0; i < CONNECTIONS; i++) {
                    RawConnection connection = new RawConnection(port);
                    // Half of them in the middle of a frame.
                    if (i % 2 == 0) {
                        connection.write(new byte[] {0, 0, 1, 0, 0, 0});
                    }
                    silent.add(connection);
                }
            }
            DefaultMQProducer producer = clients.producer();

            for (int i = 0; i < 50; i++) {
                assertEquals(i, producer.send(new Message(topic, new byte[] {(byte) i})).getQueueOffset());
            }

            assertEquals(IntStream.range(0, 50).boxed().toList(),
                clients.read(topic, 50).stream().map(message -> (int) message.getBody()[0]).toList());
        } finally {
            for (RawConnection connection : silent) {
                connection.close();
            }
        }
    }

    private static RemotingCommand send(String topic, int queue, String body) {
        SendMessageRequestHeader header = new SendMessageRequestHeader();
        header.setProducerGroup("connections");
        header.setTopic(topic);
        header.setDefaultTopic("AUTO_CREATE_TOPIC_KEY");
        header.setDefaultTopicQueueNums(4);
        header.setQueueId(queue);
        header.setSysFlag(0);
        header.setBornTimestamp(System.currentTimeMillis());
        header.setFlag(0);
        header.setProperties("");
        header.setReconsumeTimes(0);
        header.setUnitMode(false);
        header.setBatch(false);
        RemotingCommand request = RemotingCommand.createRequestCommand(RequestCode.SEND_MESSAGE_V2,
            SendMessageRequestHeaderV2.createSendMessageRequestHeaderV2(header));
        request.setBody(body.getBytes(UTF_8));
        return request;
    }
}
