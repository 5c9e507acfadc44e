//! Sessions of the document axis's REST flavour over a database on each engine, with a second node.

use lgsp_base::limits;
use lgsp_store::testing::for_each_engine;

use super::service::{binh_an, clock};
use super::support::{open, operator, runtime};
use crate::model::Protocol;

#[test]
fn a_session_is_known_to_every_node_until_its_time_or_its_system_ends() {
    for_each_engine("registry-sessions", |test| {
        runtime().block_on(async {
            let clock = clock();
            let registry = open(test, &clock).await;
            binh_an(&registry).await;
            let by = operator();
            let org = registry.snapshot().lookup("H99.14").unwrap().id;
            let system = registry
                .add_system(&by, org, "QLVB", Protocol::Vxp)
                .await
                .unwrap();
            let (id, secret) = (system.vxp_id.unwrap(), system.secret.unwrap());
            let secret = secret.expose().as_bytes();
            let found = registry.axis_system(&id, secret).unwrap();
            assert_eq!(found.id, system.system);
            assert!(registry.axis_system(&id, b"wrong").is_none());
            assert!(registry.axis_system("no.such.system", secret).is_none());
            assert!(registry.axis_system(&id, b"").is_none());

            let session = registry.open_axis_session(found.id).unwrap();
            let token = session.token.expose();
            let other = open(test, &clock).await;
            for node in [&registry, &other] {
                assert_eq!(node.axis_session(token).unwrap().id, system.system);
            }
            // Every character of a token matters.
            for at in 0..token.len() {
                let mut bytes = token.clone().into_bytes();
                bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
                let changed = String::from_utf8(bytes).unwrap();
                assert!(registry.axis_session(&changed).is_none(), "{at}");
            }
            for bad in [
                "",
                "lgsp_axis_",
                &token[..token.len() - 2],
                &format!("{token}00"),
            ] {
                assert!(registry.axis_session(bad).is_none(), "{bad}");
            }
            // A system without a secret of the axis has no sessions.
            let rest = registry
                .add_system(&by, org, "Một cửa", Protocol::Rest)
                .await
                .unwrap();
            assert!(registry.open_axis_session(rest.system).is_none());

            clock.advance(limits::AXIS_SESSION_LIFE - std::time::Duration::from_millis(1));
            assert!(registry.axis_session(token).is_some());
            clock.advance(std::time::Duration::from_millis(1));
            assert!(registry.axis_session(token).is_none());

            let session = registry.open_axis_session(found.id).unwrap();
            registry.close_system(&by, found.id).await.unwrap();
            assert!(registry.axis_session(session.token.expose()).is_none());
            assert!(registry.axis_system(&id, secret).is_none());
            assert!(other.axis_session(session.token.expose()).is_some());
            other.refresh().await.unwrap();
            assert!(other.axis_session(session.token.expose()).is_none());
        });
    });
}
