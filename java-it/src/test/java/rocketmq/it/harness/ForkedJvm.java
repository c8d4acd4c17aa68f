package rocketmq.it.harness;

import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A main class in a JVM of its own: for programs as users write them, for settings that hold for a whole JVM, and for clients that are
 * killed.
 */
public final class ForkedJvm implements AutoCloseable {
    private final Process process;
    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();

    private ForkedJvm(Process process) {
        this.process = process;
        Thread reader = new Thread(() -> {
            try (BufferedReader out = process.inputReader()) {
                out.lines().forEach(lines::add);
            } catch (IOException | java.io.UncheckedIOException e) {
                lines.add("the output broke off: " + e);
            }
        }, "output of a forked JVM");
        reader.setDaemon(true);
        reader.start();
    }

    /** A class of this suite. */
    public static ForkedJvm start(Class<?> main, List<String> jvmOptions, String... arguments) {
        return start(System.getProperty("java.class.path"), main.getName(), jvmOptions, arguments);
    }

    public static ForkedJvm start(String classPath, String main, List<String> jvmOptions, String... arguments) {
        List<String> line = new ArrayList<>(Target.Java.command("128m"));
        line.set(line.size() - 1, classPath);
        line.addAll(jvmOptions);
        line.add(main);
        line.addAll(List.of(arguments));
        try {
            return new ForkedJvm(new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT).start());
        } catch (IOException e) {
            throw new IllegalStateException("cannot start a JVM", e);
        }
    }

    /** The rest of the first line that starts with {@code prefix}. */
    public String awaitLine(String prefix) throws InterruptedException {
        return awaitLine(prefix, Await.SOON);
    }

    public String awaitLine(String prefix, Duration deadline) throws InterruptedException {
        long end = System.nanoTime() + deadline.toNanos();
        List<String> others = new ArrayList<>();
        for (;;) {
            String line = lines.poll(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
            if (line == null) {
                throw new AssertionError("the JVM does not print \"" + prefix + "\", but " + others);
            }
            if (line.startsWith(prefix)) {
                return line.substring(prefix.length());
            }
            others.add(line);
        }
    }

    /** SIGKILL: no goodbye to the broker. */
    public void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() throws InterruptedException {
        kill();
    }
}
