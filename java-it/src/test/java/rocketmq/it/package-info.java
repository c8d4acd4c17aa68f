/**
 * Stock RocketMQ 4.3.0 clients and {@code mqadmin} against a name server and a broker: ours, or the stock ones.
 *
 * <p>One scenario, two targets. Every scenario is written against what the stock servers do, and passes on them; then it passes on ours.
 * The few that only ours passes are marked {@link rocketmq.it.harness.BetterThanJava} and are skipped on the stock servers, with the
 * reason printed. What ours cannot do yet is refused, and {@link rocketmq.it.harness.NotYet} marks the scenarios that say how; they go
 * when the feature comes.
 *
 * <pre>
 * cargo build --release                             # the executable under test
 * mvn verify                                        # everything against ours: -Dtarget=rust is the default
 * mvn verify -Dtarget=java                          # everything against the stock servers
 * mvn verify -Dit.test=PullIT                       # one feature
 * mvn verify -Dit.test='SendIT#a_batch*' -Dtarget=java     # one scenario
 * mvn verify -Drocketmq.bin=PATH                    # another executable than ../target/release/rocketmq
 * </pre>
 *
 * <p>What is where:
 * <ul>
 * <li>One class {@code *IT} for each feature, one method for each scenario; its name is the sentence that it proves.
 * <li>Most classes share one cluster among their scenarios, each with topics and groups of its own. Those that stop servers start
 *     their own: {@link rocketmq.it.RestartIT}, {@link rocketmq.it.MixedIT}, {@link rocketmq.it.StandaloneIT},
 *     {@link rocketmq.it.StoreExchangeIT}.
 * <li>{@link rocketmq.it.harness} starts and ends the servers ({@code Cluster}, {@code Broker}, {@code NameServer}), keeps the clients of
 *     a scenario ({@code Clients}), runs {@code mqadmin} ({@code MqAdmin}), writes frames by hand ({@code RawConnection}) and waits with
 *     deadlines ({@code Await}).
 * <li>Clients run in the JVM of the suite. Classes with a {@code main} are clients that need a JVM of their own.
 * <li>{@code target/stock} holds the stock jars and {@code target/it} the logs of every server, by class or scenario. A user's home is not
 *     touched: {@code user.home} is {@code target/home}.
 * </ul>
 */
package rocketmq.it;
