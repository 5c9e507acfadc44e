//! Showing a dossier without showing the person (R-TTHC-04; personal data).
//!
//! Masking names what may stay and leaves out everything else, so that a field that is added later is hidden until somebody decides
//! otherwise.

use lgsp_wire::dossier::{
    Applicant, Dossier, Identity, OtherPaper, Paper, ProgressStep, ResultPaper, Supplement,
};

/// Characters of a number that stay readable.
const TAIL_CHARS: usize = 4;
/// What stands for what is hidden.
const HIDDEN: &str = "***";

/// A name with the first letter of each word: `N*** V*** A***`.
pub(crate) fn name(text: &str) -> String {
    let words: Vec<String> = text
        .split_whitespace()
        .filter_map(|word| word.chars().next())
        .map(|first| format!("{first}{HIDDEN}"))
        .collect();
    words.join(" ")
}

/// A number with its last four characters; all hidden if it has no more than that twice.
pub(crate) fn number(text: &str) -> String {
    let text = text.trim();
    let count = text.chars().count();
    if count == 0 {
        return String::new();
    }
    if count < 2 * TAIL_CHARS {
        return HIDDEN.to_owned();
    }
    let tail: String = text.chars().skip(count - TAIL_CHARS).collect();
    format!("{HIDDEN}{tail}")
}

fn hidden(text: &str) -> String {
    if text.trim().is_empty() {
        String::new()
    } else {
        HIDDEN.to_owned()
    }
}

/// The dossier with persons masked: names by their initials, numbers by their tails, free texts and addresses of files hidden,
/// unknown fields left out.
pub(crate) fn dossier(whole: &Dossier) -> Dossier {
    let applicant = &whole.applicant;
    Dossier {
        code: whole.code.clone(),
        procedure: whole.procedure.clone(),
        sector: whole.sector.clone(),
        status: whole.status,
        channel: whole.channel,
        receipt_number: number(&whole.receipt_number),
        applicant: Applicant {
            name: name(&applicant.name),
            identities: applicant.identities.iter().map(identity).collect(),
            kind: applicant.kind,
            tech_id: number(&applicant.tech_id),
            email: hidden(&applicant.email),
            fax: number(&applicant.fax),
            phone: number(&applicant.phone),
            other: hidden(&applicant.other),
        },
        summary: hidden(&whole.summary),
        submitted_at: whole.submitted_at,
        received_at: whole.received_at,
        due_at: whole.due_at,
        returned_at: whole.returned_at,
        return_note: hidden(&whole.return_note),
        return_form: whole.return_form,
        finished_at: whole.finished_at,
        rejected_at: whole.rejected_at,
        handling_unit: whole.handling_unit.clone(),
        note: hidden(&whole.note),
        submission_place: whole.submission_place,
        has_digitised_papers: whole.has_digitised_papers,
        is_account_verified: whole.is_account_verified,
        online_payment: whole.online_payment,
        papers: whole.papers.iter().map(paper).collect(),
        fees: whole.fees.iter().map(fee).collect(),
        other_papers: whole.other_papers.iter().map(other_paper).collect(),
        supplements: whole.supplements.iter().map(supplement).collect(),
        results: whole.results.iter().map(result).collect(),
        databases: whole
            .databases
            .iter()
            .map(|one| lgsp_wire::dossier::DatabaseUse {
                code: one.code.clone(),
                extra: Default::default(),
            })
            .collect(),
        extra: Default::default(),
    }
}

/// A step without who did it and what was written.
pub(crate) fn step(whole: &ProgressStep) -> ProgressStep {
    ProgressStep {
        code: whole.code.clone(),
        status: whole.status,
        handler: name(&whole.handler),
        position: whole.position.clone(),
        handled_at: whole.handled_at,
        department: whole.department.clone(),
        content: hidden(&whole.content),
        started_at: whole.started_at,
        due_at: whole.due_at,
        extra: Default::default(),
    }
}

fn identity(whole: &Identity) -> Identity {
    Identity {
        kind: whole.kind,
        number: number(&whole.number),
        extra: Default::default(),
    }
}

fn paper(whole: &Paper) -> Paper {
    Paper {
        file_id: hidden(&whole.file_id),
        file_name: hidden(&whole.file_name),
        is_deleted: whole.is_deleted,
        component_code: whole.component_code.clone(),
        url: hidden(&whole.url),
        is_digitised: whole.is_digitised,
        reuse: whole.reuse.clone(),
        is_from_national_store: whole.is_from_national_store,
        replaced_by: hidden(&whole.replaced_by),
        extra: Default::default(),
    }
}

fn fee(whole: &lgsp_wire::dossier::Fee) -> lgsp_wire::dossier::Fee {
    lgsp_wire::dossier::Fee {
        extra: Default::default(),
        ..whole.clone()
    }
}

fn other_paper(whole: &OtherPaper) -> OtherPaper {
    OtherPaper {
        name: hidden(&whole.name),
        count: whole.count,
        kind: whole.kind.clone(),
        extra: Default::default(),
    }
}

fn supplement(whole: &Supplement) -> Supplement {
    Supplement {
        id: whole.id.clone(),
        asked_by: name(&whole.asked_by),
        content: hidden(&whole.content),
        asked_at: whole.asked_at,
        received_by: name(&whole.received_by),
        note: hidden(&whole.note),
        received_at: whole.received_at,
        state: whole.state.clone(),
        papers: whole.papers.iter().map(other_paper).collect(),
        fees: whole.fees.iter().map(fee).collect(),
        due_before_at: whole.due_before_at,
        due_at: whole.due_at,
        extra: Default::default(),
    }
}

fn result(whole: &ResultPaper) -> ResultPaper {
    ResultPaper {
        id: hidden(&whole.id),
        name: hidden(&whole.name),
        component_code: whole.component_code.clone(),
        url: hidden(&whole.url),
        code: whole.code.clone(),
        extra: Default::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_initials_and_numbers_their_tails() {
        for (text, masked) in [
            ("Nguyễn Văn An", "N*** V*** A***"),
            ("  Phạm  Tú ", "P*** T***"),
            ("Đỗ", "Đ***"),
            ("", ""),
        ] {
            assert_eq!(name(text), masked);
        }
        for (text, masked) in [
            ("001099012345", "***2345"),
            (" 0912345678 ", "***5678"),
            ("1234567", "***"),
            ("123", "***"),
            ("", ""),
        ] {
            assert_eq!(number(text), masked);
        }
    }
}
