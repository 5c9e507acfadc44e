//! Everything that is compiled in: templates and texts. A page has one line here, and one in [`crate::gallery`].

/// Lists the files of the names: a template each, and texts in both languages each.
macro_rules! files {
    (templates: [$($template:literal,)*], texts: [$($text:literal,)*]) => {
        /// File name and source of every template.
        pub(crate) const TEMPLATES: &[(&str, &str)] = &[$(
            (concat!($template, ".html"), include_str!(concat!("../templates/", $template, ".html"))),
        )*];
        /// The Vietnamese texts, a file each.
        pub(crate) const VI: &[(&str, &str)] = &[$(
            (concat!("vi/", $text, ".json"), include_str!(concat!("../i18n/vi/", $text, ".json"))),
        )*];
        /// The English texts, a file each.
        pub(crate) const EN: &[(&str, &str)] = &[$(
            (concat!("en/", $text, ".json"), include_str!(concat!("../i18n/en/", $text, ".json"))),
        )*];
    };
}

files! {
    templates: [
        "layout",
        "ui",
        "error",
        "login",
        "account",
        "overview",
        "documents",
        "trace",
        "dossiers",
        "dossier_parts",
        "dossier",
        "dossier_ageing",
        "portal",
        "reconciliation",
        "procedures",
        "look_up",
        "dead_letters",
        "resend",
        "resend_job",
        "ledger",
        "ledger_entry",
        "organisations",
        "organisation",
        "systems",
        "system",
        "system_add",
        "confirm",
        "credential",
        "search",
    ],
    texts: [
        "shell",
        "error",
        "login",
        "account",
        "overview",
        "documents",
        "trace",
        "dossiers",
        "dossier",
        "ageing",
        "portal",
        "procedures",
        "look_up",
        "dead_letters",
        "ledger",
        "organisations",
        "systems",
        "search",
    ]
}
