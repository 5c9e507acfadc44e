//! `getAgenciesList`.

use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lgsp_wire::axis_rest::OrgItem;

use super::answer;
use crate::axis::AxisState;
use crate::axis::agencies::batches;

/// Every active organisation, written while it is sent.
pub(super) fn list(state: &AxisState) -> Response {
    let snapshot = state.registry.snapshot();
    let items = batches(state, move |org, now| {
        let period = org.period_at(now)?;
        let parent = period.parent.and_then(|id| snapshot.organisation(id));
        Some(OrgItem {
            org_code: org.code_near(now).to_owned(),
            org_name: period.name.clone(),
            parent_code: parent.map_or_else(String::new, |org| org.code_near(now).to_owned()),
            ..OrgItem::default()
        })
    });
    let edge = |text: &'static str| stream::iter([Bytes::from_static(text.as_bytes())]);
    let pieces = edge("[")
        .chain(stream::iter(items.map(Bytes::from)))
        .chain(edge("]"));
    answer::streamed(pieces.map(Ok))
}
