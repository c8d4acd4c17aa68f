//! Golden headers, what Java forgives, and what the scanner and the tolerant reader must agree on.

use super::*;
use compat::header::send::{SendRequest, SendResponse};
use compat::header::{Decode, EmptyHeader};
use hex_literal::hex;

/// The header of a send of code 310 as a 4.3.0 client writes it.
pub(crate) const SEND: &str = concat!(
    r#"{"code":310,"extFields":{"a":"PG","b":"TopicTest","c":"TBW102","d":"4","e":"2","f":"0","g":"1533000000000","#,
    r#""h":"0","i":"TAGS\u0001TagA\u0002KEYS\u0001k1\u0002UNIQ_KEY\u0001C0A8\u0002WAIT\u0001true\u0002","j":"0","#,
    r#""k":"false","m":"false"},"flag":0,"language":"JAVA","opaque":0,"serializeTypeCurrentRPC":"JSON","version":273}"#
);

#[test]
fn a_send_is_read_in_one_pass() {
    assert_eq!(SEND.len(), 322);
    let header = json::scan(SEND.as_bytes()).unwrap();
    assert_eq!((header.code, header.version, header.opaque), (310, 273, Opaque(0)));
    let send = SendRequest::decode(&header.fields).unwrap();
    assert_eq!(
        (&*send.group, &*send.topic, send.queue_id, send.born_timestamp),
        ("PG", "TopicTest", 2, 1_533_000_000_000)
    );
    let properties = "TAGS\u{1}TagA\u{2}KEYS\u{1}k1\u{2}UNIQ_KEY\u{1}C0A8\u{2}WAIT\u{1}true\u{2}";
    assert_eq!(send.properties.unwrap().to_cow(), properties);
    assert!(matches!(header.fields.get("i"), Some(Text::Escaped(_))));
    assert!(matches!(header.fields.get("b"), Some(Text::Plain(_))));
}

#[test]
fn answers_are_written_as_java_writes_them() {
    let response = SendResponse {
        message_id: "C0A8".into(),
        queue_id: 1,
        queue_offset: 7,
        region: "DefaultRegion".into(),
        trace_on: true,
    };
    assert_eq!(
        written(&answer(5, None), &response),
        concat!(
            r#"{"code":0,"extFields":{"msgId":"C0A8","queueId":"1","queueOffset":"7","MSG_REGION":"DefaultRegion","#,
            r#""TRACE_ON":"true"},"flag":1,"language":"JAVA","opaque":5,"serializeTypeCurrentRPC":"JSON","version":273}"#
        )
    );
    assert_eq!(
        written(&answer(5, None), &EmptyHeader),
        r#"{"code":0,"extFields":{},"flag":1,"language":"JAVA","opaque":5,"serializeTypeCurrentRPC":"JSON","version":273}"#
    );
    let heartbeat = Head { code: 34, opaque: Opaque(3), flag: CommandFlag(0), remark: None };
    assert_eq!(
        written(&heartbeat, &NoHeader),
        r#"{"code":34,"flag":0,"language":"JAVA","opaque":3,"serializeTypeCurrentRPC":"JSON","version":273}"#
    );
}

#[test]
fn text_is_escaped_as_fastjson_does() {
    let remark = "\"\\\u{8}\u{c}\n\r\t/<>&'\u{1}\u{1f}\u{7f}\u{80}\u{9f}\u{a0}\u{2027}\u{2028}\u{2029}é😀";
    let text = written(&answer(-1, Some(remark)), &NoHeader);
    let expected =
        concat!(r#"\"\\\b\f\n\r\t/<>&'\u0001\u001F\u007F\u0080\u009F"#, "\u{a0}\u{2027}", r#"\u2028\u2029é😀"#);
    assert!(text.contains(&format!(r#""opaque":-1,"remark":"{expected}","serialize"#)), "{text}");
    let read = decode(SerializeType::Json, text.as_bytes()).unwrap();
    assert_eq!(read.remark.unwrap().to_cow(), remark);
}

#[test]
fn binary_headers_are_those_of_java() {
    let heartbeat = Head { code: 34, opaque: Opaque(3), flag: CommandFlag(0), remark: None };
    let bytes = hex!("0022 00 0111 00000003 00000000 00000000 00000000");
    let mut out = Vec::new();
    encode(SerializeType::Binary, &heartbeat, &NoHeader, 0, &mut out);
    assert_eq!(out, [&hex!("00000019 01 000015")[..], &bytes].concat());

    let header = decode(SerializeType::Binary, &bytes).unwrap();
    assert_eq!((header.code, header.language, header.version), (34, Some(Language::Java), 273));
    assert_eq!((header.opaque, header.remark, header.fields.is_empty()), (Opaque(3), None, true));

    let send = hex!("0136 00 0111 0000000D 00000002 00000000 00000009 0001 61 00000002 5047 FFFF");
    let header = decode(SerializeType::Binary, &send).unwrap();
    assert_eq!((header.code, header.opaque, header.flag.is_oneway()), (310, Opaque(13), true));
    assert_eq!(header.fields.get("a").unwrap().to_cow(), "PG");
}

#[test]
fn odd_binary_headers_are_read_as_java_reads_them() {
    let negative = hex!("FFFE 63 0111 00000003 00000000 FFFFFFFF 80000000");
    let header = decode(SerializeType::Binary, &negative).unwrap();
    assert_eq!((header.code, header.language, header.remark), (-2, None, None));
    let bad_text = hex!("0001 00 0111 00000003 00000000 00000002 61FF 00000000");
    assert_eq!(decode(SerializeType::Binary, &bad_text).unwrap().remark.unwrap().to_cow(), "a\u{fffd}");
}

#[test]
fn binary_headers_whose_lengths_lie_are_refused() {
    let whole = hex!("0136 00 0111 0000000D 00000000 00000001 78 00000009 0001 61 00000002 5047");
    assert!(decode(SerializeType::Binary, &whole).is_ok());
    for len in 0..whole.len() {
        assert!(decode(SerializeType::Binary, &whole[..len]).is_err(), "{len} bytes");
    }
    for lie in [
        &hex!("0136 00 0111 0000000D 00000000 7FFFFFFF 78")[..],
        &hex!("0136 00 0111 0000000D 00000000 00000000 7FFFFFFF 0001"),
        &hex!("0136 00 0111 0000000D 00000000 00000000 00000007 FFFF 61 00000000"),
        &hex!("0136 00 0111 0000000D 00000000 00000000 00000007 0001 61 FFFFFFFF"),
        &hex!("0136 00 0111 0000000D 00000000 00000000 00000007 0001 61 00000001"),
        &hex!("0136 00 0111 0000000D 00000000 00000000 00000001 00"),
    ] {
        assert!(decode(SerializeType::Binary, lie).is_err(), "{lie:02x?}");
    }
}

#[test]
fn a_header_too_long_for_its_length_says_so() {
    let fields = [("name".to_owned(), "x".repeat(1 << 24))];
    let mut out = Vec::new();
    encode(SerializeType::Json, &answer(1, None), &fields[..], 3, &mut out);
    let header = decode(SerializeType::Json, &out[crate::frame::HEAD_LEN..]).unwrap();
    assert_eq!(header.remark.unwrap().to_cow(), "the header is too long for a frame");
}

#[test]
fn headers_with_too_many_fields_are_refused() {
    let members: Vec<_> = (0..=MAX_FIELDS).map(|number| format!(r#""{number}":"x""#)).collect();
    for (count, fits) in [(MAX_FIELDS, true), (MAX_FIELDS + 1, false)] {
        let text = format!(r#"{{"extFields":{{{}}}}}"#, members[..count].join(","));
        assert_eq!(decode(SerializeType::Json, text.as_bytes()).is_ok(), fits);
    }
}

#[test]
fn unusual_json_is_read_as_java_reads_it() {
    let table = include_str!("../../testdata/headers.txt");
    let mut lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).peekable();
    let mut wrong = String::new();
    while let Some(line) = lines.next() {
        let text = line.strip_prefix("> ").expect("a header");
        let java = lines.next().and_then(|line| line.strip_prefix("= ")).expect("what Java reads");
        let expected = lines.next_if(|line| line.starts_with("! ")).map_or(java, |ours| &ours[2..]);
        let bytes = bytes_of(text);
        let read = decode(SerializeType::Json, &bytes).as_ref().map_or("malformed".to_owned(), shown);
        if read != expected {
            wrong += &format!("> {text}\n= {java}\n! {read}\n");
        }
        agree(&bytes);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn scanner_and_tolerant_reader_agree_on_mutations() {
    let seeds = [
        SEND,
        r#"{"code":-12,"extFields":{},"flag":2147483647,"language":"OMS","opaque":-1,"remark":"é\ud83d\ude00\/","version":0}"#,
        " {\t\"code\" : 1 , \"extFields\" : { \"a\" : \"b\" , \"a\" : \"c\" } }\n",
    ];
    let parts: [&[u8]; 14] =
        [b"\"", b"\\", b"\\u0041", b"{", b"}", b",", b":", b"\"x\":1", b"null", b"-", b"0", b"\xff", b"\xc3\xa9", b" "];
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut both = 0;
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => _ = bytes.remove(at),
                2 => drop(bytes.splice(at..at, parts[random.below(parts.len())].iter().copied())),
                _ => bytes.truncate(at + 1),
            }
        }
        both += u32::from(agree(&bytes));
        // Nothing but an answer is wanted of the binary reader here.
        let _ = decode(SerializeType::Binary, &bytes);
    }
    assert!(both > 500, "only {both} mutations were plain headers");
}

#[test]
fn commands_come_back_as_they_went() {
    let mut random = Random(7);
    let letters: Vec<char> = "ab\"\\/\n\u{1}\u{7f}\u{2028}é😀 0".chars().collect();
    for _ in 0..2_000 {
        let mut text = |len: usize| -> String {
            (0..random.below(len + 1)).map(|_| letters[random.below(letters.len())]).collect()
        };
        let fields: Vec<_> = (0..5).map(|number| (format!("{number}{}", text(3)), text(20))).collect();
        let remark = text(10);
        let head = Head {
            code: 17,
            opaque: Opaque(random.below(1 << 30) as i32),
            flag: CommandFlag(1),
            remark: Some(&remark),
        };
        for serialize in [SerializeType::Json, SerializeType::Binary] {
            let mut out = Vec::new();
            encode(serialize, &head, &fields[..], 0, &mut out);
            let header = decode(serialize, &out[crate::frame::HEAD_LEN..]).unwrap();
            let read: Vec<_> =
                header.fields.iter().map(|(name, value)| (name.to_owned(), value.to_cow().into_owned())).collect();
            assert_eq!((header.code, header.opaque, header.flag, read), (17, head.opaque, head.flag, fields.clone()));
            let same_remark = header.remark.map(|text| text.to_cow().into_owned());
            let empty_is_none = serialize == SerializeType::Binary && remark.is_empty();
            assert_eq!(same_remark, (!empty_is_none).then(|| remark.clone()));
        }
    }
}

/// Whether the scanner reads the header; if so, the tolerant reader must read the same.
fn agree(bytes: &[u8]) -> bool {
    let Some((fast, tolerant)) = decode_both_ways(bytes) else { return false };
    let tolerant = tolerant.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes)));
    assert_eq!(shown(&fast), shown(&tolerant), "{}", String::from_utf8_lossy(bytes));
    true
}

fn answer(opaque: i32, remark: Option<&str>) -> Head<'_> {
    Head { code: 0, opaque: Opaque(opaque), flag: CommandFlag(1), remark }
}

fn written<H: Encode>(head: &Head<'_>, header: &H) -> String {
    let mut out = vec![0xAA];
    encode(SerializeType::Json, head, header, 5, &mut out);
    let len = out.len() - 1 - crate::frame::HEAD_LEN;
    assert_eq!(out[1..5], (len as u32 + 9).to_be_bytes());
    assert_eq!(out[5..9], (len as u32).to_be_bytes());
    String::from_utf8(out[9..].to_vec()).unwrap()
}

/// As the program prints it that asked Java.
fn shown(header: &Header<'_>) -> String {
    let quoted = |text: &Text<'_>| {
        let plain = |unit: &u16| (32..=126).contains(unit);
        let show = |unit: u16| if plain(&unit) { (unit as u8 as char).to_string() } else { format!("\\u{unit:04x}") };
        format!("'{}'", text.to_cow().encode_utf16().map(show).collect::<String>())
    };
    let fields: std::collections::BTreeMap<_, _> =
        header.fields.iter().map(|(name, value)| (name.to_owned(), quoted(value))).collect();
    let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "{} {} {} {} {} remark={} ext={{{}}}",
        header.code,
        header.language.map_or("null", Language::name),
        header.version,
        header.opaque.0,
        header.flag.0,
        header.remark.as_ref().map_or("null".to_owned(), quoted),
        fields.join(", "),
    )
}

/// The bytes of a line of the table.
fn bytes_of(line: &str) -> Vec<u8> {
    let mut parts = line.split('~');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

/// A small generator of numbers (xorshift): the same seed, the same run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
