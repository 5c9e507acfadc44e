//! What connectors are told of a dossier besides the document.

use lgsp_base::id::DocumentId;
use lgsp_exchange::dossier::{DossierError, Procedure, RouteKind};
use lgsp_wire::dossier::DossierStatus;

use crate::dossiers_kit::{dossier, each_world};
use crate::world::{operator, org, run};

fn procedure(code: &str, agency: &str) -> Procedure {
    Procedure {
        code: code.to_owned(),
        agency: agency.to_owned(),
        name: "Thủ tục mẫu".to_owned(),
        field_code: String::new(),
        field_name: String::new(),
        level: String::new(),
        record: "{}".to_owned(),
        synced_at: lgsp_base::Timestamp::BEGINNING,
        version: 0,
    }
}

#[test]
fn a_procedure_goes_out_under_the_code_that_is_published() {
    run(each_world("outgoing-codes", async |world| {
        let accepted = world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let document = accepted.accepted.document;
        let published = async |code: &str| {
            let code = code.parse().expect("a code");
            let found = world.dossiers.published_code(document, &code).await;
            found.expect("a code").to_string()
        };
        for code in ["2.000488", "2.000488.H99.3", "2.000488.000.00.00.H99"] {
            assert_eq!(published(code).await, code, "nothing is known yet");
        }
        let known = vec![
            procedure("2.000488", ""),
            procedure("2.000500", "H99.3"),
            procedure("2.000600", "000.00.00.H99"),
            procedure("2.000700", "H99"),
        ];
        let by = operator();
        world
            .dossiers
            .procedures_put(&by, known)
            .await
            .expect("put");
        let closed = &world.directory.closed;
        closed
            .lock()
            .expect("not poisoned")
            .insert("H99.77".to_owned(), Some(3));
        for (local, national) in [
            ("2.000488", "2.000488"),
            ("2.000488.H99.3", "2.000488"),
            ("2.000500.H99.3", "2.000500.H99.3"),
            // The agency had another code before a merger.
            ("2.000500.H99.77", "2.000500.H99.3"),
            ("2.000500.H99.4", "2.000500"),
            ("2.000600.H99", "2.000600.000.00.00.H99"),
            ("2.000600.000.00.00.H99", "2.000600.000.00.00.H99"),
            ("2.000700.000.00.00.H99", "2.000700.H99"),
            ("2.000700.H99", "2.000700.H99"),
            ("2.999999", "2.999999"),
        ] {
            assert_eq!(published(local).await, national, "{local}");
        }
        let target = "2.000700".parse().expect("a code");
        for (scope, local) in [(None, "9.000001"), (Some(org(0)), "2.000500")] {
            world
                .dossiers
                .mapping_put(&by, local, scope, &target)
                .await
                .expect_err("only a code that is published for all can be meant");
            let known = "2.000488".parse().expect("a code");
            let put = world.dossiers.mapping_put(&by, local, scope, &known).await;
            put.expect("mapped");
        }
        for local in ["9.000001", "9.000001.H99.3", "2.000500", "2.000500.H99.3"] {
            assert_eq!(published(local).await, "2.000488", "{local}");
        }
    }));
}

#[test]
fn the_state_can_be_sent_again_and_a_stranger_is_no_dossier() {
    run(each_world("outgoing-state", async |world| {
        world.route(RouteKind::All, "", 3).await;
        let first = dossier(0, 1, DossierStatus::Received);
        let accepted = world.pushes(0, first).await.expect("accepted");
        let next = dossier(0, 1, DossierStatus::Processing);
        world.pushes(0, next.clone()).await.expect("accepted");
        let document = accepted.accepted.document;
        let state = world.dossiers.state_of(document).await.expect("a state");
        assert_eq!(state, next, "as it is now, not as it was then");
        let onward = world.dossiers.onward(document, org(3)).await;
        let onward = onward.expect("a dossier");
        assert_eq!((onward.owner, onward.is_known), (org(0), false));
        let stranger = world.send(0, &[1], b"x", "k").await.document;
        for document in [stranger, DocumentId::from_bits(7)] {
            let unknown = world.dossiers.state_of(document).await;
            assert!(matches!(unknown, Err(DossierError::Unknown)));
        }
    }));
}
