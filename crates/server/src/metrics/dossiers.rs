//! Dossiers on the page of numbers.

use super::{Page, Sources};

impl Sources {
    pub(super) async fn render_dossiers(&self, page: &mut Page) {
        let counted = self.dossiers.counters().read();
        for (name, help, value) in [
            (
                "lgsp_dossiers_created_total",
                "New dossiers",
                counted.created,
            ),
            (
                "lgsp_dossiers_updated_total",
                "Pushes of a dossier that was known",
                counted.updated,
            ),
            (
                "lgsp_dossiers_progressed_total",
                "Pushes of steps",
                counted.progressed,
            ),
            (
                "lgsp_dossiers_replayed_total",
                "States sent again to one party",
                counted.replayed,
            ),
            (
                "lgsp_dossiers_repeated_total",
                "Pushes answered with an earlier acceptance",
                counted.repeated,
            ),
            (
                "lgsp_dossiers_refused_total",
                "Pushes refused",
                counted.refused,
            ),
            (
                "lgsp_dossiers_viewed_total",
                "Looks at a dossier",
                counted.viewed,
            ),
            (
                "lgsp_dossiers_public_lookups_total",
                "Public look-ups answered",
                counted.looked_up,
            ),
            (
                "lgsp_dossiers_public_lookups_failed_total",
                "Public look-ups with an unknown code or a wrong check",
                counted.look_ups_failed,
            ),
            (
                "lgsp_dossiers_erased_total",
                "Dossiers erased",
                counted.erased,
            ),
            (
                "lgsp_dossiers_keys_wrapped_total",
                "Data keys wrapped under a new key",
                counted.rewrapped,
            ),
            ("lgsp_dossiers_files_total", "Files stored", counted.files),
            (
                "lgsp_dossiers_routes_broken_total",
                "Times that a route led to nobody",
                counted.routes_broken,
            ),
        ] {
            page.one(name, "counter", help, value);
        }
        match self.dossiers.key_state().await {
            Ok(state) => {
                page.one(
                    "lgsp_dossiers_key_number",
                    "gauge",
                    "Number of the current key of the dossiers",
                    u64::from(state.current),
                );
                page.one(
                    "lgsp_dossiers_keys_to_wrap",
                    "gauge",
                    "Data keys still wrapped under an older key",
                    state.older,
                );
            }
            Err(error) => tracing::warn!(%error, "the keys of dossiers could not be counted"),
        }
    }
}
