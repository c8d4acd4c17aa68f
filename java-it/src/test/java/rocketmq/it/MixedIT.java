package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.route.TopicRouteData;
import org.junit.jupiter.api.Test;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Broker;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.MqAdmin;
import rocketmq.it.harness.Received;
import rocketmq.it.harness.Target;

/** A stock server together with one under test. On {@code -Dtarget=java} both are stock. */
class MixedIT {
    @Test
    void a_stock_broker_serves_its_clients_through_the_name_server_under_test() throws Exception {
        serves("Mixed-stock-broker", Cluster.mixed(Target.current(), Target.JAVA, Map.of()));
    }

    @Test
    void the_broker_under_test_serves_its_clients_through_a_stock_name_server() throws Exception {
        serves("Mixed-stock-namesrv", Cluster.mixed(Target.JAVA, Target.current(), Map.of()));
    }

    private static void serves(String name, Cluster cluster) throws Exception {
        Clients clients = new Clients(cluster);
        try {
            cluster.start(name);
            cluster.createTopic("Mixed", 3);
            Received received = new Received();
            DefaultMQPushConsumer consumer = clients.pushConsumer("Mixed");
            consumer.subscribe("Mixed", "*");
            consumer.registerMessageListener(received.concurrently());
            consumer.start();
            DefaultMQProducer producer = clients.producer();
            Set<String> sent = new TreeSet<>();
            for (int i = 0; i < 30; i++) {
                sent.add("message " + i);
                producer.send(new Message("Mixed", ("message " + i).getBytes(UTF_8)));
            }
            producer.send(new Message("MixedAutoCreated", "x".getBytes(UTF_8)));

            assertEquals(sent, received.await(30).distinctBodies());
            TopicRouteData route = cluster.route("Mixed");
            assertEquals(1, route.getBrokerDatas().size());
            assertEquals(cluster.broker().address(), route.getBrokerDatas().get(0).selectBrokerAddr());
            assertEquals(Broker.CLUSTER, route.getBrokerDatas().get(0).getCluster());
            assertEquals(3, route.getQueueDatas().get(0).getReadQueueNums());
            Await.value("the created topic at the name server", Await.SOON, () -> cluster.route("MixedAutoCreated"), found -> true);
            String row = "DefaultCluster\\s+broker-a\\s+0\\s+" + cluster.broker().address() + "\\s+V4_3_0\\s.*";
            // The stock broker fails to tell its figures, and so its version, in its first second.
            Await.value("the row of the broker", Await.SOON, () -> MqAdmin.run(cluster.nameServer(), "clusterList").lines(),
                lines -> lines.size() == 2 && lines.get(1).matches(row));

            cluster.broker().stop();

            // A clean stop says goodbye: the route is gone before anything times out.
            MQClientException gone = assertThrows(MQClientException.class, () -> cluster.route("Mixed"));
            assertEquals(ResponseCode.TOPIC_NOT_EXIST, gone.getResponseCode());
            cluster.broker().start();
            cluster.awaitRegistered();
            assertEquals(3, cluster.route("Mixed").getQueueDatas().get(0).getReadQueueNums());
        } finally {
            clients.close();
            cluster.close();
        }
    }
}
