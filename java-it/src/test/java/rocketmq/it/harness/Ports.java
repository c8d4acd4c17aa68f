package rocketmq.it.harness;

import java.io.IOException;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/** Free ports, below the range from which the system gives ports to outgoing connections. */
final class Ports {
    /** The JVMs of one run, numbered from 1, each have a range of their own. */
    private static final int RANGE = 5_000;
    private static final int FIRST = 12_000 + RANGE * (Integer.getInteger("fork", 1) % 4);
    private static final int LAST = FIRST + RANGE;
    /** A broker uses {@code port - 2} (VIP), {@code port} and {@code port + 1} (replication). */
    private static final int BLOCK = 4;

    private static int next = FIRST + BLOCK * ThreadLocalRandom.current().nextInt((LAST - FIRST) / BLOCK);

    private Ports() {}

    /** A port with the two around it that a broker also needs. Never the same twice in one run. */
    static synchronized int take() {
        for (int attempt = 0; attempt < (LAST - FIRST) / BLOCK; attempt++) {
            int port = next;
            next = next + BLOCK < LAST ? next + BLOCK : FIRST;
            if (free(port - 2) && free(port) && free(port + 1)) {
                return port;
            }
        }
        throw new IllegalStateException("no free ports between " + FIRST + " and " + LAST);
    }

    private static boolean free(int port) {
        try (ServerSocket socket = new ServerSocket(port)) {
            return socket.isBound();
        } catch (IOException e) {
            return false;
        }
    }
}
