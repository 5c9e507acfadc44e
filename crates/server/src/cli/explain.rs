//! `lgsp explain`: what a code means and what to do.

use clap::Args;
use lgsp_base::problem::kinds;
use serde_json::json;

use super::Context;
use crate::exit::{Exit, Failure};
use crate::output::table;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Code such as exchange.conflict; leave out to list all
    code: Option<String>,
}

pub(super) fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, Failure> {
    let (output, lang) = (context.output, context.lang());
    let object = |kind: &lgsp_base::ProblemKind| {
        json!({
            "code": kind.code,
            "status": kind.status,
            "retryable": kind.retryable,
            "title": kind.title(lang),
            "fix": kind.fix(lang),
            "axis_code": kind.axis_code,
            "exit": Exit::of_problem(kind.status, kind.code) as u8,
        })
    };
    let Some(code) = &args.code else {
        let all: Vec<_> = kinds::ALL.iter().map(|kind| object(kind)).collect();
        output.data(&json!({"items": all}), || {
            let rows: Vec<Vec<String>> = kinds::ALL
                .iter()
                .map(|kind| {
                    vec![
                        kind.code.to_owned(),
                        kind.status.to_string(),
                        kind.title(lang).to_owned(),
                    ]
                })
                .collect();
            table(&["CODE", "HTTP", output.say("Ý NGHĨA", "MEANING")], &rows)
        });
        return Ok(Exit::Done);
    };
    let kind = kinds::ALL
        .iter()
        .find(|kind| kind.code == code)
        .ok_or_else(|| {
            Failure::new(
                Exit::NotFound,
                "cli.code",
                format!("{code:?} is not a known code"),
            )
            .fix("lgsp explain")
        })?;
    output.data(&object(kind), || {
        let again = if kind.retryable {
            output.say(
                "Gửi lại nguyên văn sau ít phút có thể thành công.",
                "The same request may succeed later.",
            )
        } else {
            output.say(
                "Gửi lại nguyên văn sẽ vẫn lỗi.",
                "The same request will fail again.",
            )
        };
        format!(
            "{}  (HTTP {}, {} {})\n{}\n{}: {}\n{again}",
            kind.code,
            kind.status,
            output.say("mã trục", "axis code"),
            kind.axis_code,
            kind.title(lang),
            output.say("Cách sửa", "Fix"),
            kind.fix(lang),
        )
    });
    Ok(Exit::Done)
}
