package rocketmq.it.harness;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Our executable without a role: a name server and a broker in one process, given nothing but free ports and a data directory. */
public final class Standalone implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Path data;
    private final Path log;
    private final int nameServerPort;
    private final int brokerPort;
    private Process process;

    /** What it prints is in {@code log}. */
    public Standalone(Path data, Path log) {
        this(data, log, Ports.take(), Ports.take());
    }

    private Standalone(Path data, Path log, int nameServerPort, int brokerPort) {
        this.data = data;
        this.log = log;
        this.nameServerPort = nameServerPort;
        this.brokerPort = brokerPort;
    }

    /** Another one that wants the same ports. */
    public Standalone on(Path otherData) {
        return new Standalone(otherData, log, nameServerPort, brokerPort);
    }

    /** Another one that wants the same broker port, and a name server port of its own. */
    public Standalone onBrokerPort(Path otherData) {
        return new Standalone(otherData, log, Ports.take(), brokerPort);
    }

    public Path data() {
        return data;
    }

    public String nameServer() {
        return "127.0.0.1:" + nameServerPort;
    }

    public int nameServerPort() {
        return nameServerPort;
    }

    public int brokerPort() {
        return brokerPort;
    }

    private List<String> command() {
        return List.of(Target.executable().toString(), "--data", data.toString(), "--namesrv-port", String.valueOf(nameServerPort),
            "--broker-port", String.valueOf(brokerPort));
    }

    /** Starts it and returns once it says that it is ready. */
    public void start() {
        try {
            Files.createDirectories(log.getParent());
            long from = Files.exists(log) ? Files.size(log) : 0;
            process = new ProcessBuilder(command()).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
            Server.endWithThisJvm(process);
            String ready = "Ready: name server on " + nameServer() + ", broker on 127.0.0.1:" + brokerPort + " ";
            Await.value("\"" + ready + "\"", LIMIT, () -> Server.printed(log, from),
                printed -> printed.contains(ready) || !process.isAlive());
            if (!process.isAlive()) {
                throw new IllegalStateException("ended with status " + process.exitValue() + ": " + Server.printed(log, from));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start a standalone server", e);
        }
    }

    /** Runs it to its end: for one that is expected not to come up. */
    public Program.Ended runToItsEnd() {
        return Program.run(command(), Map.of());
    }

    /** SIGTERM; returns the exit status. */
    public int stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
            throw new AssertionError("still runs " + LIMIT.toSeconds() + " s after SIGTERM");
        }
        return process.exitValue();
    }

    /** SIGSTOP: it keeps its ports and locks, and does nothing. */
    public void freeze() {
        signal("STOP");
    }

    /** SIGCONT. */
    public void thaw() {
        signal("CONT");
    }

    private void signal(String name) {
        Program.Ended ended = Program.run(List.of("sh", "-c", "kill -" + name + " " + process.pid()), Map.of());
        if (ended.status() != 0) {
            throw new IllegalStateException("SIG" + name + ": " + ended.err());
        }
    }

    @Override
    public void close() throws InterruptedException {
        if (process != null) {
            process.destroyForcibly().waitFor();
        }
    }
}
