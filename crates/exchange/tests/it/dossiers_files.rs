//! Files of dossiers: sealed on the disk, whole for parties, by links for others.

use std::io::Read;
use std::time::Duration;

use lgsp_base::planted::Planted;
use lgsp_base::{Actor, Sha256};
use lgsp_exchange::dossier::{
    Audience, DossierError, DossierRef, FileContent, FileKind, FileView, NewFile, RouteKind,
};
use lgsp_wire::dossier::DossierStatus;

use crate::dossiers_kit::{CITIZEN, dossier, dossier_code};
use crate::history::{blob_files, stores};
use crate::world::{Way, World, actor, operator, run, system};

async fn store(
    world: &World,
    by: &Actor,
    name: &str,
    bytes: &[u8],
) -> Result<FileView, DossierError> {
    let which = DossierRef::Code(dossier_code(0, 1));
    let new = NewFile {
        name: name.to_owned(),
        media_type: "application/pdf".to_owned(),
        kind: FileKind::Paper,
        declared_len: None,
    };
    let mut intake = world.dossiers.file_begin(by, &which, new).await?;
    for piece in bytes.chunks(100_000) {
        intake.push(piece)?;
    }
    world.dossiers.file_store(by, intake).await
}

fn whole(mut content: FileContent) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.body.read_to_end(&mut bytes).expect("readable");
    bytes
}

#[test]
fn files_are_sealed_and_parties_open_them() {
    run(async {
        for db in stores("dossier_file") {
            let world = World::with(db, 17, Planted::NONE);
            world.directory.set(5, Way::Inbox);
            world.route(RouteKind::All, "", 2).await;
            world
                .pushes(0, dossier(0, 1, DossierStatus::Received))
                .await
                .expect("accepted");
            let bytes = CITIZEN.repeat(20_000).into_bytes();
            let file = store(&world, &actor(0), "Tờ khai Nguyễn Văn Thử.pdf", &bytes)
                .await
                .expect("stored");
            assert_eq!(
                (file.bytes, file.sha256),
                (bytes.len() as u64, Some(Sha256::of(&bytes)))
            );
            // The same once more is the same file.
            let again = store(&world, &actor(2), "Tờ khai Nguyễn Văn Thử.pdf", &bytes)
                .await
                .expect("the same");
            assert_eq!(again.id, file.id);
            for path in blob_files(&world.blob_folder()) {
                let stored = std::fs::read(path).expect("readable");
                let needle = CITIZEN.as_bytes();
                assert!(!stored.windows(needle.len()).any(|window| window == needle));
            }
            let opened = world
                .dossiers
                .file_open(&actor(2), file.id)
                .await
                .expect("opened");
            assert_eq!(opened.file.name, "Tờ khai Nguyễn Văn Thử.pdf");
            assert_eq!(whole(opened), bytes);
            assert!(matches!(
                world.dossiers.file_open(&actor(5), file.id).await,
                Err(DossierError::FileUnknown)
            ));
            assert!(matches!(
                world.dossiers.file_open(&operator(), file.id).await,
                Err(DossierError::Forbidden)
            ));
            let looks = world
                .dossiers
                .who_looked(&operator(), CITIZEN)
                .await
                .expect("looks");
            assert_eq!(looks.len(), 1);
            assert_eq!(looks[0].purpose, "file");
            assert!(matches!(
                store(&world, &actor(5), "x.pdf", b"x").await,
                Err(DossierError::Unknown)
            ));
        }
    });
}

#[test]
fn fifty_megabytes_are_taken_and_not_a_byte_more() {
    run(async {
        let world = World::new("dossier_large_file");
        world
            .pushes(0, dossier(0, 1, DossierStatus::Received))
            .await
            .expect("accepted");
        let bytes = vec![7; 50 * 1024 * 1024];
        let file = store(&world, &actor(0), "lớn.bin", &bytes)
            .await
            .expect("stored");
        let opened = world
            .dossiers
            .file_open(&actor(0), file.id)
            .await
            .expect("opened");
        assert_eq!(Sha256::of(&whole(opened)), Sha256::of(&bytes));
        let more = vec![7; 50 * 1024 * 1024 + 1];
        assert!(matches!(
            store(&world, &actor(0), "quá lớn.bin", &more).await,
            Err(DossierError::FileTooLarge)
        ));
    });
}

#[test]
fn links_open_for_their_audience_in_their_time() {
    run(async {
        for db in stores("dossier_link") {
            let world = World::with(db, 17, Planted::NONE);
            world.directory.set(5, Way::Inbox);
            world
                .pushes(0, dossier(0, 1, DossierStatus::Received))
                .await
                .expect("accepted");
            let file = store(&world, &actor(0), "tờ khai.pdf", b"content")
                .await
                .expect("stored");
            let open = async |token: &str, caller: Option<Actor>| {
                let opened = world.dossiers.link_open(token, caller.as_ref()).await;
                opened.map(whole).map_err(|error| error.to_problem().code())
            };
            let bearer = world
                .dossiers
                .link_make(&actor(0), file.id, Audience::Bearer, None)
                .await
                .expect("a link");
            assert!(!bearer.token.contains("khai"));
            assert_eq!(open(&bearer.token, None).await.expect("opened"), b"content");
            let own = world
                .dossiers
                .link_make(&actor(0), file.id, Audience::System(system(5)), None)
                .await
                .expect("a link");
            assert_eq!(
                open(&own.token, Some(actor(5))).await.expect("opened"),
                b"content"
            );
            for other in [None, Some(actor(1)), Some(operator())] {
                assert_eq!(open(&own.token, other).await, Err("dossier.link_audience"));
            }
            let forged = bearer.token.replace(".bearer.", ".nobody.");
            for wrong in ["", "x", "a.b.c.d", forged.as_str()] {
                assert_eq!(open(wrong, None).await, Err("dossier.file_unknown"));
            }
            assert!(matches!(
                world
                    .dossiers
                    .link_make(&actor(5), file.id, Audience::Bearer, None)
                    .await,
                Err(DossierError::FileUnknown)
            ));
            let day = Some(Duration::from_secs(25 * 3600));
            assert!(matches!(
                world
                    .dossiers
                    .link_make(&actor(0), file.id, Audience::Bearer, day)
                    .await,
                Err(DossierError::Invalid(_))
            ));
            world.clock.advance(Duration::from_secs(15 * 60));
            assert_eq!(open(&bearer.token, None).await, Err("dossier.link_expired"));
        }
    });
}
