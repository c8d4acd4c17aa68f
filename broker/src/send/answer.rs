//! What the answer to a send says: the code and header of each outcome, in one place.
//! Source: `broker/processor/SendMessageProcessor#handlePutMessageResult`.

use crate::identity::Identity;
use crate::refusal::{DiskUse, Refusal};
use crate::settings::BrokerSettings;
use compat::command::ResponseCode;
use compat::header::send::{SendRefusal, SendResponse};
use compat::message::id;
use compat::offset::{PhysicalOffset, QueueOffset};
use remoting::output::Output;
use remoting::request::ReplyTo;
use std::borrow::Cow;
use std::path::Path;
use store::disk::Disk;
use store::{AppendError, StoreSettings};

/// How a stored message fared afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is as safe as it asked for.
    Done,
    /// The disk did not have it in time.
    NotFlushed,
}

impl Fate {
    fn code(self) -> ResponseCode {
        match self {
            Self::Done => ResponseCode::Success,
            Self::NotFlushed => ResponseCode::FlushDiskTimeout,
        }
    }
}

/// Where a message went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The queue that the answer names.
    pub queue_id: i32,
    /// Queue offset of the (first) message.
    pub queue_offset: QueueOffset,
}

/// What the message id of an answer is made of.
#[derive(Clone, Debug)]
pub(super) enum Ids<'a> {
    /// One message, by its place.
    One(PhysicalOffset),
    /// Those of a batch, joined already.
    Several(Cow<'a, str>),
}

impl Ids<'_> {
    /// The same, for an answer that waits.
    pub fn to_owned(&self) -> Ids<'static> {
        match self {
            Self::One(position) => Ids::One(*position),
            Self::Several(joined) => Ids::Several(Cow::Owned(joined.clone().into_owned())),
        }
    }
}

/// Writes answers of the send path: all of them name the region and whether to trace.
pub(super) struct Answers<'a> {
    settings: &'a BrokerSettings,
    identity: &'a Identity,
}

impl<'a> Answers<'a> {
    pub fn new(settings: &'a BrokerSettings, identity: &'a Identity) -> Self {
        Self { settings, identity }
    }

    /// A message was stored.
    pub fn stored(&self, fate: Fate, to: ReplyTo, place: Place, ids: &Ids<'_>, out: &mut Output) {
        let one;
        let message_id = match ids {
            Ids::One(position) => {
                one = id::encode(self.identity.address, *position);
                str::from_utf8(&one).unwrap_or_default()
            }
            Ids::Several(joined) => joined,
        };
        let header = SendResponse {
            message_id: message_id.into(),
            queue_id: place.queue_id,
            queue_offset: place.queue_offset.to_java(),
            region: self.settings.region.as_str().into(),
            trace_on: self.settings.trace_on,
        };
        out.reply(to, fate.code(), None, &header, &[]);
    }

    /// A message was not stored.
    pub fn refuse(&self, to: ReplyTo, refusal: &Refusal, out: &mut Output) {
        let (code, remark) = refusal.to_wire();
        let header = SendRefusal { region: self.settings.region.as_str().into(), trace_on: self.settings.trace_on };
        out.reply(to, code, Some(&remark), &header, &[]);
    }

    /// The ids of a batch, joined with commas in `scratch`.
    pub fn join<'s>(&self, places: impl Iterator<Item = PhysicalOffset>, scratch: &'s mut String) -> Cow<'s, str> {
        scratch.clear();
        for place in places {
            if !scratch.is_empty() {
                scratch.push(',');
            }
            let id = id::encode(self.identity.address, place);
            scratch.push_str(str::from_utf8(&id).unwrap_or_default());
        }
        Cow::Borrowed(scratch)
    }
}

/// Why the store did not take a message, as clients are told.
pub(super) fn refusal(error: AppendError, is_batch: bool, used: impl FnOnce() -> DiskUse) -> Refusal {
    match error {
        AppendError::NotWriteable | AppendError::Disk => Refusal::StoreNotWriteable { used: used() },
        AppendError::TooLong if is_batch => Refusal::BatchTooLong,
        AppendError::TooLong | AppendError::Illegal => Refusal::MessageIllegal,
        AppendError::NoFile => Refusal::NoLogFile,
        AppendError::Busy => Refusal::AppendBusy,
    }
}

/// How full the disks of the store are.
pub(super) fn disk_use(disk: &dyn Disk, settings: &StoreSettings) -> DiskUse {
    let used = |path: &Path| match disk.space(path) {
        Ok(space) if space.total > 0 => 1.0 - space.free as f64 / space.total as f64,
        _ => -1.0,
    };
    let root = Path::new(&settings.store_path_root);
    DiskUse {
        log: used(Path::new(&settings.store_path_commit_log)),
        queues: used(&root.join("consumequeue")),
        index: used(&root.join("index")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_the_code_and_remark_of_java() {
        let told =
            |error, is_batch| refusal(error, is_batch, || DiskUse { log: 0.914, queues: 0.9, index: -1.0 }).to_wire();
        let illegal = "the message is illegal, maybe msg body or properties length not matched. \
                       msg body length limit 128k, msg properties length limit 32k.";
        let full = "service not available now, maybe disk full, CL:  0.91 CQ:  0.90 INDEX: -1.00, \
                    maybe your broker machine memory too small.";
        let cases = [
            (AppendError::NotWriteable, false, 14, full),
            (AppendError::Disk, false, 14, full),
            (AppendError::TooLong, false, 13, illegal),
            (AppendError::TooLong, true, 1, "java.lang.RuntimeException: message size exceeded"),
            (AppendError::Illegal, true, 13, illegal),
            (AppendError::NoFile, false, 1, "create mapped file failed, server is busy or broken."),
            (AppendError::Busy, false, 1, "[PC_SYNCHRONIZED]broker busy, start flow control for a while"),
        ];
        for (error, is_batch, code, remark) in cases {
            let (told_code, told_remark) = told(error, is_batch);
            assert_eq!((told_code.code(), told_remark.as_str()), (code, remark), "{error:?}");
        }
    }
}
