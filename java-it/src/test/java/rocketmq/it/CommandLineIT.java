package rocketmq.it;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import rocketmq.it.harness.BetterThanJava;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.Program;
import rocketmq.it.harness.Target;
import rocketmq.it.harness.Target.Role;

/** The command line of the stock scripts {@code mqnamesrv} and {@code mqbroker}: what they print, and with which status they end. */
class CommandLineIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    @Test
    void a_broker_takes_its_name_server_from_the_command_line() throws Exception {
        CLUSTER.broker().stop();
        CLUSTER.broker().set("namesrvAddr", "127.0.0.1:1");

        CLUSTER.broker().startAsScript("-n", CLUSTER.nameServer().address());

        CLUSTER.awaitRegistered();
        assertEquals(CLUSTER.broker().address(),
            CLUSTER.route("BenchmarkTest").getBrokerDatas().get(0).getBrokerAddrs().get(0L));
    }

    @Test
    void help_is_the_same_and_ends_with_255_at_the_broker() {
        Program.Ended ended = Program.run(Target.current(), Role.BROKER, "-h");

        assertEquals("""
            usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]
             -c,--configFile <arg>       Broker config properties file
             -h,--help                   Print help
             -m,--printImportantConfig   Print important config item
             -n,--namesrvAddr <arg>      Name server address list, eg: 192.168.0.1:9876;192.168.0.2:9876
             -p,--printConfigItem        Print all config item
            """, ended.out());
        assertEquals(255, ended.status());
    }

    @Test
    void an_unknown_option_prints_the_help() {
        Program.Ended broker = Program.run(Target.current(), Role.BROKER, "-x");
        Program.Ended nameServer = Program.run(Target.current(), Role.NAMESRV, "-x");

        assertTrue(broker.out().startsWith("usage: mqbroker [-c <arg>] [-h] [-m] [-n <arg>] [-p]\n"), broker.out());
        assertEquals(255, broker.status());
        assertTrue(nameServer.out().startsWith("usage: mqnamesrv [-c <arg>] [-h] [-n <arg>] [-p]\n"), nameServer.out());
        assertEquals(255, nameServer.status());
    }

    @Test
    void a_broken_name_server_address_ends_with_253() {
        Program.Ended ended = Program.run(Target.current(), Role.BROKER, "-n", "1.2.3:x");

        assertEquals("The Name Server Address[1.2.3:x] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"\n", ended.out());
        assertEquals(253, ended.status());
    }

    @Test
    void a_configuration_file_that_is_missing_ends_with_255(@TempDir Path folder) {
        assertEquals(255, Program.run(Target.current(), Role.BROKER, "-c", folder.resolve("none.conf").toString()).status());
        assertEquals(255, Program.run(Target.current(), Role.NAMESRV, "-c", folder.resolve("none.conf").toString()).status());
    }

    @Test
    void the_printed_configuration_is_the_stock_one(@TempDir Path folder) throws Exception {
        Path config = Files.writeString(folder.resolve("broker.conf"), "brokerName=printed\nbrokerIP1=127.0.0.1\nbrokerIP2=127.0.0.1\n"
            + "storePathRootDir=/some/store\nflushDiskType=SYNC_FLUSH\nmaxMessageSize=65536\n");

        for (String option : new String[] {"-p", "-m"}) {
            Program.Ended ours = Program.run(Target.current(), Role.BROKER, option, "-c", config.toString());

            assertEquals(0, ours.status());
            Map<String, String> printed = settings(ours.out());
            assertEquals("printed", printed.get("brokerName"));
            assertEquals("SYNC_FLUSH", printed.get("flushDiskType"));
            assertEquals(settings(Program.run(Target.JAVA, Role.BROKER, option, "-c", config.toString()).out()), printed);
        }
    }

    @Test
    @BetterThanJava("ends with 0 and prints nothing")
    void the_name_server_prints_its_configuration(@TempDir Path folder) throws Exception {
        Path config = Files.writeString(folder.resolve("namesrv.conf"), "listenPort=1234\n");

        Program.Ended ended = Program.run(Target.current(), Role.NAMESRV, "-p", "-c", config.toString());

        assertEquals(0, ended.status());
        assertEquals("1234", settings(ended.out()).get("listenPort"));
    }

    /** The lines {@code key=value} of {@code TIME INFO main - key=value}. */
    private static Map<String, String> settings(String out) {
        Map<String, String> settings = new TreeMap<>();
        out.lines().forEach(line -> {
            String[] keyAndValue = line.replaceFirst("^\\S+ \\S+ INFO main - ", "").split("=", 2);
            if (keyAndValue.length == 2) {
                settings.put(keyAndValue[0], keyAndValue[1]);
            }
        });
        return settings;
    }
}
