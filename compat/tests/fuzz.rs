//! The fuzz targets of `fuzz/`, each over a bounded number of inputs: examples, what remains of them after some changes,
//! and noise. `SEED=n` changes the inputs, and a failure names the seed of its case.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use compat::body::DataVersion;
use compat::body::namesrv::{RegisterBrokerBody, TopicConfigTable};
use compat::registration;
use compat::topic::{Perm, TopicConfig};
use fastrand::Rng;
use hex_literal::hex;

#[test]
fn json() {
    fuzz(
        bodies::json,
        &[
            br#"{"clientID":"1.2.3.4@1","consumerDataSet":[{"consumeFromWhere":"CONSUME_FROM_LAST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"CG","messageModel":"CLUSTERING","subscriptionDataSet":[{"classFilterMode":false,"codeSet":[2598919],"expressionType":"TAG","subString":"TagA","subVersion":1533000000000,"tagsSet":["TagA"],"topic":"T"}],"unitMode":false}],"producerDataSet":[{"groupName":"PG"}]}"#,
            br#"{"consumerTable":{"id":{{"brokerName":"b","queueId":0,"topic":"T"}:5}},"messageQueueTable":{{"brokerName":"b","queueId":0,"topic":"T"}:5}}"#,
            br#"{offsetTable:{'T@G':{0:10,"1":2.5e1,},}, /* x */ "x":[1,[true,null]] // y
            }"#,
            br#"{"brokerDatas":[{"brokerAddrs":{0:"a","1":"b"},"brokerName":"\u0062\x41","cluster":"C"}],"queueDatas":[{"perm":"6"}]}"#,
        ],
    );
}

#[test]
fn properties_file() {
    fuzz(
        bodies::properties_file,
        &[b"# comment\nlistenPort = 10911 \n a\\ b:c\\\n  d\\u0041\\\\\r\n!x\rpath=C\\:\\\\tmp\xe9\n", b"=\n:\n\\"],
    );
}

#[test]
fn record() {
    fuzz(
        bodies::record,
        &[&hex!(
            "00000094 daa320a7 3610a686 00000003 11223344 0000000000000000 0000000000000000 00000000"
            "000001643b1b4400 0a0102030000d431 000001a203f79a6c 7f00000100002a9f 00000002 0000000000000000"
            "00000005 68656c6c6f 09 546f70696354657374 002b"
            "4b455953016b31206b3202 554e49515f4b455901304130313032303330303031 02 544147530154616741 02"
        )],
    );
}

#[test]
fn batch() {
    let item = hex!(
        "00000033 00000000 00000000 00000007 00000002 6230 001b 4b45595301626b3002 574149540174727565 02 54414753015430 02"
    );
    fuzz(bodies::batch, &[&item, &[item, item].concat()]);
}

#[test]
fn message_properties() {
    fuzz(
        bodies::message_properties,
        &[b"KEYS\x01k1 k2\x02UNIQ_KEY\x01U\x02TAGS\x01TagA\x02WAIT\x01false\x02", b"A\x01B\x01\x02"],
    );
}

#[test]
fn message_id() {
    fuzz(bodies::message_id, &[b"0A00000100002A9F0000000000001234", b"0a00000100002a9f0000000000001234"]);
}

#[test]
fn registration_body() {
    let topic = TopicConfig::new("T", 4, Perm::READ_WRITE);
    let body = RegisterBrokerBody {
        filter_server_list: Some(vec!["1.2.3.4:5".to_owned()]),
        topic_config_serialize_wrapper: TopicConfigTable {
            data_version: DataVersion { counter: 3, timestamp: 1_533_000_000_000 },
            topic_config_table: [("T".to_owned(), topic)].into(),
        },
    };
    fuzz(bodies::registration, &[&registration::encode(&body, true), &registration::encode(&body, false)]);
}

#[test]
fn subscription() {
    fuzz(bodies::subscription, &[b"TagA || TagB", b"*", b"||"]);
}

/// Runs a target over 5000 inputs.
fn fuzz(target: fn(&[u8]), examples: &[&[u8]]) {
    for example in examples {
        target(example);
    }
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    for seed in first..first + 5000u64 {
        let mut rng = Rng::with_seed(seed);
        let mut input = if rng.u8(..8) == 0 {
            (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect()
        } else {
            examples[rng.usize(..examples.len())].to_vec()
        };
        for _ in 0..rng.usize(0..5) {
            change(&mut rng, &mut input);
        }
        let failed = std::panic::catch_unwind(|| target(&input)).is_err();
        assert!(!failed, "SEED={seed}: {}", input.escape_ascii());
    }
}

/// Changes, inserts, removes, repeats or cuts a part.
fn change(rng: &mut Rng, input: &mut Vec<u8>) {
    if input.is_empty() {
        input.push(rng.u8(..));
        return;
    }
    let from = rng.usize(..input.len());
    let to = rng.usize(from..input.len().min(from + 20)) + 1;
    match rng.u8(..7) {
        0 => input[from] = rng.u8(..),
        1 => input[from] ^= 1 << rng.u8(..8),
        2 => input.insert(from, rng.u8(..)),
        3 => drop(input.drain(from..to)),
        4 => {
            let part = input[from..to].to_vec();
            let at = rng.usize(..=input.len());
            input.splice(at..at, part);
        }
        5 => input.truncate(from),
        _ => input[from] = b"\x00\x01\x02\x7f\x80\xff\"'\\{}[]:,"[rng.usize(..15)],
    }
}
