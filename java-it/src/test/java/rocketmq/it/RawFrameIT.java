package rocketmq.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.rocketmq.common.protocol.RequestCode;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.body.ClusterInfo;
import org.apache.rocketmq.common.protocol.header.GetMaxOffsetRequestHeader;
import org.apache.rocketmq.common.protocol.header.GetMaxOffsetResponseHeader;
import org.apache.rocketmq.common.protocol.header.namesrv.GetRouteInfoRequestHeader;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.RemotingSysResponseCode;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import rocketmq.it.harness.BetterThanJava;
import rocketmq.it.harness.Cluster;
import rocketmq.it.harness.RawConnection;

/** Frames that no well-behaved client writes, or not in this way. */
class RawFrameIT {
    @RegisterExtension
    static final Cluster CLUSTER = Cluster.ofBrokers(1);

    static Stream<Arguments> garbled() {
        return Stream.of(
            arguments("a length above the limit", ints(16 << 20, 0)),
            arguments("a negative length", ints(-1, 0)),
            arguments("a length too short for a header", ints(2, 0)),
            arguments("a header longer than the frame", ints(8, 100, 0)),
            arguments("an unknown kind of header", ints(8, 7 << 24 | 4, 0)),
            arguments("a header that is not JSON", json("{{{nonsense")),
            arguments("an empty header", ints(4, 0)),
            arguments("a binary header that breaks off", ints(10, 1 << 24 | 6, 0, 0)),
            arguments("a request for a web page", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8)));
    }

    @ParameterizedTest(name = "{0} closes its connection and no other")
    @MethodSource("garbled")
    void garbled_input_closes_its_connection_and_no_other(String what, byte[] bytes) throws Exception {
        for (int port : new int[] {CLUSTER.broker().port(), CLUSTER.broker().port() - 2, CLUSTER.nameServer().port()}) {
            try (RawConnection healthy = new RawConnection(port); RawConnection garbled = new RawConnection(port)) {
                assertEquals(ResponseCode.SUCCESS, healthy.ask(harmless(port)).getCode());
                garbled.write(bytes);
                assertTrue(garbled.isClosedByServer(), "the connection stays open");
                assertEquals(ResponseCode.SUCCESS, healthy.ask(harmless(port)).getCode());
            }
        }
    }

    @Test
    void a_frame_that_comes_byte_by_byte_is_answered() throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.broker().port())) {
            RemotingCommand request = harmless(CLUSTER.broker().port());

            for (byte b : RawConnection.frame(request)) {
                connection.write(new byte[] {b});
            }

            RemotingCommand answer = connection.read();
            assertEquals(ResponseCode.SUCCESS, answer.getCode());
            assertEquals(request.getOpaque(), answer.getOpaque());
            assertTrue(answer.isResponseType());
            assertEquals(LanguageCode.JAVA, answer.getLanguage());
            assertEquals(273, answer.getVersion());
            assertEquals(0, ((GetMaxOffsetResponseHeader) answer.decodeCommandCustomHeader(GetMaxOffsetResponseHeader.class)).getOffset());
        }
    }

    @Test
    void a_thousand_frames_in_one_write_are_all_answered() throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.broker().port())) {
            ByteArrayOutputStream frames = new ByteArrayOutputStream();
            Set<Integer> asked = new TreeSet<>();
            for (int i = 0; i < 1000; i++) {
                RemotingCommand request = harmless(CLUSTER.broker().port());
                asked.add(request.getOpaque());
                frames.write(RawConnection.frame(request));
            }

            connection.write(frames.toByteArray());

            Set<Integer> answered = new TreeSet<>();
            for (int i = 0; i < 1000; i++) {
                RemotingCommand answer = connection.read();
                assertEquals(ResponseCode.SUCCESS, answer.getCode());
                answered.add(answer.getOpaque());
            }
            assertEquals(asked, answered);
        }
    }

    @Test
    void a_one_way_request_is_not_answered() throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.broker().port())) {
            RemotingCommand oneWay = harmless(CLUSTER.broker().port());
            oneWay.markOnewayRPC();
            RemotingCommand next = harmless(CLUSTER.broker().port());

            connection.write(oneWay);

            assertEquals(next.getOpaque(), connection.ask(next).getOpaque());
            assertTrue(connection.isSilentFor(300), "the one-way request is answered, too");
        }
    }

    @Test
    void a_request_with_a_binary_header_is_understood() throws Exception {
        try (RawConnection broker = new RawConnection(CLUSTER.broker().port());
            RawConnection nameServer = new RawConnection(CLUSTER.nameServer().port())) {
            RemotingCommand toBroker = harmless(CLUSTER.broker().port());
            toBroker.setSerializeTypeCurrentRPC(SerializeType.ROCKETMQ);
            RemotingCommand toNameServer = harmless(CLUSTER.nameServer().port());
            toNameServer.setSerializeTypeCurrentRPC(SerializeType.ROCKETMQ);

            RemotingCommand brokerAnswer = broker.ask(toBroker);
            RemotingCommand nameServerAnswer = nameServer.ask(toNameServer);

            assertEquals(ResponseCode.SUCCESS, brokerAnswer.getCode());
            assertEquals(toBroker.getOpaque(), brokerAnswer.getOpaque());
            assertEquals("0", brokerAnswer.getExtFields().get("offset"));
            assertEquals(ResponseCode.SUCCESS, nameServerAnswer.getCode());
            assertEquals(toNameServer.getOpaque(), nameServerAnswer.getOpaque());
        }
    }

    @Test
    void fields_that_nobody_knows_are_ignored() throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.nameServer().port())) {
            RemotingCommand request = harmless(CLUSTER.nameServer().port());
            request.setExtFields(new HashMap<>(Map.of("Signature", "abc", "中文", "🚀")));

            RemotingCommand answer = connection.ask(request);

            assertEquals(ResponseCode.SUCCESS, answer.getCode());
            ClusterInfo info = RemotingSerializable.decode(answer.getBody(), ClusterInfo.class);
            assertEquals(Map.of(0L, CLUSTER.broker().address()), info.getBrokerAddrTable().get("broker-a").getBrokerAddrs());
        }
    }

    @Test
    void the_name_server_refuses_a_topic_it_does_not_know_in_these_words() throws Exception {
        try (RawConnection connection = new RawConnection(CLUSTER.nameServer().port())) {
            GetRouteInfoRequestHeader header = new GetRouteInfoRequestHeader();
            header.setTopic("Unknown");

            RemotingCommand answer = connection.ask(RemotingCommand.createRequestCommand(RequestCode.GET_ROUTEINTO_BY_TOPIC, header));

            assertEquals(ResponseCode.TOPIC_NOT_EXIST, answer.getCode());
            assertTrue(answer.getRemark().startsWith("No topic route info in name server for the topic: Unknown\nSee http"), answer.getRemark());
        }
    }

    @Test
    @BetterThanJava("leaves it unanswered, so the caller waits for its time-out")
    void an_unknown_request_code_is_answered_with_code_3() throws Exception {
        for (int port : new int[] {CLUSTER.broker().port(), CLUSTER.broker().port() - 2, CLUSTER.nameServer().port()}) {
            try (RawConnection connection = new RawConnection(port)) {
                RemotingCommand unknown = RemotingCommand.createRequestCommand(9999, null);

                RemotingCommand answer = connection.ask(unknown);

                assertEquals(RemotingSysResponseCode.REQUEST_CODE_NOT_SUPPORTED, answer.getCode());
                assertEquals(unknown.getOpaque(), answer.getOpaque());
                assertEquals(ResponseCode.SUCCESS, connection.ask(harmless(port)).getCode());
            }
        }
    }

    /** A request that the server on this port answers with success. */
    private static RemotingCommand harmless(int port) {
        if (port == CLUSTER.nameServer().port()) {
            return RemotingCommand.createRequestCommand(RequestCode.GET_BROKER_CLUSTER_INFO, null);
        }
        GetMaxOffsetRequestHeader header = new GetMaxOffsetRequestHeader();
        header.setTopic("BenchmarkTest");
        header.setQueueId(0);
        RemotingCommand request = RemotingCommand.createRequestCommand(RequestCode.GET_MAX_OFFSET, header);
        request.makeCustomHeaderToNet();
        return request;
    }

    private static byte[] ints(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length);
        for (int word : words) {
            bytes.putInt(word);
        }
        return bytes.array();
    }

    private static byte[] json(String header) {
        byte[] text = header.getBytes(UTF_8);
        return ByteBuffer.allocate(8 + text.length).putInt(4 + text.length).putInt(text.length).put(text).array();
    }
}
