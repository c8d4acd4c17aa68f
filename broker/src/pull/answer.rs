//! What a read means for the one who pulls: code, suggested broker, and what follows from it. One place, pure.
//! Source: `broker/processor/PullMessageProcessor#processRequest`.

use compat::command::ResponseCode;
use compat::group::GroupConfig;
use compat::header::pull::PullResponse;
use store::{GetStatus, QueueEnds};

/// How a read ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub status: GetStatus,
    /// Offset that was asked for.
    pub asked: i64,
    /// Offset to go on with.
    pub next: i64,
    pub ends: QueueEnds,
    /// The messages are so old that a slave should serve them.
    pub from_slave: bool,
}

/// What the settings say of the answers of this broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Slaves are to serve pulls.
    pub slave_read: bool,
    /// This broker tells consumers where to go on: a slave does not, unless configured so.
    pub corrects_offsets: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub code: ResponseCode,
    pub header: PullResponse,
    /// The offset was moved, and that is to be told.
    pub moved: bool,
}

impl Ended {
    /// What is answered.
    pub fn answer(&self, group: &GroupConfig, role: Role) -> Answer {
        let code = self.code();
        let moved = code == ResponseCode::PullOffsetMoved;
        let uncorrected = moved && !role.corrects_offsets;
        let suggested_broker = match (uncorrected, role.slave_read, self.from_slave) {
            (false, true, true) => group.which_broker_when_consume_slowly,
            (true, ..) | (false, true, false) => group.broker_id,
            (false, false, _) => 0,
        };
        let header = PullResponse {
            suggested_broker,
            next_begin_offset: self.next,
            min_offset: self.ends.min.to_java(),
            max_offset: self.ends.max.to_java(),
        };
        let code = if uncorrected { ResponseCode::PullRetryImmediately } else { code };
        Answer { code, header, moved: moved && role.corrects_offsets }
    }

    fn code(&self) -> ResponseCode {
        match self.status {
            GetStatus::Found => ResponseCode::Success,
            GetStatus::MessageWasRemoving | GetStatus::NoMatchedMessage => ResponseCode::PullRetryImmediately,
            GetStatus::NoMatchedLogicQueue | GetStatus::NoMessageInQueue if self.asked != 0 => {
                ResponseCode::PullOffsetMoved
            }
            GetStatus::NoMatchedLogicQueue
            | GetStatus::NoMessageInQueue
            | GetStatus::OffsetFoundNull
            | GetStatus::OffsetOverflowOne => ResponseCode::PullNotFound,
            GetStatus::OffsetOverflowBadly | GetStatus::OffsetTooSmall => ResponseCode::PullOffsetMoved,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use compat::offset::QueueOffset;

    const MASTER: Role = Role { slave_read: false, corrects_offsets: true };

    #[test]
    fn every_status_has_the_code_of_java() {
        let cases = [
            (GetStatus::Found, 5, 0),
            (GetStatus::MessageWasRemoving, 5, 20),
            (GetStatus::NoMatchedMessage, 5, 20),
            (GetStatus::NoMatchedLogicQueue, 0, 19),
            (GetStatus::NoMatchedLogicQueue, 5, 21),
            (GetStatus::NoMessageInQueue, 0, 19),
            (GetStatus::NoMessageInQueue, 5, 21),
            (GetStatus::OffsetFoundNull, 5, 19),
            (GetStatus::OffsetOverflowOne, 5, 19),
            (GetStatus::OffsetOverflowBadly, 5, 21),
            (GetStatus::OffsetTooSmall, 5, 21),
        ];
        for (status, asked, code) in cases {
            let answer = ended(status, asked, false).answer(&group(), MASTER);
            assert_eq!((answer.code.code(), answer.moved), (code, code == 21), "{status:?} {asked}");
            let header = &answer.header;
            assert_eq!((header.next_begin_offset, header.min_offset, header.max_offset), (7, 3, 9));
        }
    }

    #[test]
    fn a_slave_that_corrects_nothing_sends_the_consumer_to_its_master() {
        let plain = Role { slave_read: false, corrects_offsets: false };
        let answer = ended(GetStatus::OffsetTooSmall, 1, false).answer(&group(), plain);
        assert_eq!((answer.code.code(), answer.moved, answer.header.suggested_broker), (20, false, 8));
        let found = ended(GetStatus::Found, 5, true).answer(&group(), plain);
        assert_eq!((found.code.code(), found.header.suggested_broker), (0, 0));
    }

    #[test]
    fn slow_consumers_are_sent_to_the_slave_where_slaves_serve() {
        let serving = Role { slave_read: true, ..MASTER };
        let suggested =
            |from_slave, role| ended(GetStatus::Found, 5, from_slave).answer(&group(), role).header.suggested_broker;
        assert_eq!((suggested(true, serving), suggested(false, serving)), (4, 8));
        assert_eq!((suggested(true, MASTER), suggested(false, MASTER)), (0, 0));
    }

    fn ended(status: GetStatus, asked: i64, from_slave: bool) -> Ended {
        let at = |offset| QueueOffset::from_java(offset).unwrap();
        Ended { status, asked, next: 7, ends: QueueEnds { min: at(3), max: at(9) }, from_slave }
    }

    fn group() -> GroupConfig {
        GroupConfig { broker_id: 8, which_broker_when_consume_slowly: 4, ..GroupConfig::new("G") }
    }
}
