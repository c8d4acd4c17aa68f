package rocketmq.it.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that runs and ends. */
public final class Program {
    private Program() {}

    /** How it ended and what it printed. */
    public record Ended(int status, String out, String err) {}

    /** A server with arguments that make it end, given as to the scripts of a stock installation. */
    public static Ended run(Target target, Target.Role role, String... arguments) {
        List<String> line = new ArrayList<>(target.commandOfScripts(role));
        line.addAll(List.of(arguments));
        Map<String, String> environment = new HashMap<>(Target.Java.environment());
        environment.putAll(target.environment());
        return run(line, environment);
    }

    static Ended run(List<String> line, Map<String, String> environment) {
        try {
            Path out = Files.createTempFile("program", ".out");
            Path err = Files.createTempFile("program", ".err");
            try {
                ProcessBuilder builder = new ProcessBuilder(line).redirectOutput(out.toFile()).redirectError(err.toFile());
                builder.environment().putAll(environment);
                Process process = builder.start();
                if (!process.waitFor(60, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                    throw new AssertionError(line + " does not end: " + Files.readString(out) + Files.readString(err));
                }
                return new Ended(process.exitValue(), Files.readString(out), Files.readString(err));
            } finally {
                Files.delete(out);
                Files.delete(err);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot run " + line, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while " + line + " runs", e);
        }
    }
}
