//! A dossier as the national side may see it: with national codes, and with files at addresses that open there.

use lgsp_base::id::DocumentId;
use lgsp_wire::dossier::Dossier;

use crate::connector::{Casework, CaseworkError};

/// Puts national codes and our short-lived links into a dossier. A file that is not ours to give keeps its address.
pub(crate) async fn prepare(
    casework: &dyn Casework,
    document: DocumentId,
    mut dossier: Dossier,
) -> Result<Dossier, CaseworkError> {
    // What is for a ministry alone says more of a person than the portal needs.
    for name in crate::ministries::FORM_FIELDS {
        dossier.extra.remove(*name);
    }
    dossier.procedure.code = casework
        .national_code(document, &dossier.procedure.code)
        .await?;
    let urls: Vec<String> = addresses(&mut dossier).map(|url| url.clone()).collect();
    if urls.is_empty() {
        return Ok(dossier);
    }
    let links = casework.links(&urls).await?;
    for (url, link) in addresses(&mut dossier).zip(links) {
        if let Some(link) = link {
            *url = link;
        }
    }
    Ok(dossier)
}

/// Where the files of a dossier stand, in a fixed order.
fn addresses(dossier: &mut Dossier) -> impl Iterator<Item = &mut String> {
    let papers = dossier.papers.iter_mut().map(|paper| &mut paper.url);
    let results = dossier.results.iter_mut().map(|result| &mut result.url);
    papers.chain(results).filter(|url| !url.is_empty())
}
