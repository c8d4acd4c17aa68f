package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import javax.tools.ToolProvider;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;
import rocketmq.it.harness.BetterThanJava;
import rocketmq.it.harness.Clients;
import rocketmq.it.harness.ForkedJvm;
import rocketmq.it.harness.Program;
import rocketmq.it.harness.Standalone;

/** The way in: the executable without a role, and the first program of the README. */
@BetterThanJava("has no name server and broker in one process")
class StandaloneIT {
    /** A consumer looks at its queues every 20 s, and at its topics every 30 s. */
    private static final Duration NEXT_ROUND = Duration.ofSeconds(60);

    @TempDir(factory = UnderTarget.class)
    Path folder;

    @Test
    void the_program_of_the_README_works_and_its_message_is_there_after_a_stop_and_a_start(TestInfo info) throws Exception {
        try (Standalone server = new Standalone(folder.resolve("data"), log(info))) {
            server.start();
            assertTrue(Files.exists(server.data().resolve("store/abort")));

            try (ForkedJvm hello = programOfReadme(server.nameServer())) {
                assertTrue(hello.awaitLine("SendResult ").startsWith("[sendStatus=SEND_OK, "));
                assertEquals("", hello.awaitLine("Hello RocketMQ", NEXT_ROUND));
            }

            assertEquals(0, server.stop());
            assertFalse(Files.exists(server.data().resolve("store/abort")));
            server.start();
            Clients clients = new Clients(server::nameServer);
            try {
                List<MessageExt> found = clients.read("Hello", 1);
                assertEquals(1, found.size());
                assertEquals("TagA", found.get(0).getTags());
                assertArrayEquals("Hello RocketMQ".getBytes(UTF_8), found.get(0).getBody());
            } finally {
                clients.close();
            }
            assertEquals(0, server.stop());
        }
    }

    @Test
    void a_second_process_on_the_same_data_or_ports_ends_with_one_sentence_and_changes_nothing(TestInfo info) throws Exception {
        Path ended = folder.resolve("ended");
        Path missing = folder.resolve("missing");
        try (Standalone first = new Standalone(ended, log(info)); Standalone second = first.on(folder.resolve("data"))) {
            first.start();
            send(first);
            assertEquals(0, first.stop());
            second.start();
            send(second);
            // Not even the one that serves changes a file meanwhile.
            second.freeze();
            Map<String, String> before = tree(folder);

            String inUse = ": Address already in use (os error 98)";
            for (Path data : List.of(ended, missing)) {
                assertRefused("the name server cannot listen on port " + second.nameServerPort() + inUse, second.on(data));
                assertRefused("the broker cannot listen on port " + second.brokerPort() + inUse, second.onBrokerPort(data));
            }
            assertRefused("Lock failed,MQ already started", new Standalone(second.data(), log(info)));

            assertEquals(before, tree(folder));
            second.thaw();
            send(second);
            assertEquals(0, second.stop());
        }
    }

    private static void assertRefused(String sentence, Standalone another) {
        assertEquals(new Program.Ended(255, "", sentence + "\n"), another.runToItsEnd());
    }

    private static void send(Standalone server) throws Exception {
        Clients clients = new Clients(server::nameServer);
        try {
            clients.producer().send(new Message("Hello", "one more".getBytes(UTF_8)));
        } finally {
            clients.close();
        }
    }

    /** The only Java program of the README, compiled as it stands there but for the address, and started. */
    private ForkedJvm programOfReadme(String nameServer) throws IOException {
        String readme = Files.readString(Path.of("..", "README.md"));
        List<MatchResult> blocks = Pattern.compile("^```java\n(.*?public class (\\w+).*?)^```", Pattern.DOTALL | Pattern.MULTILINE)
            .matcher(readme).results().toList();
        assertEquals(1, blocks.size(), "Java programs in the README");
        String program = blocks.get(0).group(1);
        String name = blocks.get(0).group(2);
        assertTrue(program.contains("\"127.0.0.1:9876\""), program);
        Path source = Files.writeString(folder.resolve(name + ".java"), program.replace("\"127.0.0.1:9876\"", '"' + nameServer + '"'));
        String classPath = System.getProperty("java.class.path");
        ByteArrayOutputStream complaints = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler()
            .run(null, complaints, complaints, "-proc:none", "-cp", classPath, "-d", folder.toString(), source.toString());
        assertEquals(0, status, () -> complaints.toString(UTF_8));
        return ForkedJvm.start(folder + File.pathSeparator + classPath, name, List.of());
    }

    /** Every folder and file below, files with their checksums. */
    private static Map<String, String> tree(Path root) throws IOException {
        Map<String, String> tree = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.toList()) {
                tree.put(root.relativize(path).toString(), Files.isDirectory(path) ? "folder" : checksum(path));
            }
        }
        return tree;
    }

    private static String checksum(Path file) throws IOException {
        CRC32C checksum = new CRC32C();
        try (InputStream in = new CheckedInputStream(Files.newInputStream(file), checksum)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return Files.size(file) + " bytes, CRC " + Long.toHexString(checksum.getValue());
    }

    private static Path logs() {
        return Path.of(System.getProperty("work", "target/it")).toAbsolutePath().resolve("StandaloneIT");
    }

    private static Path log(TestInfo info) {
        return logs().resolve(info.getTestMethod().orElseThrow().getName() + ".log");
    }

    /** Not the folder of the system for temporary files, which may be memory: log files are preallocated. */
    static final class UnderTarget implements TempDirFactory {
        @Override
        public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext scenario) throws IOException {
            return Files.createTempDirectory(Files.createDirectories(logs()), "data");
        }
    }
}
