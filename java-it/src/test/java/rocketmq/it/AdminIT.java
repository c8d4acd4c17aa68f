package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageQueue;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.route.QueueData;
import org.apache.rocketmq.common.protocol.route.TopicRouteData;
import org.apache.rocketmq.common.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import rocketmq.it.harness.Await;
import rocketmq.it.harness.Broker;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.MqAdmin;

/** The commands of {@code mqadmin} that operators use first, on a cluster of two brokers. */
class AdminIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(2);

    @RegisterExtension
    final Clients clients = new Clients(CLUSTER);

    @Test
    void updateTopic_creates_a_topic_on_one_broker() throws Exception {
        String broker = CLUSTER.broker().address();

        MqAdmin.Printed printed = mqadmin("updateTopic", "-b", broker, "-t", "OneBroker", "-r", "6", "-w", "5", "-p", "6");

        assertEquals(List.of("create topic to " + broker + " success.",
            "TopicConfig [topicName=OneBroker, readQueueNums=6, writeQueueNums=5, perm=RW-, topicFilterType=SINGLE_TAG, "
                + "topicSysFlag=0, order=false]"), printed.lines());
        TopicRouteData route = Await.value("the route", Await.SOON, () -> CLUSTER.route("OneBroker"), r -> true);
        assertEquals(1, route.getQueueDatas().size());
        QueueData queues = route.getQueueDatas().get(0);
        assertEquals("broker-a", queues.getBrokerName());
        assertEquals(6, queues.getReadQueueNums());
        assertEquals(5, queues.getWriteQueueNums());
        assertEquals(6, queues.getPerm());
        assertEquals(5, clients.producer().fetchPublishMessageQueues("OneBroker").size());
    }

    @Test
    void updateTopic_creates_a_topic_on_every_broker_of_a_cluster() {
        MqAdmin.Printed printed = mqadmin("updateTopic", "-c", Broker.CLUSTER, "-t", "WholeCluster");

        assertEquals(Set.of("create topic to " + address(0) + " success.", "create topic to " + address(1) + " success."),
            printed.lines().stream().filter(line -> line.startsWith("create topic")).collect(Collectors.toSet()));
        TopicRouteData route = Await.value("the route", Await.SOON, () -> CLUSTER.route("WholeCluster"), r -> r.getQueueDatas().size() == 2);
        route.getQueueDatas().forEach(queues -> assertEquals(8, queues.getReadQueueNums()));
        assertEquals(Set.of(address(0), address(1)),
            route.getBrokerDatas().stream().map(b -> b.selectBrokerAddr()).collect(Collectors.toSet()));
    }

    @Test
    void updateTopic_changes_a_topic_and_clients_see_the_change() throws Exception {
        CLUSTER.createTopic("Changed", 4);

        mqadmin("updateTopic", "-b", address(0), "-t", "Changed", "-r", "2", "-w", "2");
        mqadmin("updateTopic", "-b", address(1), "-t", "Changed", "-r", "4", "-w", "4", "-p", "4");

        Await.value("the changed route", Await.SOON, () -> CLUSTER.route("Changed").getQueueDatas().stream()
            .collect(Collectors.toMap(QueueData::getBrokerName, q -> q.getWriteQueueNums() + "/" + q.getPerm())),
            queues -> queues.equals(Map.of("broker-a", "2/6", "broker-b", "4/4")));
        DefaultMQProducer producer = clients.producer();
        assertEquals(Set.of(new MessageQueue("Changed", "broker-a", 0), new MessageQueue("Changed", "broker-a", 1)),
            Set.copyOf(producer.fetchPublishMessageQueues("Changed")));
        MQBrokerException refused = assertThrows(MQBrokerException.class,
            () -> producer.send(new Message("Changed", "x".getBytes(UTF_8)), new MessageQueue("Changed", "broker-a", 2)));
        assertTrue(refused.getErrorMessage().startsWith("request queueId[2] is illegal"), refused.getErrorMessage());
    }

    @Test
    void updateSubGroup_creates_a_group() throws Exception {
        MqAdmin.Printed printed = mqadmin("updateSubGroup", "-b", address(0), "-g", "SomeGroup", "-r", "3", "-q", "2", "-d", "false");

        assertEquals(List.of("create subscription group to " + address(0) + " success.",
            "SubscriptionGroupConfig [groupName=SomeGroup, consumeEnable=true, consumeFromMinEnable=false, "
                + "consumeBroadcastEnable=false, retryQueueNums=2, retryMaxTimes=3, brokerId=0, whichBrokerWhenConsumeSlowly=1, "
                + "notifyConsumerIdsChangedEnable=true]"), printed.lines());
        SubscriptionGroupConfig group = CLUSTER.admin().getAllSubscriptionGroup(address(0), 5000).getSubscriptionGroupTable()
            .get("SomeGroup");
        assertEquals(3, group.getRetryMaxTimes());
        assertEquals(2, group.getRetryQueueNums());
        assertFalse(group.isConsumeBroadcastEnable());
    }

    @Test
    void topicRoute_prints_the_route_as_json() {
        CLUSTER.createTopic("Route", 4);

        MqAdmin.Printed printed = mqadmin("topicRoute", "-t", "Route");

        TopicRouteData route = RemotingSerializable.fromJson(printed.out(), TopicRouteData.class);
        assertEquals(Map.of("broker-a", address(0), "broker-b", address(1)), route.getBrokerDatas().stream()
            .collect(Collectors.toMap(b -> b.getBrokerName(), b -> b.getBrokerAddrs().get(0L))));
        assertEquals(List.of(4, 4), route.getQueueDatas().stream().map(QueueData::getReadQueueNums).toList());
        assertEquals(Map.of(), route.getFilterServerTable());
    }

    @Test
    void topicRoute_of_an_unknown_topic_says_code_17() {
        MqAdmin.Printed printed = mqadmin("topicRoute", "-t", "NoSuchTopic");

        assertEquals(List.of(), printed.lines());
        assertTrue(printed.err().contains("CODE: 17  DESC: No topic route info in name server for the topic: NoSuchTopic"), printed.err());
    }

    @Test
    void topicList_names_every_topic() {
        CLUSTER.createTopic("Listed", 1);

        List<String> topics = mqadmin("topicList").lines();

        assertTrue(topics.containsAll(List.of("Listed", "broker-a", "broker-b", Broker.CLUSTER, "AUTO_CREATE_TOPIC_KEY",
            "SELF_TEST_TOPIC", "BenchmarkTest", "OFFSET_MOVED_EVENT")), topics.toString());
        assertEquals(topics.stream().distinct().count(), topics.size());
    }

    @Test
    void topicStatus_tells_the_offsets_of_every_queue() throws Exception {
        CLUSTER.createTopic("Status", 2);
        DefaultMQProducer producer = clients.producer();
        for (int i = 0; i < 3; i++) {
            producer.send(new Message("Status", "x".getBytes(UTF_8)), new MessageQueue("Status", "broker-a", 1));
        }
        producer.send(new Message("Status", "x".getBytes(UTF_8)), new MessageQueue("Status", "broker-b", 0));
        clients.read("Status", 4);

        MqAdmin.Printed printed = mqadmin("topicStatus", "-t", "Status");

        Map<String, String> rows = new TreeMap<>();
        for (String line : printed.lines()) {
            String[] cells = line.split("\\s+");
            if (!line.startsWith("#")) {
                rows.put(cells[0] + " " + cells[1], cells[2] + " " + cells[3] + (cells.length > 4 ? " updated" : ""));
            }
        }
        assertEquals(Map.of("broker-a 0", "0 0", "broker-a 1", "0 3 updated", "broker-b 0", "0 1 updated", "broker-b 1", "0 0"), rows);
    }

    @Test
    void clusterList_has_a_row_for_every_broker() {
        List<String> lines = mqadmin("clusterList").lines();

        assertTrue(lines.get(0).matches("#Cluster Name\\s+#Broker Name\\s+#BID\\s+#Addr\\s+#Version\\s+#InTPS\\(LOAD\\)\\s+"
            + "#OutTPS\\(LOAD\\)\\s+#PCWait\\(ms\\)\\s+#Hour\\s+#SPACE"), lines.get(0));
        assertEquals(3, lines.size(), lines.toString());
        for (int i = 0; i < 2; i++) {
            String name = "broker-" + (char) ('a' + i);
            String address = address(i);
            assertTrue(lines.stream().anyMatch(line -> line.matches("DefaultCluster\\s+" + name + "\\s+0\\s+" + address
                + "\\s+V4_3_0\\s+\\d+\\.\\d\\d\\(\\d+,\\d+ms\\)\\s+\\d+\\.\\d\\d\\(\\d+,\\d+ms\\)\\s+\\d+\\s+\\d+\\.\\d\\d\\s+-?\\d\\.\\d{4}")),
                lines.toString());
        }
    }

    @Test
    void brokerStatus_prints_the_runtime_figures() throws Exception {
        String topic = CLUSTER.createTopic("Figures", 1);
        DefaultMQProducer producer = clients.producer();
        Map<String, String> before = figures();

        for (int i = 0; i < 10; i++) {
            producer.send(new Message(topic, new byte[1000]), new MessageQueue(topic, "broker-a", 0));
        }

        Map<String, String> after = figures();
        assertTrue(after.keySet().containsAll(Set.of("bootTimestamp", "brokerVersion", "brokerVersionDesc", "commitLogDiskRatio",
            "commitLogMaxOffset", "commitLogMinOffset", "consumeQueueDiskRatio", "dispatchBehindBytes", "dispatchMaxBuffer",
            "earliestMessageTimeStamp", "getFoundTps", "getMessageEntireTimeMax", "getMissTps", "getTotalTps", "getTransferedTps",
            "msgGetTotalTodayMorning", "msgGetTotalTodayNow", "msgGetTotalYesterdayMorning", "msgPutTotalTodayMorning",
            "msgPutTotalTodayNow", "msgPutTotalYesterdayMorning", "pageCacheLockTimeMills", "pullThreadPoolQueueCapacity",
            "pullThreadPoolQueueHeadWaitTimeMills", "pullThreadPoolQueueSize", "putMessageAverageSize",
            "putMessageDistributeTime", "putMessageEntireTimeMax", "putMessageSizeTotal", "putMessageTimesTotal", "putTps",
            "queryThreadPoolQueueCapacity", "queryThreadPoolQueueSize", "remainHowManyDataToFlush", "remainTransientStoreBufferNumbs",
            "runtime", "sendThreadPoolQueueCapacity", "sendThreadPoolQueueHeadWaitTimeMills", "sendThreadPoolQueueSize",
            "startAcceptSendRequestTimeStamp")), after.keySet().toString());
        assertEquals("V4_3_0", after.get("brokerVersionDesc"));
        assertEquals("273", after.get("brokerVersion"));
        assertEquals("0", after.get("commitLogMinOffset"));
        long grown = Long.parseLong(after.get("commitLogMaxOffset")) - Long.parseLong(before.get("commitLogMaxOffset"));
        assertTrue(grown >= 10 * 1000, "grown by " + grown);
    }

    @Test
    void deleteTopic_removes_a_topic_from_brokers_and_name_server() throws Exception {
        CLUSTER.createTopic("Deleted", 2);
        DefaultMQProducer producer = clients.producer();
        producer.send(new Message("Deleted", "x".getBytes(UTF_8)));

        MqAdmin.Printed printed = mqadmin("deleteTopic", "-t", "Deleted", "-c", Broker.CLUSTER);

        assertEquals(List.of("delete topic [Deleted] from cluster [DefaultCluster] success.",
            "delete topic [Deleted] from NameServer success."), printed.lines());
        MQClientException gone = assertThrows(MQClientException.class, () -> CLUSTER.route("Deleted"));
        assertEquals(ResponseCode.TOPIC_NOT_EXIST, gone.getResponseCode());
        assertFalse(mqadmin("topicList").lines().contains("Deleted"));
        // Its offsets begin anew.
        CLUSTER.createTopic("Deleted", 2);
        Await.value("empty queues", Await.SOON, () -> producer.maxOffset(new MessageQueue("Deleted", "broker-a", 0))
            + producer.maxOffset(new MessageQueue("Deleted", "broker-b", 0)), sum -> sum == 0);
    }

    /** brokerStatus as a map. A broker that has just started may still answer with an error. */
    private static Map<String, String> figures() {
        MqAdmin.Printed printed = Await.value("figures of the broker", Await.SOON, () -> mqadmin("brokerStatus", "-b", address(0)),
            p -> p.lines().size() > 10);
        Map<String, String> figures = new TreeMap<>();
        for (String line : printed.lines()) {
            String[] keyAndValue = line.split(":", 2);
            figures.put(keyAndValue[0].strip(), keyAndValue[1].strip());
        }
        return figures;
    }

    private static String address(int broker) {
        return CLUSTER.brokers().get(broker).address();
    }

    private static MqAdmin.Printed mqadmin(String command, String... arguments) {
        return MqAdmin.run(CLUSTER.nameServer(), command, arguments);
    }
}
