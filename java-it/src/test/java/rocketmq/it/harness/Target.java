package rocketmq.it.harness;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Whose servers are started: ours, or the stock Java ones. */
public enum Target {
    RUST {
        @Override
        List<String> command(Role role, Path config) {
            return List.of(executable().toString(), role.name().toLowerCase(), "-c", config.toString());
        }

        @Override
        Map<String, String> environment() {
            return Map.of("HOME", Java.HOME.toString());
        }
    },

    JAVA {
        @Override
        List<String> command(Role role, Path config) {
            List<String> command = new ArrayList<>(Java.command("256m"));
            command.addAll(List.of(role.stockMain, "-c", config.toString()));
            return command;
        }

        @Override
        Map<String, String> environment() {
            return Java.environment();
        }
    };

    /** The two servers of RocketMQ. */
    enum Role {
        NAMESRV("org.apache.rocketmq.namesrv.NamesrvStartup", "The Name Server boot success."),
        BROKER("org.apache.rocketmq.broker.BrokerStartup", "boot success.");

        final String stockMain;
        /** What the process prints once it serves. */
        final String ready;

        Role(String stockMain, String ready) {
            this.stockMain = stockMain;
            this.ready = ready;
        }
    }

    abstract List<String> command(Role role, Path config);

    abstract Map<String, String> environment();

    /** The target of this run: {@code -Dtarget=rust} (default) or {@code -Dtarget=java}. */
    public static Target current() {
        return valueOf(System.getProperty("target", "rust").toUpperCase());
    }

    private static Path executable() {
        Path executable = Path.of(System.getProperty("rocketmq.bin", "../target/release/rocketmq")).toAbsolutePath().normalize();
        if (!Files.isExecutable(executable)) {
            throw new IllegalStateException("no executable at " + executable
                + ": build it with `cargo build --release` at the top of the project, or name another with -Drocketmq.bin=PATH");
        }
        return executable;
    }

    /** How a stock Java program is started. */
    static final class Java {
        static final Path HOME = Path.of(System.getProperty("user.home"));

        private Java() {}

        /** {@code java} with the flags and the class path of the stock program; the main class comes next. */
        static List<String> command(String heap) {
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(List.of(System.getProperty("jdk.opens").trim().split("\\s+")));
            command.addAll(List.of("-Xms" + heap, "-Xmx" + heap, "-XX:MaxDirectMemorySize=1g", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", "-Duser.home=" + HOME, "-cp", System.getProperty("stock") + File.separator + "*"));
            return command;
        }

        static Map<String, String> environment() {
            return Map.of("ROCKETMQ_HOME", Path.of(resource("rocketmq-home")).toString());
        }

        private static String resource(String name) {
            return Target.class.getClassLoader().getResource(name).getPath();
        }
    }
}
