package rocketmq.it.harness;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Whose servers are started: ours, or the stock Java ones. */
public enum Target {
    RUST {
        @Override
        List<String> command(Role role) {
            return List.of(executable().toString(), role.name().toLowerCase());
        }

        @Override
        List<String> commandOfScripts(Role role) {
            Path link = Java.HOME.resolveSibling("links").resolve(role.script);
            try {
                Files.createDirectories(link.getParent());
                Files.deleteIfExists(link);
                Files.createSymbolicLink(link, executable());
            } catch (IOException e) {
                throw new UncheckedIOException("cannot link " + link, e);
            }
            return List.of(link.toString());
        }

        @Override
        Map<String, String> environment() {
            return Map.of("HOME", Java.HOME.toString());
        }
    },

    JAVA {
        @Override
        List<String> command(Role role) {
            List<String> command = new ArrayList<>(Java.command("256m"));
            command.add(role.stockMain);
            return command;
        }

        @Override
        List<String> commandOfScripts(Role role) {
            return command(role);
        }

        @Override
        Map<String, String> environment() {
            return Java.environment();
        }
    };

    /** The two servers of RocketMQ. */
    public enum Role {
        NAMESRV("mqnamesrv", "org.apache.rocketmq.namesrv.NamesrvStartup", "The Name Server boot success."),
        BROKER("mqbroker", "org.apache.rocketmq.broker.BrokerStartup", "boot success.");

        /** The name of its script in a stock installation. */
        final String script;
        final String stockMain;
        /** What the process prints once it serves. */
        final String ready;

        Role(String script, String stockMain, String ready) {
            this.script = script;
            this.stockMain = stockMain;
            this.ready = ready;
        }
    }

    /** How the server is started, without arguments. */
    abstract List<String> command(Role role);

    /** The same with exactly the command line of the stock scripts: ours through a link of the script's name. */
    abstract List<String> commandOfScripts(Role role);

    abstract Map<String, String> environment();

    /** The target of this run: {@code -Dtarget=rust} (default) or {@code -Dtarget=java}. */
    public static Target current() {
        return valueOf(System.getProperty("target", "rust").toUpperCase());
    }

    static Path executable() {
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
