//! Commands between the stock Java classes and ours: what the one writes, the other reads.
//!
//! Input is random; `SEED=n` changes it, and a failure names the seed of its case. What is needed is said in
//! `compat/tests/java/vm.rs`.

#[path = "../../compat/tests/java/vm.rs"]
mod vm;

use compat::command::{CommandFlag, Language, Opaque, SerializeType, version};
use fastrand::Rng;
use remoting::codec::{self, Head};
use remoting::frame::{self, Cut};
use std::collections::BTreeMap;
use vm::{answer, ask};

const KINDS: [SerializeType; 2] = [SerializeType::Json, SerializeType::Binary];

/// What both sides can say of a frame.
#[derive(Debug, PartialEq)]
struct Seen {
    code: i32,
    opaque: i32,
    flag: i32,
    version: i32,
    language: String,
    remark: Option<String>,
    body: Vec<u8>,
    fields: BTreeMap<String, String>,
}

#[test]
fn java_reads_what_ours_writes() {
    cases(500, |rng, seed| {
        for kind in KINDS {
            let sent = any_command(rng, kind);
            let frame = by_ours(kind, &sent);
            assert_eq!(seen_by_java(&frame).as_ref(), Ok(&sent), "seed {seed}: {kind:?}");
            assert_eq!(seen_by_ours(&frame).as_ref(), Ok(&sent), "seed {seed}: {kind:?}");
        }
    });
}

#[test]
fn ours_reads_what_java_writes_and_writes_the_same_bytes() {
    cases(500, |rng, seed| {
        for kind in KINDS {
            let sent = any_command(rng, kind);
            let frame = by_java(kind, &sent, Language::Java);
            assert_eq!(seen_by_ours(&frame).as_ref(), Ok(&sent), "seed {seed}: {kind:?}");
            // Without a header Java leaves the fields out, ours writes none; several have no fixed order.
            if sent.fields.len() == 1 {
                assert_eq!(
                    by_ours(kind, &sent).escape_ascii().to_string(),
                    frame.escape_ascii().to_string(),
                    "seed {seed}"
                );
            }
        }
    });
}

#[test]
fn every_language_is_known() {
    for byte in 0..12 {
        let language = Language::from_byte(byte).unwrap();
        for kind in KINDS {
            let sent = any_command(&mut Rng::with_seed(u64::from(byte)), kind);
            let frame = by_java(kind, &sent, language);
            assert_eq!(seen_by_ours(&frame).map(|seen| seen.language), Ok(language.name().to_owned()));
        }
    }
}

#[test]
fn what_java_reads_of_a_damaged_frame_ours_reads_too() {
    cases(3000, |rng, seed| {
        let sent = any_command(rng, SerializeType::Binary);
        let mut frame = by_ours(SerializeType::Binary, &sent);
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(frame::HEAD_LEN..frame.len());
            frame[at] = rng.u8(..);
        }
        if let Ok(java) = seen_by_java(&frame) {
            let ours = seen_by_ours(&frame);
            // A newer language than those of 4.3.0 has a name for ours only.
            let known = Language::from_byte(frame[10]).is_some_and(|language| language as u8 <= Language::Oms as u8);
            let language = if known { java.language.clone() } else { ours.as_ref().unwrap().language.clone() };
            assert_eq!(ours, Ok(Seen { language, ..java }), "seed {seed}: {}", frame.escape_ascii());
        }
    });
}

fn by_ours(kind: SerializeType, command: &Seen) -> Vec<u8> {
    let head = Head {
        code: command.code,
        opaque: Opaque(command.opaque),
        flag: CommandFlag(command.flag),
        remark: command.remark.as_deref(),
    };
    let fields: Vec<(String, String)> = command.fields.clone().into_iter().collect();
    let mut frame = Vec::new();
    codec::encode(kind, &head, &fields[..], command.body.len(), &mut frame);
    frame.extend_from_slice(&command.body);
    frame
}

fn by_java(kind: SerializeType, command: &Seen, language: Language) -> Vec<u8> {
    let remark = command.remark.as_ref().map_or(Vec::new(), |remark| format!("-{remark}").into_bytes());
    let (code, opaque, flag) = (command.code.to_be_bytes(), command.opaque.to_be_bytes(), command.flag.to_be_bytes());
    let kind = [kind.byte()];
    let language = [language as u8];
    let mut question: Vec<&[u8]> = vec![&kind, &code, &opaque, &flag, &language, &remark, &command.body];
    question.extend(command.fields.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]));
    answer("write frame", &question).remove(0)
}

fn seen_by_java(frame: &[u8]) -> Result<Seen, String> {
    let parts = ask("read frame", &[frame])?;
    let text = |part: &Vec<u8>| String::from_utf8(part.clone()).expect("Java answers in UTF-8");
    let int = |at: usize| i32::from_be_bytes(parts[at][..].try_into().expect("four bytes"));
    Ok(Seen {
        code: int(0),
        opaque: int(1),
        flag: int(2),
        version: int(3),
        language: text(&parts[4]),
        remark: text(&parts[5]).strip_prefix('-').map(str::to_owned),
        body: parts[6].clone(),
        fields: parts[7..].chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect(),
    })
}

fn seen_by_ours(frame: &[u8]) -> Result<Seen, String> {
    let cut = frame::cut(frame, frame::MAX_LEN).map_err(|error| error.to_string())?;
    let Cut::Whole(whole, len) = cut else { return Err("not all of a frame".to_owned()) };
    assert_eq!(len, frame.len());
    let header = codec::decode(whole.serialize, whole.header).map_err(|error| error.to_string())?;
    Ok(Seen {
        code: header.code,
        opaque: header.opaque.0,
        flag: header.flag.0,
        version: header.version,
        language: header.language.map_or(String::new(), |language| language.name().to_owned()),
        remark: header.remark.map(|remark| remark.to_cow().into_owned()),
        body: whole.body.to_vec(),
        fields: header.fields.iter().map(|(name, value)| (name.to_owned(), value.to_cow().into_owned())).collect(),
    })
}

/// A command that both kinds of header can say: codes of 16 bits, no empty remark.
fn any_command(rng: &mut Rng, kind: SerializeType) -> Seen {
    let fields = (0..rng.usize(0..5)).map(|_| (format!("f{}", any_text(rng)), any_text(rng))).collect();
    let remark = any_text(rng);
    Seen {
        code: if kind == SerializeType::Json { rng.i32(..) } else { i32::from(rng.i16(..)) },
        opaque: rng.i32(..),
        flag: rng.i32(..),
        version: version::CURRENT,
        language: "JAVA".to_owned(),
        remark: (!remark.is_empty()).then_some(remark),
        body: (0..rng.usize(0..20)).map(|_| rng.u8(..)).collect(),
        fields,
    }
}

fn any_text(rng: &mut Rng) -> String {
    let letter = |rng: &mut Rng| match rng.u8(..4) {
        0 => rng.char(..),
        1 => rng.char('\0'..'\u{a0}'),
        _ => rng.alphanumeric(),
    };
    (0..rng.usize(0..10)).map(|_| letter(rng)).collect()
}

/// Runs a case so many times, each with a seed of its own.
fn cases(count: u64, case: impl Fn(&mut Rng, u64)) {
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + count {
        case(&mut Rng::with_seed(seed), seed);
    }
}
