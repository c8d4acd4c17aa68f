package rocketmq.it.harness;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * A scenario about something that 4.3.0 does and ours refuses until it can; skipped on {@code -Dtarget=java}. Whoever adds the feature
 * replaces it by scenarios that pass on both targets.
 */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(NotYet.Skip.class)
public @interface NotYet {
    /** What 4.3.0 does. */
    String value();

    final class Skip implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return SkippedOnJava.because(AnnotationSupport.findAnnotation(context.getElement(), NotYet.class)
                .map(missing -> "only ours refuses: Java " + missing.value()), context);
        }
    }
}
