package rocketmq.it.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The stock {@code mqadmin}, as a process of its own. */
public final class MqAdmin {
    private MqAdmin() {}

    /** What a command printed. Its exit status says nothing: it is 0 whatever happens. */
    public record Printed(String out, String err) {
        /** The lines without leading and trailing blanks, without empty ones. */
        public List<String> lines() {
            return out.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        }
    }

    /** Runs {@code mqadmin COMMAND -n NAMESERVER ARGUMENTS}. */
    public static Printed run(NameServer nameServer, String command, String... arguments) {
        List<String> line = new ArrayList<>(Target.Java.command("128m"));
        line.addAll(List.of("org.apache.rocketmq.tools.command.MQAdminStartup", command, "-n", nameServer.address()));
        line.addAll(List.of(arguments));
        try {
            Path out = Files.createTempFile("mqadmin", ".out");
            Path err = Files.createTempFile("mqadmin", ".err");
            try {
                ProcessBuilder builder = new ProcessBuilder(line).redirectOutput(out.toFile()).redirectError(err.toFile());
                builder.environment().putAll(Target.Java.environment());
                Process process = builder.start();
                if (!process.waitFor(60, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                    throw new AssertionError("mqadmin " + command + " does not end: " + Files.readString(out) + Files.readString(err));
                }
                return new Printed(Files.readString(out), Files.readString(err));
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot run mqadmin", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while mqadmin runs", e);
        }
    }
}
