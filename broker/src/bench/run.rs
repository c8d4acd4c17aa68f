//! The loads: which request goes out next, and what its answer must be.

use super::connection::{Answer, Connection};
use super::control::Control;
use super::frames::{self, Frame};
use super::latency::{Latency, Report};
use super::process::Usage;
use super::{BenchError, Common, EndToEndLoad, PullLoad, SendLoad};
use compat::message::record::{self, CheckBody, Parsed};
use rustix::event::{Timespec, epoll};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a load does with its slots.
trait Work {
    /// The next request of a slot of a connection, ready to be written; `None` when the slot is done.
    fn next(&mut self, connection: usize, slot: usize) -> Option<&[u8]>;
    /// Checks an answer. Returns the messages it stands for.
    fn check(&mut self, connection: usize, answer: &Answer<'_>) -> Result<u64, BenchError>;
}

/// Sends, and counts what the broker stored.
pub fn send(load: &SendLoad) -> Result<Report, BenchError> {
    let common = &load.common;
    let topics = common.topic_names();
    let mut control = Control::connect(common.address)?;
    for topic in &topics {
        control.create_topic(topic, common.queues)?;
    }
    let before = control.message_count(&topics, common.queues)?;
    let mut work = Sends::new(load, &topics);
    let report = drive(common, &mut work)?;
    let acknowledged = work.acknowledged;
    let stored = settled(&mut control, &topics, common.queues, before + acknowledged)? - before;
    if stored != acknowledged {
        return Err(BenchError::WrongAnswer(format!("{acknowledged} messages were acknowledged, {stored} are stored")));
    }
    Ok(report)
}

/// Messages in all queues, once that many are there or 20 s have passed: Java's queues trail its log.
fn settled(control: &mut Control, topics: &[String], queues: u32, wanted: u64) -> Result<u64, BenchError> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let count = control.message_count(topics, queues)?;
        if count >= wanted || Instant::now() > deadline {
            return Ok(count);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

struct Sends {
    frames: Vec<Frame>,
    turn: usize,
    queues: u32,
    queue: u32,
    key: u64,
    batch: u64,
    acknowledged: u64,
}

impl Sends {
    fn new(load: &SendLoad, topics: &[String]) -> Self {
        let common = &load.common;
        let frame = |topic: &String| match load.batch {
            0 | 1 => Frame::send(topic, 0, common.body),
            count => Frame::send_batch(topic, 0, common.body, count),
        };
        Self {
            frames: topics.iter().map(frame).collect(),
            turn: 0,
            queues: common.queues.clamp(1, 10),
            queue: 0,
            key: 0,
            batch: load.batch.max(1) as u64,
            acknowledged: 0,
        }
    }
}

impl Work for Sends {
    fn next(&mut self, _: usize, slot: usize) -> Option<&[u8]> {
        self.turn = (self.turn + 1) % self.frames.len();
        self.queue = (self.queue + 1) % self.queues;
        let frame = &mut self.frames[self.turn];
        frame.set_opaque(slot);
        frame.set_queue(self.queue);
        self.key = frame.set_unique_keys(self.key);
        Some(frame.bytes())
    }

    fn check(&mut self, _: usize, answer: &Answer<'_>) -> Result<u64, BenchError> {
        if answer.code != 0 {
            return Ok(0);
        }
        self.acknowledged += self.batch;
        Ok(self.batch)
    }
}

/// Stores messages, then pulls them again and again.
pub fn pull(load: &PullLoad) -> Result<Report, BenchError> {
    let common = &load.common;
    fill(load)?;
    let mut control = Control::connect(common.address)?;
    let topics = common.topic_names();
    let mut queues = Vec::new();
    for topic in &topics {
        for queue_id in 0..common.queues {
            let max = control.max_offset(topic, queue_id)?;
            queues.push(PulledQueue {
                frame: Frame::pull("BenchConsumer", topic, queue_id, load.max, 0),
                max,
                next: 0,
            });
        }
    }
    let slots = vec![(0, 0); common.connections * common.depth];
    let mut work = Pulls { queues, turn: 0, slots, depth: common.depth, body: frames::body(common.body) };
    drive(common, &mut work)
}

/// Stores what is missing of the messages that the pulls want.
fn fill(load: &PullLoad) -> Result<(), BenchError> {
    let topics = load.common.topic_names();
    let mut control = Control::connect(load.common.address)?;
    for topic in &topics {
        control.create_topic(topic, load.common.queues)?;
    }
    let missing = load.messages.saturating_sub(control.message_count(&topics, load.common.queues)?);
    let common = Common { connections: 1, depth: 16, seconds: 600.0, warm_up: 0.0, pid: None, ..load.common.clone() };
    let sends = Sends::new(&SendLoad { common: common.clone(), batch: 1 }, &topics);
    drive(&common, &mut Fill { sends, missing }).map(|_| ())
}

struct Fill {
    sends: Sends,
    missing: u64,
}

impl Work for Fill {
    fn next(&mut self, connection: usize, slot: usize) -> Option<&[u8]> {
        self.missing = self.missing.checked_sub(1)?;
        self.sends.next(connection, slot)
    }

    fn check(&mut self, connection: usize, answer: &Answer<'_>) -> Result<u64, BenchError> {
        match answer.code {
            0 => self.sends.check(connection, answer),
            code => Err(BenchError::WrongAnswer(format!("a message was answered with code {code}"))),
        }
    }
}

struct PulledQueue {
    frame: Frame,
    max: u64,
    next: u64,
}

struct Pulls {
    queues: Vec<PulledQueue>,
    turn: usize,
    /// Queue and offset that each slot has asked for.
    slots: Vec<(usize, u64)>,
    depth: usize,
    body: Vec<u8>,
}

impl Work for Pulls {
    fn next(&mut self, connection: usize, slot: usize) -> Option<&[u8]> {
        self.turn = (self.turn + 1) % self.queues.len();
        let queue = &mut self.queues[self.turn];
        if queue.next + 32 >= queue.max {
            queue.next = 0;
        }
        self.slots[connection * self.depth + slot] = (self.turn, queue.next);
        queue.frame.set_opaque(slot);
        queue.frame.set_offset(queue.next);
        queue.next += 32;
        Some(queue.frame.bytes())
    }

    fn check(&mut self, connection: usize, answer: &Answer<'_>) -> Result<u64, BenchError> {
        if answer.code != 0 {
            return Ok(0);
        }
        let (_, asked) = self.slots[connection * self.depth + answer.slot];
        let (mut rest, mut count) = (answer.body, 0);
        while rest.len() >= 28 {
            let size = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            let offset = i64::from_be_bytes(rest[20..28].try_into().unwrap_or_default());
            if offset != (asked + count) as i64 || size > rest.len() {
                return Err(BenchError::WrongAnswer(format!("offset {} was asked for, {offset} came", asked + count)));
            }
            if count == 0 {
                self.check_record(&rest[..size])?;
            }
            rest = &rest[size..];
            count += 1;
        }
        Ok(count)
    }
}

impl Pulls {
    fn check_record(&self, bytes: &[u8]) -> Result<(), BenchError> {
        match record::parse(bytes, CheckBody::Yes) {
            Parsed::Message(record) if record.body() == self.body => Ok(()),
            other => Err(BenchError::WrongAnswer(format!("another message than was stored: {other:?}"))),
        }
    }
}

/// Runs a closed loop: each slot sends its next request when the last one is answered.
fn drive(common: &Common, work: &mut dyn Work) -> Result<Report, BenchError> {
    let mut connections = Vec::new();
    for _ in 0..common.connections {
        connections.push(Connection::connect(common.address, common.depth)?);
    }
    let poll = Poll::new(&connections)?;
    let mut run = Run::new(common);
    for (number, connection) in connections.iter_mut().enumerate() {
        for slot in 0..common.depth {
            if let Some(frame) = work.next(number, slot) {
                connection.queue(frame);
                connection.sent_at[slot] = Instant::now();
                run.under_way += 1;
            }
        }
        connection.flush()?;
        poll.watch(number, connection)?;
    }
    let mut answered = Vec::new();
    while run.under_way > 0 {
        let ready = poll.wait(Duration::from_millis(500))?;
        if ready.is_empty() && run.stalled() {
            return Err(BenchError::WrongAnswer(format!(
                "no answer for 10 s, {} requests are under way",
                run.under_way
            )));
        }
        for number in ready {
            let connection = &mut connections[number];
            answered.clear();
            let (now, sent_at) = (Instant::now(), std::mem::take(&mut connection.sent_at));
            let result = connection.read(|answer| {
                let messages = work.check(number, &answer)?;
                run.answered(now, now.duration_since(sent_at[answer.slot]), answer.code, messages);
                answered.push(answer.slot);
                Ok(())
            });
            connection.sent_at = sent_at;
            result?;
            if run.goes_on(now) {
                for &slot in &answered {
                    if let Some(frame) = work.next(number, slot) {
                        connection.queue(frame);
                        connection.sent_at[slot] = now;
                        run.under_way += 1;
                    }
                }
            }
            connection.flush()?;
            poll.watch(number, connection)?;
        }
    }
    Ok(run.report())
}

/// Sends at a fixed rate to a queue that a held pull watches. Latency is from the intended time of a send to the answer
/// of the pull that holds its message.
pub fn end_to_end(load: &EndToEndLoad) -> Result<Report, BenchError> {
    let common = &load.common;
    let mut control = Control::connect(common.address)?;
    control.create_topic(&common.topic, 1)?;
    let mut offset = control.max_offset(&common.topic, 0)?;
    let first_offset = offset;
    let mut connections = [Connection::connect(common.address, 1 << 16)?, Connection::connect(common.address, 1)?];
    let poll = Poll::new(&connections)?;
    let timer = Timer::on(&poll)?;
    let mut send = Frame::send(&common.topic, 0, common.body);
    let mut pull = Frame::pull("BenchConsumer", &common.topic, 0, 32, 15_000);
    let mut run = Run::new(common);
    let gap = Duration::from_secs_f64(1.0 / load.rate.max(0.1));
    let start = Instant::now();
    let total = ((common.warm_up() + common.measured()).as_secs_f64() * load.rate) as u64;
    let (mut sent, mut key) = (0u64, 0u64);
    pull.set_opaque(0);
    pull.set_offset(offset);
    connections[1].queue(pull.bytes());
    connections[1].flush()?;
    while offset - first_offset < total {
        let due = start + gap * u32::try_from(sent).unwrap_or(u32::MAX);
        let now = Instant::now();
        if sent < total && now >= due {
            send.set_opaque((sent % (1 << 16)) as usize);
            key = send.set_unique_keys(key);
            connections[0].queue(send.bytes());
            connections[0].flush()?;
            sent += 1;
            run.under_way += 1;
            continue;
        }
        timer.set(if sent < total { due - now } else { Duration::from_millis(500) })?;
        let ready = poll.wait(Duration::from_secs(1))?;
        if sent == total && run.stalled() {
            return Err(BenchError::WrongAnswer(format!("{} messages never came", total - (offset - first_offset))));
        }
        for number in ready.into_iter().filter(|&number| number != Timer::NUMBER) {
            let now = Instant::now();
            let mut again = false;
            connections[number].read(|answer| {
                if number == 0 {
                    run.under_way -= 1;
                    *run.codes.entry(answer.code).or_default() += 1;
                    return Ok(());
                }
                again = true;
                let mut rest = answer.body;
                while rest.len() >= 28 {
                    let size = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                    let intended = start + gap * u32::try_from(offset - first_offset).unwrap_or(u32::MAX);
                    run.measured(now, now.saturating_duration_since(intended), 1);
                    offset += 1;
                    rest = rest.get(size..).unwrap_or_default();
                }
                Ok(())
            })?;
            if again {
                pull.set_offset(offset);
                connections[1].queue(pull.bytes());
                connections[1].flush()?;
            }
        }
    }
    Ok(run.report())
}

/// Time and counts of a run.
struct Run {
    pid: Option<u32>,
    begin: Instant,
    end: Instant,
    last_answer: Instant,
    under_way: usize,
    messages: u64,
    requests: u64,
    codes: BTreeMap<i32, u64>,
    latency: Latency,
    at_begin: Option<(Usage, Option<Usage>)>,
    at_end: Option<(Usage, Option<Usage>, Instant)>,
}

impl Run {
    fn new(common: &Common) -> Self {
        let now = Instant::now();
        Self {
            pid: common.pid,
            begin: now + common.warm_up(),
            end: now + common.warm_up() + common.measured(),
            last_answer: now,
            under_way: 0,
            messages: 0,
            requests: 0,
            codes: BTreeMap::new(),
            latency: Latency::default(),
            at_begin: None,
            at_end: None,
        }
    }

    fn answered(&mut self, now: Instant, latency: Duration, code: i32, messages: u64) {
        self.under_way -= 1;
        *self.codes.entry(code).or_default() += 1;
        self.measured(now, latency, messages);
    }

    fn measured(&mut self, now: Instant, latency: Duration, messages: u64) {
        self.last_answer = now;
        if now < self.begin || self.at_end.is_some() {
            return;
        }
        if self.at_begin.is_none() {
            self.at_begin = Some((Usage::of_self(), self.pid.map(Usage::of)));
        }
        if now >= self.end {
            self.at_end = Some((Usage::of_self(), self.pid.map(Usage::of), now));
            return;
        }
        self.messages += messages;
        self.requests += 1;
        self.latency.record(latency);
    }

    fn goes_on(&self, now: Instant) -> bool {
        now < self.end
    }

    fn stalled(&self) -> bool {
        self.last_answer.elapsed() > Duration::from_secs(10)
    }

    fn report(self) -> Report {
        let now = || (Usage::of_self(), self.pid.map(Usage::of), self.last_answer);
        let (driver, broker, ended) = self.at_end.unwrap_or_else(now);
        let (driver_before, broker_before) = self.at_begin.unwrap_or_default();
        let broker = broker.zip(broker_before).map(|(after, before)| after.since(&before));
        Report {
            messages: self.messages,
            requests: self.requests,
            elapsed: ended.saturating_duration_since(self.begin).max(Duration::from_millis(1)),
            codes: self.codes,
            latency: self.latency,
            driver: driver.since(&driver_before),
            broker,
        }
    }
}

/// The epoll of a run; a connection's number is its place.
struct Poll {
    epoll: std::os::fd::OwnedFd,
}

impl Poll {
    fn new<'a>(connections: impl IntoIterator<Item = &'a Connection>) -> Result<Self, BenchError> {
        let poll = Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(local)? };
        for (number, connection) in connections.into_iter().enumerate() {
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&poll.epoll, connection, data, interest(connection)).map_err(local)?;
        }
        Ok(poll)
    }

    /// Waits for room in the socket only while bytes wait for it.
    fn watch(&self, number: usize, connection: &mut Connection) -> Result<(), BenchError> {
        if connection.is_blocked() != connection.waits_for_room {
            connection.waits_for_room = connection.is_blocked();
            let data = epoll::EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, &*connection, data, interest(connection)).map_err(local)?;
        }
        Ok(())
    }

    fn wait(&self, at_most: Duration) -> Result<Vec<usize>, BenchError> {
        let mut events = Vec::<epoll::Event>::with_capacity(256);
        let timeout = Timespec {
            tv_sec: at_most.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: at_most.subsec_nanos().into(),
        };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(local(error)),
        }
        Ok(events.iter().map(|event| event.data.u64() as usize).collect())
    }
}

/// Wakes an epoll to the microsecond: its own time-outs are whole milliseconds.
struct Timer {
    timer: std::os::fd::OwnedFd,
}

impl Timer {
    /// Stands for the timer among the connections.
    const NUMBER: usize = usize::MAX;

    fn on(poll: &Poll) -> Result<Self, BenchError> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC).map_err(local)?;
        let data = epoll::EventData::new_u64(Self::NUMBER as u64);
        epoll::add(&poll.epoll, &timer, data, epoll::EventFlags::IN | epoll::EventFlags::ET).map_err(local)?;
        Ok(Self { timer })
    }

    /// Rings once, so long from now.
    fn set(&self, after: Duration) -> Result<(), BenchError> {
        let after = after.max(Duration::from_micros(1));
        let time = |span: Duration| Timespec { tv_sec: span.as_secs() as i64, tv_nsec: span.subsec_nanos().into() };
        let once = Itimerspec { it_interval: time(Duration::ZERO), it_value: time(after) };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once).map_err(local)?;
        Ok(())
    }
}

fn interest(connection: &Connection) -> epoll::EventFlags {
    match connection.waits_for_room {
        true => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        false => epoll::EventFlags::IN,
    }
}

fn local(error: rustix::io::Errno) -> BenchError {
    BenchError::WrongAnswer(format!("epoll: {error}"))
}
