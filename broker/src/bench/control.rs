//! Requests outside of the load: making topics, asking for offsets. One at a time, waiting for the answer.

use super::BenchError;
use compat::command::{CommandFlag, Opaque, RequestCode, ResponseCode, SerializeType};
use compat::header::admin::CreateTopicRequest;
use compat::header::offset::{OffsetResponse, QueueRequest};
use compat::header::{Decode, Encode};
use remoting::codec::{self, Head};
use remoting::frame::{self, Cut};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection for such requests.
pub struct Control {
    address: SocketAddr,
    stream: TcpStream,
}

impl Control {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self, BenchError> {
        let failed = |cause| BenchError::Connection { address, cause };
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).map_err(failed)?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        Ok(Self { address, stream })
    }

    /// Makes a topic, or sees that it is there.
    pub fn create_topic(&mut self, topic: &str, queues: u32) -> Result<(), BenchError> {
        let header = CreateTopicRequest {
            topic: topic.into(),
            default_topic: Some("TBW102".into()),
            read_queue_count: queues as i32,
            write_queue_count: queues as i32,
            perm: 6,
            filter_type: "SINGLE_TAG".into(),
            sys_flag: Some(0),
            order: Some(false),
        };
        self.call(RequestCode::UpdateAndCreateTopic, &header, |_| Ok(()))
    }

    /// Messages in all queues of the topics so far.
    pub fn message_count(&mut self, topics: &[String], queues: u32) -> Result<u64, BenchError> {
        let mut sum = 0;
        for topic in topics {
            for queue_id in 0..queues {
                sum += self.max_offset(topic, queue_id)?;
            }
        }
        Ok(sum)
    }

    /// Offset behind the last message of a queue.
    pub fn max_offset(&mut self, topic: &str, queue_id: u32) -> Result<u64, BenchError> {
        let header = QueueRequest { topic: topic.into(), queue_id: queue_id as i32 };
        self.call(RequestCode::GetMaxOffset, &header, |header| {
            let answer = OffsetResponse::decode(&header.fields).map_err(|error| error.to_string())?;
            u64::try_from(answer.offset).map_err(|_| format!("max offset {}", answer.offset))
        })
    }

    fn call<H: Encode, T>(
        &mut self,
        code: RequestCode,
        header: &H,
        read: impl Fn(&codec::Header<'_>) -> Result<T, String>,
    ) -> Result<T, BenchError> {
        let address = self.address;
        let failed = |cause| BenchError::Connection { address, cause };
        let head = Head { code: code.code(), opaque: Opaque(1), flag: CommandFlag(0), remark: None };
        let mut request = Vec::new();
        codec::encode(SerializeType::Json, &head, header, 0, &mut request);
        self.stream.write_all(&request).map_err(failed)?;
        let mut bytes = Vec::new();
        loop {
            if let Cut::Whole(frame, _) = frame::cut(&bytes, frame::MAX_LEN).map_err(wrong)? {
                let answer = codec::decode(frame.serialize, frame.header).map_err(wrong)?;
                if answer.code != ResponseCode::Success.code() {
                    let remark = answer.remark.as_ref().map(|text| text.to_cow().into_owned()).unwrap_or_default();
                    return Err(BenchError::WrongAnswer(format!(
                        "{code:?} was answered with {}: {remark}",
                        answer.code
                    )));
                }
                return read(&answer).map_err(BenchError::WrongAnswer);
            }
            let mut piece = [0; 4096];
            let len = self.stream.read(&mut piece).map_err(failed)?;
            if len == 0 {
                return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
            }
            bytes.extend_from_slice(&piece[..len]);
        }
    }
}

fn wrong(error: impl std::fmt::Display) -> BenchError {
    BenchError::WrongAnswer(error.to_string())
}
