package rocketmq.it.harness;

import java.util.ArrayList;
import java.util.List;

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
        Program.Ended ended = Program.run(line, Target.Java.environment());
        return new Printed(ended.out(), ended.err());
    }
}
