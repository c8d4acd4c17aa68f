package rocketmq.it.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.protocol.route.TopicRouteData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A name server with brokers, for one class (as a static {@code @RegisterExtension} field) or one scenario (as an instance field).
 * Their data is deleted at the end, their logs stay in {@code target/it}.
 */
public final class Cluster implements BeforeAllCallback, AfterAllCallback, BeforeEachCallback, AfterEachCallback {
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final Target nameServerTarget;
    private final Target brokerTarget;
    private final int brokerCount;
    private final Map<String, String> brokerSettings;

    private boolean shared;
    private NameServer nameServer;
    private final List<Broker> brokers = new ArrayList<>();
    private DefaultMQAdminExt admin;

    private Cluster(Target nameServerTarget, Target brokerTarget, int brokerCount, Map<String, String> brokerSettings) {
        this.nameServerTarget = nameServerTarget;
        this.brokerTarget = brokerTarget;
        this.brokerCount = brokerCount;
        this.brokerSettings = brokerSettings;
    }

    public static Cluster ofBrokers(int count) {
        return ofBrokers(count, Map.of());
    }

    public static Cluster ofBrokers(int count, Map<String, String> brokerSettings) {
        return new Cluster(Target.current(), Target.current(), count, brokerSettings);
    }

    /** One broker at a name server that may be another program. Started and closed by the scenario. */
    public static Cluster mixed(Target nameServer, Target broker, Map<String, String> brokerSettings) {
        return new Cluster(nameServer, broker, 1, brokerSettings);
    }

    public NameServer nameServer() {
        return nameServer;
    }

    /** The first, often the only broker. */
    public Broker broker() {
        return brokers.get(0);
    }

    public List<Broker> brokers() {
        return brokers;
    }

    /** The first broker, which has ended, goes on as this program: same port, same store. */
    public void restartBrokerAs(Target other) {
        brokers.set(0, broker().runBy(other));
        broker().start();
        awaitRegistered();
    }

    public DefaultMQAdminExt admin() {
        return admin;
    }

    /** Creates the topic on every broker, and waits until clients can find it. */
    public String createTopic(String topic, int queues) {
        TopicConfig config = new TopicConfig(topic);
        config.setReadQueueNums(queues);
        config.setWriteQueueNums(queues);
        for (Broker broker : brokers) {
            Await.until("topic " + topic + " is created", Await.SOON, () -> {
                admin.createAndUpdateTopicConfig(broker.address(), config);
                return true;
            });
        }
        Await.value("route of " + topic, Await.SOON, () -> route(topic), r -> r.getQueueDatas().size() == brokers.size());
        return topic;
    }

    public TopicRouteData route(String topic) throws Exception {
        return admin.examineTopicRouteInfo(topic);
    }

    /** Waits until the name server names every broker. */
    public void awaitRegistered() {
        Await.value("registration of the brokers", Await.SOON, () -> admin.examineBrokerClusterInfo().getBrokerAddrTable().size(),
            size -> size == brokers.size());
    }

    public void start(String name) throws MQClientException {
        Path folder = Path.of(System.getProperty("work", "target/it")).toAbsolutePath().resolve(name);
        delete(folder);
        nameServer = new NameServer(nameServerTarget, folder);
        nameServer.start();
        brokers.clear();
        for (int i = 0; i < brokerCount; i++) {
            brokers.add(new Broker(brokerTarget, "broker-" + (char) ('a' + i), folder, nameServer).set(brokerSettings));
        }
        brokers.parallelStream().forEach(Server::start);
        admin = new DefaultMQAdminExt();
        admin.setNamesrvAddr(nameServer.address());
        admin.setInstanceName("cluster-" + COUNT.incrementAndGet());
        admin.setAdminExtGroup("admin-" + COUNT.get());
        admin.start();
        awaitRegistered();
    }

    public void close() {
        if (admin != null) {
            admin.shutdown();
            admin = null;
        }
        brokers.forEach(Server::kill);
        if (nameServer != null) {
            nameServer.kill();
        }
        brokers.forEach(broker -> delete(broker.store()));
    }

    private static void delete(Path folder) {
        if (!Files.exists(folder)) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot delete " + folder, e);
        }
    }

    @Override
    public void beforeAll(ExtensionContext context) throws Exception {
        shared = true;
        start(context.getRequiredTestClass().getSimpleName());
    }

    @Override
    public void afterAll(ExtensionContext context) {
        close();
    }

    @Override
    public void beforeEach(ExtensionContext context) throws Exception {
        if (!shared) {
            start(context.getRequiredTestClass().getSimpleName() + "-" + context.getRequiredTestMethod().getName());
        }
    }

    @Override
    public void afterEach(ExtensionContext context) {
        if (!shared) {
            close();
        }
    }
}
