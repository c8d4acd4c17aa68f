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

/** Scenarios that the stock servers of 4.3.0 fail; skipped on {@code -Dtarget=java}, with what Java does instead. */
@Target({ElementType.METHOD, ElementType.TYPE})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(BetterThanJava.Skip.class)
public @interface BetterThanJava {
    /** What 4.3.0 does instead. */
    String value();

    final class Skip implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            return SkippedOnJava.because(AnnotationSupport.findAnnotation(context.getElement(), BetterThanJava.class)
                .map(better -> "only ours passes: Java " + better.value()), context);
        }
    }
}
