//! Servers and clients over real sockets.

use bytes::Bytes;
use compat::command::{RequestCode, ResponseCode};
use compat::header::NoHeader;
use remoting::client::Client;
use remoting::command::Command;
use remoting::output::Output;
use remoting::peer::Peer;
use remoting::server::{Requests, Running, Service, bind};
use remoting::settings::{ClientSettings, ServerSettings};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);

struct Echo;

impl Service for Echo {
    type Local = ();
    type Session = ();
    fn local(self: Arc<Self>) -> Rc<()> {
        Rc::new(())
    }
    fn opened(&self, _: &Rc<()>, _: &Peer) {}
    fn turn(&self, _: &Rc<()>, _: &mut (), _: &Peer, requests: &mut Requests<'_>, out: &mut Output) {
        for request in requests {
            out.reply(request.reply_to, ResponseCode::Success, None, &NoHeader, request.body);
        }
    }
    fn closed(&self, _: &Rc<()>, (): (), _: &Peer) {}
}

fn serve(settings: &ServerSettings, service: impl Service) -> (SocketAddr, Running) {
    let listening = bind(settings, &["127.0.0.1:0".parse().unwrap()]).unwrap();
    (listening.addresses()[0], listening.start(Arc::new(service)).unwrap())
}

#[tokio::test]
async fn a_request_has_its_answer() {
    let (address, running) = serve(&ServerSettings::default(), Echo);
    let client = Client::new(ClientSettings::default());
    for len in [0, 1, 100, 5000, 70_000, 1 << 20, 15 << 20] {
        let body = Bytes::from(vec![7; len]);
        let request = Command::request(RequestCode::HeartBeat, &NoHeader, body.clone());
        let answer = client.call(&address.to_string(), &request, LONG).await.unwrap();
        assert!(answer.is_success());
        assert_eq!(answer.body, body);
    }
    running.stop();
}
