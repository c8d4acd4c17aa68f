import com.alibaba.fastjson.JSON;
import java.io.ByteArrayInputStream;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.common.MQVersion;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.common.UtilAll;
import org.apache.rocketmq.common.filter.FilterAPI;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageDecoder;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageId;
import org.apache.rocketmq.common.protocol.RequestCode;
import org.apache.rocketmq.common.protocol.ResponseCode;
import org.apache.rocketmq.common.protocol.body.RegisterBrokerBody;
import org.apache.rocketmq.common.protocol.heartbeat.SubscriptionData;
import org.apache.rocketmq.remoting.CommandCustomHeader;
import org.apache.rocketmq.remoting.protocol.LanguageCode;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.RemotingSerializable;
import org.apache.rocketmq.remoting.protocol.RemotingSysResponseCode;
import org.apache.rocketmq.remoting.protocol.SerializeType;

/** Answers questions about the stock classes: a list of byte strings in, a list of byte strings out. */
public final class Ask {
    static {
        ((ch.qos.logback.classic.Logger) org.slf4j.LoggerFactory.getLogger("ROOT")).setLevel(ch.qos.logback.classic.Level.OFF);
    }

    /** Lists travel as a big-endian length before each element. The first one of the answer is "ok" or "error". */
    public static byte[] ask(String what, byte[] question) {
        List<byte[]> answer = new ArrayList<>();
        try {
            answer.add(utf8("ok"));
            answer(what, split(question), answer);
        } catch (Throwable error) {
            answer.clear();
            answer.add(utf8("error"));
            answer.add(utf8(error.toString()));
        }
        return join(answer);
    }

    private static void answer(String what, List<byte[]> in, List<byte[]> out) throws Exception {
        switch (what) {
            case "hash":
                out.add(ints(text(in.get(0)).hashCode()));
                break;
            case "crc32":
                out.add(ints(UtilAll.crc32(in.get(0))));
                break;
            case "double":
                out.add(utf8(Double.toString(ByteBuffer.wrap(in.get(0)).getDouble())));
                break;
            case "decimal": {
                BigDecimal decimal = new BigDecimal(text(in.get(0)));
                out.add(utf8(decimal.toString()));
                out.add(longs(decimal.longValue()));
                break;
            }
            case "message id": {
                ByteBuffer room = ByteBuffer.allocate(MessageDecoder.MSG_ID_LENGTH);
                out.add(utf8(MessageDecoder.createMessageId(room, ByteBuffer.wrap(in.get(0)), asLong(in.get(1)))));
                break;
            }
            case "read message id": {
                MessageId id = MessageDecoder.decodeMessageId(text(in.get(0)));
                InetSocketAddress address = (InetSocketAddress) id.getAddress();
                out.add(address.getAddress().getAddress());
                out.add(ints(address.getPort()));
                out.add(longs(id.getOffset()));
                break;
            }
            case "read properties":
                pairs(MessageDecoder.string2messageProperties(text(in.get(0))), out);
                break;
            case "write properties": {
                Map<String, String> properties = new HashMap<>();
                for (int at = 0; at < in.size(); at += 2) {
                    properties.put(text(in.get(at)), text(in.get(at + 1)));
                }
                out.add(utf8(MessageDecoder.messageProperties2String(properties)));
                break;
            }
            case "read record":
                record(MessageDecoder.decode(ByteBuffer.wrap(in.get(0)), true, false), out);
                break;
            case "write record":
                out.add(MessageDecoder.encode(message(in), false));
                break;
            case "read batch":
                for (Message message : MessageDecoder.decodeMessages(ByteBuffer.wrap(in.get(0)))) {
                    out.add(ints(message.getFlag()));
                    out.add(message.getBody());
                    out.add(utf8(MessageDecoder.messageProperties2String(message.getProperties())));
                }
                break;
            case "write batch": {
                List<Message> messages = new ArrayList<>();
                for (int at = 0; at < in.size(); at += 3) {
                    Message message = new Message("T", in.get(at + 1));
                    message.setFlag(asInt(in.get(at)));
                    clear(message);
                    for (Map.Entry<String, String> pair : MessageDecoder.string2messageProperties(text(in.get(at + 2))).entrySet()) {
                        property(message, pair.getKey(), pair.getValue());
                    }
                    messages.add(message);
                }
                out.add(MessageDecoder.encodeMessages(messages));
                break;
            }
            case "json": {
                Object body = RemotingSerializable.decode(in.get(1), Class.forName(text(in.get(0))));
                out.add(utf8(RemotingSerializable.toJson(body, false)));
                out.add(utf8(RemotingSerializable.toJson(body, true)));
                break;
            }
            case "random json": {
                Dice dice = new Dice(asLong(in.get(1)), asInt(in.get(2)), asInt(in.get(3)) != 0);
                Object body = dice.object(Class.forName(text(in.get(0))), 0);
                out.add(utf8(RemotingSerializable.toJson(body, false)));
                out.add(utf8(RemotingSerializable.toJson(body, true)));
                break;
            }
            case "read command": {
                RemotingCommand command = JSON.parseObject(text(in.get(0)), RemotingCommand.class);
                out.add(ints(command.getCode()));
                out.add(ints(command.getFlag()));
                out.add(ints(command.getOpaque()));
                out.add(ints(command.getVersion()));
                if (command.getExtFields() != null) {
                    pairs(command.getExtFields(), out);
                }
                break;
            }
            case "write frame": {
                RemotingCommand command = RemotingCommand.createRequestCommand(asInt(in.get(1)), null);
                command.setSerializeTypeCurrentRPC(in.get(0)[0] == 0 ? SerializeType.JSON : SerializeType.ROCKETMQ);
                command.setOpaque(asInt(in.get(2)));
                command.setFlag(asInt(in.get(3)));
                command.setVersion(MQVersion.CURRENT_VERSION);
                command.setLanguage(LanguageCode.valueOf(in.get(4)[0]));
                command.setRemark(in.get(5).length == 0 ? null : text(in.get(5)).substring(1));
                command.setBody(in.get(6).length == 0 ? null : in.get(6));
                for (int at = 7; at < in.size(); at += 2) {
                    command.addExtField(text(in.get(at)), text(in.get(at + 1)));
                }
                ByteBuffer frame = command.encode();
                byte[] bytes = new byte[frame.remaining()];
                frame.get(bytes);
                out.add(bytes);
                break;
            }
            case "read frame": {
                byte[] frame = in.get(0);
                RemotingCommand command = RemotingCommand.decode(ByteBuffer.wrap(frame, 4, frame.length - 4).slice());
                out.add(ints(command.getCode()));
                out.add(ints(command.getOpaque()));
                out.add(ints(command.getFlag()));
                out.add(ints(command.getVersion()));
                out.add(utf8(command.getLanguage() == null ? "" : command.getLanguage().name()));
                out.add(utf8(command.getRemark() == null ? "" : "-" + command.getRemark()));
                out.add(command.getBody() == null ? new byte[0] : command.getBody());
                if (command.getExtFields() != null) {
                    pairs(command.getExtFields(), out);
                }
                break;
            }
            case "header fields":
                for (Field field : Class.forName(text(in.get(0))).getDeclaredFields()) {
                    if (!Modifier.isStatic(field.getModifiers()) && !field.getName().startsWith("this")) {
                        out.add(utf8(field.getName()));
                        out.add(utf8(field.getType().getSimpleName()));
                    }
                }
                break;
            case "header": {
                RemotingCommand read = RemotingCommand.createRequestCommand(0, null);
                for (int at = 1; at < in.size(); at += 2) {
                    read.addExtField(text(in.get(at)), text(in.get(at + 1)));
                }
                Class<?> kind = Class.forName(text(in.get(0)));
                CommandCustomHeader header = read.decodeCommandCustomHeader(kind.asSubclass(CommandCustomHeader.class));
                RemotingCommand written = RemotingCommand.createRequestCommand(0, header);
                written.makeCustomHeaderToNet();
                pairs(written.getExtFields(), out);
                break;
            }
            case "load": {
                Properties properties = new Properties();
                properties.load(new ByteArrayInputStream(in.get(0)));
                Map<String, String> loaded = new HashMap<>();
                for (String name : properties.stringPropertyNames()) {
                    loaded.put(name, properties.getProperty(name));
                }
                pairs(loaded, out);
                break;
            }
            case "read registration":
                out.add(utf8(RegisterBrokerBody.decode(in.get(0), true).toJson()));
                break;
            case "write registration":
                out.add(RemotingSerializable.decode(in.get(0), RegisterBrokerBody.class).encode(true));
                break;
            case "subscription": {
                String expression = in.get(1).length == 0 ? null : text(in.get(1)).substring(1);
                String type = in.get(2).length == 0 ? null : text(in.get(2)).substring(1);
                SubscriptionData subscription = FilterAPI.build(text(in.get(0)), expression, type);
                subscription.setSubVersion(7);
                out.add(utf8(RemotingSerializable.toJson(subscription, false)));
                break;
            }
            case "topic text":
                out.add(utf8(RemotingSerializable.decode(in.get(0), TopicConfig.class).toString()));
                break;
            case "time": {
                long time = asLong(in.get(0));
                out.add(utf8(UtilAll.timeMillisToHumanString(time)));
                out.add(utf8(UtilAll.timeMillisToHumanString2(time)));
                out.add(utf8(UtilAll.timeMillisToHumanString3(time)));
                out.add(utf8(UtilAll.formatDate(new java.util.Date(time), UtilAll.YYYY_MM_DD_HH_MM_SS_SSS)));
                break;
            }
            case "constants":
                for (Class<?> kind : new Class<?>[] {RequestCode.class, ResponseCode.class, RemotingSysResponseCode.class, MessageConst.class}) {
                    for (Field field : kind.getFields()) {
                        if (field.getType() == int.class || field.getType() == String.class) {
                            out.add(utf8(kind.getSimpleName() + "." + field.getName() + "=" + field.get(null)));
                        }
                    }
                }
                for (LanguageCode language : LanguageCode.values()) {
                    out.add(utf8("LanguageCode." + language + "=" + language.getCode()));
                }
                for (MQVersion.Version version : MQVersion.Version.values()) {
                    out.add(utf8("MQVersion." + version + "=" + version.ordinal()));
                }
                out.add(utf8("MQVersion.CURRENT=" + MQVersion.CURRENT_VERSION));
                break;
            default:
                throw new IllegalArgumentException("nobody answers " + what);
        }
    }

    private static MessageExt message(List<byte[]> in) throws Exception {
        MessageExt message = new MessageExt();
        message.setQueueId(asInt(in.get(0)));
        message.setFlag(asInt(in.get(1)));
        message.setQueueOffset(asLong(in.get(2)));
        message.setCommitLogOffset(asLong(in.get(3)));
        message.setSysFlag(asInt(in.get(4)));
        message.setBornTimestamp(asLong(in.get(5)));
        message.setBornHost(address(in.get(6)));
        message.setStoreTimestamp(asLong(in.get(7)));
        message.setStoreHost(address(in.get(8)));
        message.setReconsumeTimes(asInt(in.get(9)));
        message.setPreparedTransactionOffset(asLong(in.get(10)));
        message.setBody(in.get(11));
        message.setBodyCRC(in.get(11).length == 0 ? 0 : UtilAll.crc32(in.get(11)));
        message.setTopic(text(in.get(12)));
        for (Map.Entry<String, String> pair : MessageDecoder.string2messageProperties(text(in.get(13))).entrySet()) {
            property(message, pair.getKey(), pair.getValue());
        }
        return message;
    }

    private static void record(MessageExt message, List<byte[]> out) {
        if (message == null) {
            return;
        }
        out.add(ints(message.getStoreSize()));
        out.add(ints(message.getBodyCRC()));
        out.add(ints(message.getQueueId()));
        out.add(ints(message.getFlag()));
        out.add(longs(message.getQueueOffset()));
        out.add(longs(message.getCommitLogOffset()));
        out.add(ints(message.getSysFlag()));
        out.add(longs(message.getBornTimestamp()));
        out.add(address((InetSocketAddress) message.getBornHost()));
        out.add(longs(message.getStoreTimestamp()));
        out.add(address((InetSocketAddress) message.getStoreHost()));
        out.add(ints(message.getReconsumeTimes()));
        out.add(longs(message.getPreparedTransactionOffset()));
        out.add(message.getBody() == null ? new byte[0] : message.getBody());
        out.add(utf8(message.getTopic()));
        pairs(message.getProperties() == null ? new HashMap<>() : message.getProperties(), out);
    }

    /** The method that clients use refuses some names. */
    private static void property(Message message, String name, String value) throws Exception {
        java.lang.reflect.Method put = Message.class.getDeclaredMethod("putProperty", String.class, String.class);
        put.setAccessible(true);
        put.invoke(message, name, value);
    }

    private static void clear(Message message) throws Exception {
        java.lang.reflect.Method set = Message.class.getDeclaredMethod("setProperties", Map.class);
        set.setAccessible(true);
        set.invoke(message, new HashMap<String, String>());
    }

    private static void pairs(Map<String, String> map, List<byte[]> out) {
        for (Map.Entry<String, String> pair : new TreeMap<>(map).entrySet()) {
            if (pair.getValue() != null) {
                out.add(utf8(pair.getKey()));
                out.add(utf8(pair.getValue()));
            }
        }
    }

    private static List<byte[]> split(byte[] list) {
        List<byte[]> parts = new ArrayList<>();
        ByteBuffer rest = ByteBuffer.wrap(list);
        while (rest.hasRemaining()) {
            byte[] part = new byte[rest.getInt()];
            rest.get(part);
            parts.add(part);
        }
        return parts;
    }

    private static byte[] join(List<byte[]> parts) {
        ByteBuffer list = ByteBuffer.allocate(parts.stream().mapToInt(part -> 4 + part.length).sum());
        for (byte[] part : parts) {
            list.putInt(part.length).put(part);
        }
        return list.array();
    }

    private static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] ints(int value) {
        return ByteBuffer.allocate(4).putInt(value).array();
    }

    private static byte[] longs(long value) {
        return ByteBuffer.allocate(8).putLong(value).array();
    }

    private static int asInt(byte[] value) {
        return ByteBuffer.wrap(value).getInt();
    }

    private static long asLong(byte[] value) {
        return ByteBuffer.wrap(value).getLong();
    }

    private static InetSocketAddress address(byte[] value) throws Exception {
        ByteBuffer rest = ByteBuffer.wrap(value);
        byte[] ip = new byte[4];
        rest.get(ip);
        return new InetSocketAddress(InetAddress.getByAddress(ip), rest.getInt());
    }

    private static byte[] address(InetSocketAddress address) {
        return ByteBuffer.allocate(8).put(address.getAddress().getAddress()).putInt(address.getPort()).array();
    }

    /** Makes objects whose every field has a random value. */
    private static final class Dice {
        private static final String[] LETTERS = {
            "a", "Z", "0", "%", "-", "_", "|", "@", ".", ":", "/", " ", "\"", "\\", "'", "<", "&", "{", "}", "[", ",", "$",
            "\b", "\f", "\n", "\r", "\t", "\u0000", "\u0001", "\u0002", "\u001f", "\u007f", "\u0080", "\u009f", "\u00a0",
            "\u00e9", "\u4e2d", "\u2028", "\u2029", "\ufeff", "\ud83d\ude00",
        };
        private final Random random;
        private final int most;
        private final boolean nulls;

        Dice(long seed, int most, boolean nulls) {
            this.random = new Random(seed);
            this.most = most;
            this.nulls = nulls;
        }

        Object object(Class<?> kind, int depth) throws Exception {
            Constructor<?> constructor = kind.getDeclaredConstructor();
            constructor.setAccessible(true);
            Object object = constructor.newInstance();
            for (Class<?> part = kind; part != null && part != Object.class; part = part.getSuperclass()) {
                for (Field field : part.getDeclaredFields()) {
                    int modifiers = field.getModifiers();
                    if (Modifier.isStatic(modifiers) || Modifier.isTransient(modifiers) || field.getType() == Random.class) {
                        continue;
                    }
                    field.setAccessible(true);
                    boolean primitive = field.getType().isPrimitive();
                    field.set(object, nulls && !primitive && random.nextInt(6) == 0 ? null : value(field.getGenericType(), depth + 1));
                }
            }
            return object;
        }

        private Object value(Type type, int depth) throws Exception {
            if (type instanceof ParameterizedType) {
                Class<?> raw = (Class<?>) ((ParameterizedType) type).getRawType();
                Type[] of = ((ParameterizedType) type).getActualTypeArguments();
                int count = depth > 5 ? 0 : random.nextInt(most + 1);
                if (Map.class.isAssignableFrom(raw)) {
                    Map<Object, Object> map = raw.isAssignableFrom(ConcurrentHashMap.class) && raw != Map.class ? new ConcurrentHashMap<>()
                        : raw == TreeMap.class || raw == java.util.SortedMap.class ? new TreeMap<>() : new HashMap<>();
                    for (int at = 0; at < count; at++) {
                        map.put(value(of[0], depth + 1), value(of[1], depth + 1));
                    }
                    return map;
                }
                Collection<Object> collection = raw == TreeSet.class ? new TreeSet<>()
                    : Set.class.isAssignableFrom(raw) ? new HashSet<>() : new ArrayList<>();
                for (int at = 0; at < count; at++) {
                    collection.add(value(of[0], depth + 1));
                }
                return collection;
            }
            Class<?> kind = (Class<?>) type;
            if (kind == String.class) {
                return string();
            } else if (kind == Properties.class) {
                Properties properties = new Properties();
                for (int count = random.nextInt(most + 1); count > 0; count--) {
                    properties.setProperty(string(), string());
                }
                return properties;
            } else if (kind == int.class || kind == Integer.class) {
                return random.nextBoolean() ? random.nextInt(100) : random.nextInt();
            } else if (kind == long.class || kind == Long.class) {
                return random.nextBoolean() ? (long) random.nextInt(100) : random.nextLong();
            } else if (kind == boolean.class || kind == Boolean.class) {
                return random.nextBoolean();
            } else if (kind == double.class || kind == Double.class) {
                return random.nextInt(1000000) / Math.pow(10, random.nextInt(7));
            } else if (kind == AtomicLong.class) {
                return new AtomicLong(random.nextLong());
            } else if (kind.isEnum()) {
                return kind.getEnumConstants()[random.nextInt(kind.getEnumConstants().length)];
            } else if (kind.isArray()) {
                Object array = Array.newInstance(kind.getComponentType(), random.nextInt(4));
                for (int at = 0; at < Array.getLength(array); at++) {
                    Array.set(array, at, value(kind.getComponentType(), depth + 1));
                }
                return array;
            }
            return object(kind, depth);
        }

        private String string() {
            StringBuilder text = new StringBuilder("s");
            for (int left = random.nextInt(8); left > 0; left--) {
                text.append(LETTERS[random.nextInt(LETTERS.length)]);
            }
            return text.toString();
        }
    }

    private Ask() {
    }
}
