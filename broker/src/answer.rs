//! What most handlers do first and last: read a body, answer that all is well.

use crate::refusal::Refusal;
use crate::service::Call;
use compat::command::ResponseCode;
use compat::header::{EmptyHeader, Encode, NoHeader};
use compat::json;
use remoting::output::Output;
use serde::de::DeserializeOwned;

impl Call<'_> {
    /// The body as a document. A missing one is refused, as 4.3.0 does after it has failed on it.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        if self.request.body.is_empty() {
            return Err(Refusal::Body("the request has no body".to_owned()));
        }
        json::from_slice(self.request.body).map_err(|error| Refusal::Body(format!("the body cannot be read: {error}")))
    }

    /// Answers that all is well, without a header.
    pub fn done(&self, out: &mut Output) -> Result<(), Refusal> {
        self.answer(out, &NoHeader, &[])
    }

    /// Answers with a body.
    pub fn answer_body(&self, out: &mut Output, body: &[u8]) -> Result<(), Refusal> {
        self.answer(out, &NoHeader, body)
    }

    /// Answers as Java classes without fields do: with an empty header.
    pub fn done_with_empty_header(&self, out: &mut Output) -> Result<(), Refusal> {
        self.answer(out, &EmptyHeader, &[])
    }

    /// Answers with a header and a body.
    pub fn answer<H: Encode>(&self, out: &mut Output, header: &H, body: &[u8]) -> Result<(), Refusal> {
        out.reply(self.request.reply_to, ResponseCode::Success, None, header, body);
        Ok(())
    }
}
