//! Procedures, catalogues, portals, reconciliations, connectors.

use lgsp_base::id::{DeliveryId, JobId, SystemId};
use lgsp_store::dossier::{
    CatalogueEntry, Dossier, DossierPlace, Finding, PartyRole, PortalWalk, Procedure,
    ProcedureFilter, ProcedureMapping, Reconciliation, ReconciliationItem, ReconciliationState,
};
use lgsp_store::testing::for_each_engine;
use lgsp_wire::dossier::DossierStatus;

use crate::dossier_world::{at, document_id, dossier, dossier_id, insert, org, write};

fn procedure(code: &str, agency: &str, name: &str) -> Procedure {
    Procedure {
        code: code.to_owned(),
        agency: agency.to_owned(),
        name: name.to_owned(),
        field_code: "G03-GD10".to_owned(),
        field_name: "Hộ tịch".to_owned(),
        level: "4".to_owned(),
        record: "{}".to_owned(),
        synced_at: at(1),
        version: 1,
    }
}

#[test]
fn procedures_are_found_by_code_agency_field_and_words_without_marks() {
    for_each_engine("procedures", |test| {
        write(test.db(), |tx| {
            let birth = procedure("1.001193", "", "Đăng ký khai sinh");
            let own = procedure("1.001193", "H99", "Đăng ký khai sinh tại tỉnh");
            let paper = procedure("2.000488", "", "Cấp phiếu lý lịch tư pháp");
            for new in [&birth, &own, &paper] {
                assert_eq!(tx.procedure_put(new)?, 1);
            }
            let newer = Procedure {
                record: "{\"a\":1}".to_owned(),
                synced_at: at(2),
                version: 2,
                ..paper.clone()
            };
            assert_eq!(tx.procedure_put(&paper)?, 1, "nothing new");
            assert_eq!(tx.procedure_put(&newer)?, 2);
            assert_eq!(tx.procedure_lookup("2.000488", "H99")?, Some(newer.clone()));
            assert_eq!(tx.procedure_lookup("1.001193", "H99")?, Some(own.clone()));
            assert_eq!(tx.procedure_lookup("1.001193", "H01")?, Some(birth.clone()));
            assert_eq!(tx.procedure_lookup("9", "")?, None);
            assert_eq!(tx.procedure_count()?, (3, Some(at(2))));
            let mut filter = ProcedureFilter {
                limit: 2,
                ..ProcedureFilter::default()
            };
            assert_eq!(tx.procedure_list(&filter)?, [birth.clone(), own.clone()]);
            filter.after = Some((own.code.clone(), own.agency.clone()));
            assert_eq!(tx.procedure_list(&filter)?, std::slice::from_ref(&newer));
            filter.after = None;
            filter.text = Some("KHAI SINH TAI".to_owned());
            assert_eq!(tx.procedure_list(&filter)?, [own]);
            filter.text = Some("2.0004".to_owned());
            filter.field = Some("G03-GD10".to_owned());
            assert_eq!(tx.procedure_list(&filter)?, [newer]);
            filter.text = Some("khai tu".to_owned());
            assert_eq!(tx.procedure_list(&filter)?, []);
            filter.text = None;
            filter.field = Some("G01".to_owned());
            assert_eq!(tx.procedure_list(&filter)?, []);
            Ok(())
        });
    });
}

#[test]
fn a_local_code_means_what_its_organisation_says_and_else_what_all_say() {
    for_each_engine("mappings", |test| {
        write(test.db(), |tx| {
            let mapping = |org, national: &str| ProcedureMapping {
                local_code: "TT01".to_owned(),
                org,
                national_code: national.to_owned(),
                mapped_at: at(1),
                mapped_by: "me".to_owned(),
            };
            let (all, own) = (mapping(None, "1.1"), mapping(Some(org(4)), "2.2"));
            tx.procedure_mapping_put(&mapping(None, "0.0"))?;
            tx.procedure_mapping_put(&all)?;
            tx.procedure_mapping_put(&own)?;
            let lookup = tx.procedure_mapping_lookup("TT01", org(4))?;
            assert_eq!(lookup, Some(own.clone()));
            let lookup = tx.procedure_mapping_lookup("TT01", org(5))?;
            assert_eq!(lookup, Some(all.clone()));
            assert_eq!(tx.procedure_mapping_lookup("TT02", org(5))?, None);
            assert_eq!(tx.procedure_mappings(None, 9)?, [all, own.clone()]);
            assert_eq!(tx.procedure_mappings(Some(("TT01", None)), 9)?, [own]);
            assert!(tx.procedure_mapping_remove("TT01", None)?);
            assert!(!tx.procedure_mapping_remove("TT01", None)?);
            assert_eq!(tx.procedure_mappings(None, 9)?.len(), 1);
            Ok(())
        });
    });
}

#[test]
fn a_catalogue_is_replaced_whole() {
    for_each_engine("catalogues", |test| {
        write(test.db(), |tx| {
            let entry = |code: &str| CatalogueEntry {
                code: code.to_owned(),
                label: format!("label {code}"),
                extra: (code == "2").then(|| "{}".to_owned()),
            };
            tx.catalogue_replace("gender", &[entry("0"), entry("9")], at(1))?;
            tx.catalogue_replace("gender", &[entry("1"), entry("2"), entry("1")], at(2))?;
            tx.catalogue_replace("nation", &[entry("VN")], at(3))?;
            let entries = tx.catalogue_entries("gender", None, 9)?;
            assert_eq!(entries, [entry("1"), entry("2")]);
            let entries = tx.catalogue_entries("gender", Some("1"), 9)?;
            assert_eq!(entries, [entry("2")]);
            assert_eq!(
                tx.catalogue_label("gender", "2")?.as_deref(),
                Some("label 2")
            );
            assert_eq!(tx.catalogue_label("gender", "9")?, None);
            let list = [
                ("gender".to_owned(), 2, at(2)),
                ("nation".to_owned(), 1, at(3)),
            ];
            assert_eq!(tx.catalogue_list()?, list);
            Ok(())
        });
    });
}

#[test]
fn what_a_portal_has_only_moves_forward() {
    for_each_engine("portal-items", |test| {
        write(test.db(), |tx| {
            let (portal, id) = (org(50), dossier_id(1));
            assert_eq!(tx.portal_item(portal, id)?, None);
            tx.portal_item_sent(portal, id, 2, at(2))?;
            tx.portal_item_sent(portal, id, 1, at(3))?;
            tx.portal_item_accepted(portal, id, 2, at(4))?;
            tx.portal_item_accepted(portal, id, 1, at(5))?;
            let item = tx.portal_item(portal, id)?.expect("there");
            assert_eq!((item.sent_version, item.sent_at), (2, at(2)));
            assert_eq!((item.accepted_version, item.accepted_at), (2, Some(at(4))));
            let (status, drift) = (Some(DossierStatus::Received), Some(Finding::Drift));
            tx.portal_item_checked(portal, id, status, drift, at(6))?;
            tx.portal_item_checked(portal, dossier_id(2), None, Some(Finding::Missing), at(6))?;
            let item = tx.portal_item(portal, id)?.expect("there");
            assert_eq!((item.remote_status, item.finding), (status, drift));
            assert_eq!((item.sent_version, item.checked_at), (2, Some(at(6))));
            let asked = tx.portal_item(portal, dossier_id(2))?.expect("there");
            assert_eq!((asked.sent_version, asked.accepted_version), (0, 0));
            let counts = tx.portal_finding_counts(portal)?;
            assert_eq!(counts, [(Finding::Drift, 1), (Finding::Missing, 1)]);
            let found = tx.portal_findings(portal, Finding::Missing, None, 9)?;
            assert_eq!(found, [asked]);
            let after = Some(dossier_id(2));
            assert!(
                tx.portal_findings(portal, Finding::Missing, after, 9)?
                    .is_empty()
            );
            tx.portal_item_checked(portal, id, status, None, at(7))?;
            assert!(
                tx.portal_findings(portal, Finding::Drift, None, 9)?
                    .is_empty()
            );
            Ok(())
        });
    });
}

#[test]
fn a_walk_for_a_portal_also_meets_what_was_never_sent() {
    for_each_engine("portal-walk", |test| {
        write(test.db(), |tx| {
            let portal = org(50);
            for number in 1..=6 {
                let new = dossier(number);
                insert(tx, &new)?;
                if number != 4 {
                    tx.dossier_party_put(&new, portal, PartyRole::Follower, at(1))?;
                }
            }
            tx.portal_item_sent(portal, dossier_id(2), 1, at(2))?;
            tx.portal_item_sent(org(51), dossier_id(3), 1, at(2))?;
            tx.dossier_erase(dossier_id(5), "me", "retention_ended", None, at(9))?;
            let mut walk = PortalWalk {
                portal,
                from: at(2),
                to: at(7),
                after: None,
                limit: 2,
            };
            let rows = tx.portal_walk(&walk)?;
            let ids: Vec<_> = rows.iter().map(|row| row.place.id).collect();
            assert_eq!(ids, [dossier_id(2), dossier_id(3)]);
            assert_eq!(rows[0].item.as_ref().map(|item| item.sent_version), Some(1));
            assert_eq!(rows[1].item, None, "never sent there");
            assert_eq!(rows[1].code, dossier(3).code);
            assert_eq!(rows[1].last_document, document_id(3));
            assert_eq!(
                (rows[1].version, rows[1].status),
                (1, DossierStatus::Received)
            );
            walk.after = Some(rows[1].place);
            let rows = tx.portal_walk(&walk)?;
            let ids: Vec<_> = rows.iter().map(|row| row.place.id).collect();
            assert_eq!(ids, [dossier_id(6)], "no party of 4, and 5 is erased");
            let moved = Dossier {
                version: 2,
                updated_at: at(8),
                ..dossier(6)
            };
            assert!(tx.dossier_update(&moved)?);
            assert!(tx.portal_walk(&walk)?.is_empty(), "on its way again");
            Ok(())
        });
    });
}

#[test]
fn a_day_has_one_reconciliation_which_goes_on_where_it_stopped() {
    for_each_engine("reconciliations", |test| {
        write(test.db(), |tx| {
            let place = |number| DossierPlace {
                at: at(number),
                id: dossier_id(number.unsigned_abs().into()),
            };
            let first = Reconciliation {
                id: JobId::from_bits(1),
                portal: org(50),
                day: 20_000,
                state: ReconciliationState::Running,
                started_at: at(1),
                finished_at: None,
                place: place(0),
                checked: 0,
                missing: 0,
                duplicate: 0,
                drift: 0,
                replayed: 0,
                problem: None,
            };
            assert!(tx.reconciliation_insert(&first)?);
            let again = Reconciliation {
                id: JobId::from_bits(2),
                ..first.clone()
            };
            assert!(!tx.reconciliation_insert(&again)?);
            assert!(tx.reconciliation_update(&again).is_err());
            Ok(())
        });
        // A statement that found nothing loses no transaction, but one that must find something ends in an error.
        write(test.db(), |tx| {
            let (id, portal) = (JobId::from_bits(1), org(50));
            let mut now = tx.reconciliation_lookup(id)?.expect("there");
            now.state = ReconciliationState::Done;
            now.finished_at = Some(at(9));
            now.place.at = at(5);
            (now.checked, now.missing, now.duplicate) = (10, 2, 1);
            (now.drift, now.replayed) = (1, 3);
            now.problem = Some("x".to_owned());
            tx.reconciliation_update(&now)?;
            let next = Reconciliation {
                id: JobId::from_bits(3),
                day: 20_001,
                ..now.clone()
            };
            assert!(tx.reconciliation_insert(&next)?);
            let list = tx.reconciliation_list(portal, None, 9)?;
            assert_eq!(list, [next, now.clone()]);
            assert_eq!(tx.reconciliation_list(portal, Some(20_001), 9)?, [now]);

            let item = |number, finding| ReconciliationItem {
                dossier: dossier_id(number),
                finding,
                ours: "4".to_owned(),
                theirs: String::new(),
                replayed_as: None,
                problem: None,
                at: at(2),
            };
            let missing = item(1, Finding::Missing);
            let (drift, double) = (item(2, Finding::Drift), item(2, Finding::Duplicate));
            for new in [&missing, &drift, &double] {
                assert!(tx.reconciliation_item_insert(id, new)?);
                assert!(!tx.reconciliation_item_insert(id, new)?);
            }
            let replay = DeliveryId::from_bits(7);
            let (one, kind) = (dossier_id(1), Finding::Missing);
            assert!(tx.reconciliation_item_replayed(id, one, kind, Err("down"), at(3))?);
            assert!(tx.reconciliation_item_replayed(id, one, kind, Ok(replay), at(4))?);
            assert!(!tx.reconciliation_item_replayed(id, one, kind, Ok(replay), at(5))?);
            let items = tx.reconciliation_items(id, None, 9)?;
            assert_eq!((items[0].replayed_as, items[0].at), (Some(replay), at(4)));
            assert_eq!(items[0].problem, None);
            assert_eq!(items[1..], [drift.clone(), double.clone()]);
            let after = Some((dossier_id(2), Finding::Drift));
            assert_eq!(tx.reconciliation_items(id, after, 9)?, [double]);
            Ok(())
        });
    });
}

#[test]
fn a_connector_counts_what_went_well_and_what_did_not() {
    for_each_engine("connectors", |test| {
        write(test.db(), |tx| {
            let system = SystemId::from_bits(1);
            tx.connector_note_error(system, "login", "http_503", at(1))?;
            tx.connector_note_error(system, "login", "html", at(2))?;
            tx.connector_note_ok(system, "login", at(3))?;
            tx.connector_note_ok(SystemId::from_bits(2), "login", at(4))?;
            let health = tx.connector_health(Some(system), 9)?;
            assert_eq!(health.len(), 1);
            assert_eq!((health[0].ok, health[0].failed), (1, 2));
            assert_eq!(health[0].failed_in_a_row, 0);
            assert_eq!(health[0].last_error.as_deref(), Some("html"));
            assert_eq!(health[0].last_error_at, Some(at(2)));
            assert_eq!(health[0].last_ok_at, Some(at(3)));
            tx.connector_note_error(system, "login", "html", at(5))?;
            let health = tx.connector_health(None, 9)?;
            assert_eq!((health.len(), health[0].failed_in_a_row), (2, 1));
            Ok(())
        });
    });
}
