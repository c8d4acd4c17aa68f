//! The stock Java classes of RocketMQ 4.3.0, asked in this process.
//!
//! What is asked of them stands in `Ask.java`, which is compiled here. Needs a JDK (8 or later, found through `JAVA_HOME` or
//! the path) and the stock jars: the folder `ROCKETMQ_JARS`, or the one that Maven fills for the suite in `java-it`.

use jni::objects::{JByteArray, JObject, JString, JValue};
use jni::{InitArgsBuilder, JNIVersion, JavaVM, jni_sig, jni_str};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The time zone of the Java side.
#[allow(dead_code, reason = "not every test asks for times")]
pub const ZONE: &str = "Europe/Berlin";

/// Asks, and gives the answer, or what Java threw.
pub fn ask(what: &str, question: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
    let answer = call(what, &join(question)).unwrap_or_else(|error| panic!("asking Java for {what}: {error}"));
    let mut parts = split(&answer);
    let state = parts.remove(0);
    if state == b"ok" { Ok(parts) } else { Err(String::from_utf8_lossy(&parts[0]).into_owned()) }
}

/// Asks what Java does not refuse.
pub fn answer(what: &str, question: &[&[u8]]) -> Vec<Vec<u8>> {
    ask(what, question).unwrap_or_else(|error| panic!("Java refuses {what}: {error}"))
}

fn call(what: &str, question: &[u8]) -> jni::errors::Result<Vec<u8>> {
    static VM: OnceLock<JavaVM> = OnceLock::new();
    VM.get_or_init(start).attach_current_thread(|env| {
        env.with_local_frame(8, |env| {
            let what = JString::from_str(env, what)?;
            let question: JByteArray<'_> = env.byte_array_from_slice(question)?;
            let args = [JValue::Object(&what), JValue::Object(&question)];
            let sig = jni_sig!("(Ljava/lang/String;[B)[B");
            let answer: JObject<'_> = env.call_static_method(jni_str!("Ask"), jni_str!("ask"), sig, &args)?.l()?;
            let answer = env.cast_local::<JByteArray<'_>>(answer)?;
            env.convert_byte_array(&answer)
        })
    })
}

fn start() -> JavaVM {
    let jars = jars();
    let classes = compile(&jars);
    let mut path = vec![classes];
    path.extend(jars);
    let path = std::env::join_paths(path).expect("paths without colons");
    let args = InitArgsBuilder::new()
        .version(JNIVersion::V1_8)
        .option(format!("-Djava.class.path={}", path.to_str().expect("paths of UTF-8")))
        .option(format!("-Duser.timezone={ZONE}"))
        .option(format!("-Duser.home={}", env!("CARGO_TARGET_TMPDIR")))
        .option("-Dfile.encoding=UTF-8")
        .option("-Xmx256m")
        .option("-Xrs")
        .build()
        .expect("options without NUL");
    JavaVM::new(args).unwrap_or_else(|error| panic!("no JVM starts here: {error}\n{NEEDS}"))
}

const NEEDS: &str = "These tests compare with the Java classes of RocketMQ 4.3.0. They need a JDK (8 or later; JAVA_HOME, or java and\n\
    javac in the path) and the stock jars in the folder ROCKETMQ_JARS, by default java-it/target/stock, which Maven fills:\n\
    mvn -q -B -f java-it generate-test-resources";

fn jars() -> Vec<PathBuf> {
    let folder = std::env::var_os("ROCKETMQ_JARS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../java-it/target/stock"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}\n{NEEDS}", folder.display()));
    let mut jars: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    jars.retain(|path| path.extension().is_some_and(|extension| extension == "jar"));
    let is_stock = |path: &PathBuf| path.file_name().is_some_and(|name| name == "rocketmq-common-4.3.0.jar");
    assert!(jars.iter().any(is_stock), "{}: no stock jars\n{NEEDS}", folder.display());
    jars.sort();
    jars
}

fn compile(jars: &[PathBuf]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compat/tests/java/Ask.java");
    let classes = Path::new(env!("CARGO_TARGET_TMPDIR")).join(concat!(
        "ask-",
        env!("CARGO_PKG_NAME"),
        "-",
        env!("CARGO_CRATE_NAME")
    ));
    let javac = match std::env::var_os("JAVA_HOME") {
        Some(home) => Path::new(&home).join("bin/javac"),
        None => PathBuf::from("javac"),
    };
    let path = std::env::join_paths(jars).expect("paths without colons");
    let done = Command::new(javac).arg("-nowarn").arg("-cp").arg(path).arg("-d").arg(&classes).arg(source).output();
    let done = done.unwrap_or_else(|error| panic!("javac does not start: {error}\n{NEEDS}"));
    assert!(done.status.success(), "javac: {}", String::from_utf8_lossy(&done.stderr));
    classes
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut list = Vec::new();
    for part in parts {
        list.extend_from_slice(&(part.len() as u32).to_be_bytes());
        list.extend_from_slice(part);
    }
    list
}

fn split(mut list: &[u8]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    while let Some((len, rest)) = list.split_first_chunk() {
        let (part, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        parts.push(part.to_vec());
        list = rest;
    }
    parts
}
