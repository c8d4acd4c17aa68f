package rocketmq.it.harness;

import java.util.Optional;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips on {@code -Dtarget=java}, and prints why. */
final class SkippedOnJava {
    private SkippedOnJava() {}

    static ConditionEvaluationResult because(Optional<String> reason, ExtensionContext context) {
        return reason.filter(why -> Target.current() == Target.JAVA)
            .map(why -> {
                System.out.println("skipped: " + context.getDisplayName() + ": " + why);
                return ConditionEvaluationResult.disabled(why);
            })
            .orElse(ConditionEvaluationResult.enabled("runs on every target"));
    }
}
