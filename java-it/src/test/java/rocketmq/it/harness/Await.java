package rocketmq.it.harness;

import java.time.Duration;
import java.util.function.Predicate;

/** Waits for conditions, always with a deadline. */
public final class Await {
    /** Long enough for anything that does not wait for a period of 20 s or more; a busy machine included. */
    public static final Duration SOON = Duration.ofSeconds(30);

    private static final Duration STEP = Duration.ofMillis(20);

    private Await() {}

    /** May throw: an exception counts as "not yet", and the last one becomes the cause of the failure. */
    @FunctionalInterface
    public interface Attempt<T> {
        T get() throws Exception;
    }

    public static void until(String what, Duration deadline, Attempt<Boolean> condition) {
        value(what, deadline, condition, Boolean.TRUE::equals);
    }

    /** The first value that is accepted. The failure message shows the last one seen. */
    public static <T> T value(String what, Duration deadline, Attempt<T> attempt, Predicate<T> accept) {
        long end = System.nanoTime() + deadline.toNanos();
        T seen = null;
        Exception failure = null;
        do {
            try {
                seen = attempt.get();
                failure = null;
                if (accept.test(seen)) {
                    return seen;
                }
            } catch (Exception e) {
                failure = e;
            }
            pause(STEP);
        } while (System.nanoTime() < end);
        throw new AssertionError("not within " + deadline.toSeconds() + " s: " + what + "; last seen: " + seen, failure);
    }

    static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting", e);
        }
    }
}
