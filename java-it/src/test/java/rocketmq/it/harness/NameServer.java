package rocketmq.it.harness;

import java.nio.file.Path;

/** A name server process. */
public final class NameServer extends Server {
    public NameServer(Target target, Path folder) {
        super(Target.Role.NAMESRV, target, "namesrv", folder, Ports.take());
        settings().put("listenPort", String.valueOf(port()));
        settings().put("kvConfigPath", folder.resolve("kvConfig.json").toString());
        settings().put("configStorePath", folder.resolve("namesrv.properties").toString());
    }
}
