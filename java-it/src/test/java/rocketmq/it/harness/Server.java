package rocketmq.it.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * One server as a process of its own, with its folder, its configuration file and its port. It can be stopped or killed and
 * started again: port, folder and configuration stay. Everything it prints is in {@code NAME.log} in its folder.
 */
public abstract class Server {
    private static final Duration START = Duration.ofSeconds(60);
    private static final Duration STOP = Duration.ofSeconds(60);
    private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Process::destroyForcibly)));
    }

    private final Target.Role role;
    private final Target target;
    private final String name;
    private final Path folder;
    private final int port;
    private final Map<String, String> settings = new TreeMap<>();
    private List<String> arguments = List.of();
    private boolean asScript;
    private Process process;

    Server(Target.Role role, Target target, String name, Path folder, int port) {
        this.role = role;
        this.target = target;
        this.name = name;
        this.folder = folder;
        this.port = port;
    }

    public final String name() {
        return name;
    }

    public final Path folder() {
        return folder;
    }

    public final int port() {
        return port;
    }

    /** {@code 127.0.0.1:port}, as clients and the registration spell it. */
    public final String address() {
        return "127.0.0.1:" + port;
    }

    final Map<String, String> settings() {
        return settings;
    }

    /** Starts it as the scripts of a stock installation do, with these arguments besides {@code -c}. */
    public final void startAsScript(String... more) {
        arguments = List.of(more);
        asScript = true;
        start();
    }

    /** Starts the process and returns once it says that it serves. */
    public final void start() {
        if (process != null && process.isAlive()) {
            throw new IllegalStateException(name + " runs already");
        }
        Path log = folder.resolve(name + ".log");
        try {
            Files.createDirectories(folder);
            Path config = folder.resolve(name + ".conf");
            StringBuilder text = new StringBuilder();
            settings.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
            Files.writeString(config, text);
            long from = Files.exists(log) ? Files.size(log) : 0;
            List<String> command = new ArrayList<>(asScript ? target.commandOfScripts(role) : target.command(role));
            command.addAll(List.of("-c", config.toString()));
            command.addAll(arguments);
            ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
            builder.environment().putAll(target.environment());
            if (asScript) {
                builder.environment().putAll(Target.Java.environment());
            }
            process = builder.start();
            endWithThisJvm(process);
            awaitReady(log, from);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + name, e);
        }
    }

    /** However this JVM ends, the process does not outlive it. */
    static void endWithThisJvm(Process process) {
        RUNNING.add(process);
    }

    private void awaitReady(Path log, long from) throws IOException {
        long end = System.nanoTime() + START.toNanos();
        while (!printed(log, from).contains(role.ready)) {
            if (!process.isAlive()) {
                throw new IllegalStateException(name + " ended with status " + process.exitValue() + ": " + printed(log, from));
            }
            if (System.nanoTime() > end) {
                kill();
                throw new IllegalStateException(name + " does not say \"" + role.ready + "\": " + printed(log, from));
            }
            Await.pause(Duration.ofMillis(50));
        }
    }

    static String printed(Path log, long from) throws IOException {
        byte[] all = Files.readAllBytes(log);
        return new String(all, (int) from, (int) (all.length - from), StandardCharsets.UTF_8);
    }

    /** SIGTERM, as an operator stops it; waits for the end. */
    public final void stop() {
        process.destroy();
        awaitEnd("SIGTERM");
    }

    /** SIGKILL. */
    public final void kill() {
        if (process != null) {
            process.destroyForcibly();
            awaitEnd("SIGKILL");
        }
    }

    public final boolean isAlive() {
        return process != null && process.isAlive();
    }

    private void awaitEnd(String signal) {
        try {
            if (!process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(name + " still runs " + STOP.toSeconds() + " s after " + signal);
            }
            RUNNING.remove(process);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while " + name + " stops", e);
        }
    }
}
