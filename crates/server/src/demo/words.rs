//! What the demonstration says, in Vietnamese first.

use std::io::IsTerminal as _;
use std::path::Path;

use lgsp_base::{Lang, vi};
use lgsp_sim::province::News;

use super::folder::DemoFile;
use super::{DemoOptions, DemoReport};

/// Characters for the names of agencies that are down.
const DOWN_CHARS_MAX: usize = 60;

/// Prints in one language; with JSON only the result.
#[derive(Debug)]
pub(super) struct Words {
    lang: Lang,
    is_json: bool,
    is_watched: bool,
}

impl Words {
    pub(super) fn new(options: &DemoOptions) -> Self {
        Self {
            lang: options.lang,
            is_json: options.json,
            is_watched: std::io::stderr().is_terminal(),
        }
    }

    fn say(&self, vi: &str, en: &str) {
        if !self.is_json {
            let text = match self.lang {
                Lang::Vi => vi,
                Lang::En => en,
            };
            write(std::io::stderr().lock(), &format!("{text}\n"));
        }
    }

    pub(super) fn folder(&self, data: &Path, is_new: bool) {
        let (version, data) = (env!("CARGO_PKG_VERSION"), data.display());
        self.say(
            &format!(
                "lgsp {version} · dữ liệu thử: {data} (xóa thư mục này là xóa hết) · KHÔNG dùng cho vận hành\n"
            ),
            &format!(
                "lgsp {version} · demo data: {data} (delete this folder to delete everything) · NOT for production\n"
            ),
        );
        if is_new {
            self.say(
                "  ✔ Khởi tạo khóa và cơ sở dữ liệu",
                "  ✔ Keys and database created",
            );
        } else {
            self.say(
                "  ✔ Dùng lại dữ liệu thử đã có",
                "  ✔ Existing demo data opened",
            );
        }
    }

    pub(super) fn ready(&self, url: &str, ready_ms: u64) {
        self.say(
            &format!("  ✔ Sẵn sàng tại {url} sau {ready_ms} ms"),
            &format!("  ✔ Ready at {url} after {ready_ms} ms"),
        );
    }

    pub(super) fn province(&self, agencies: usize) {
        self.say(
            &format!("  ✔ Tỉnh mẫu \"Bình An\" (hư cấu): {agencies} đơn vị, mỗi đơn vị một hệ thống giả lập"),
            &format!("  ✔ Sample province \"Bình An\" (fictional): {agencies} agencies, each with a simulated system"),
        );
    }

    /// The result on standard output: one object, or the same in words.
    pub(super) fn result(&self, report: &DemoReport, file: &DemoFile) {
        if self.is_json {
            let line = serde_json::to_string(report).unwrap_or_default();
            write(std::io::stdout().lock(), &format!("{line}\n"));
            return;
        }
        let first = report.first_delivery_ms.unwrap_or_default();
        let counts = &report.documents;
        self.say(
            &format!(
                "  ✔ Văn bản đầu tiên đến nơi sau {first} ms\n  ✔ Kịch bản: {} lượt gửi, {} đã nhận, {} đã xác nhận, {} trùng lặp, {} trạng thái về nơi gửi ({} ms)",
                counts.submitted, counts.delivered, counts.acknowledged, report.duplicates, report.statuses, report.scenario_ms
            ),
            &format!(
                "  ✔ First document delivered after {first} ms\n  ✔ Scenario: {} deliveries submitted, {} delivered, {} acknowledged, {} duplicates, {} statuses back at senders ({} ms)",
                counts.submitted, counts.delivered, counts.acknowledged, report.duplicates, report.statuses, report.scenario_ms
            ),
        );
        let dossiers = &report.dossiers;
        self.say(
            &format!(
                "  ✔ Hồ sơ một cửa: {} đã nộp, {} đã chuyển đủ và trả kết quả, {} đã đồng bộ lên Cổng DVCQG mô phỏng",
                dossiers.submitted, dossiers.delivered, dossiers.synchronised
            ),
            &format!(
                "  ✔ Dossiers of the one-stop shop: {} handed in, {} delivered and returned, {} synchronised with the simulated national portal",
                dossiers.submitted, dossiers.delivered, dossiers.synchronised
            ),
        );
        for problem in &report.problems {
            self.say(
                &format!("  ✘ Sai lệch: {problem}"),
                &format!("  ✘ Broken promise: {problem}"),
            );
        }
        let (url, document) = (&file.url, &file.first_document_id);
        let token = file
            .agencies
            .first()
            .map_or("", |agency| agency.token.expose());
        let admin = file.admin_token.expose();
        let text = match self.lang {
            Lang::Vi => format!(
                "\n  Truy vết văn bản:\n    lgsp trace {document} --server {url} --token {admin}\n  \
                 Hộp thư của một đơn vị:\n    lgsp inbox --server {url} --token {token}\n  \
                 Mô tả API: {url}/api/openapi.json\n  Mọi khóa của bản thử nằm trong demo.json của thư mục dữ liệu.\n"
            ),
            Lang::En => format!(
                "\n  Trace a document:\n    lgsp --lang en trace {document} --server {url} --token {admin}\n  \
                 Inbox of an agency:\n    lgsp --lang en inbox --server {url} --token {token}\n  \
                 API description: {url}/api/openapi.json\n  All demo credentials stand in demo.json in the data folder.\n"
            ),
        };
        write(std::io::stdout().lock(), &format!("{text}\n"));
    }

    /// What to try while the working day goes on.
    pub(super) fn day(&self, file: &DemoFile, broken: Option<&str>) {
        if self.is_json {
            return;
        }
        let (url, document) = (&file.url, &file.first_document_id);
        let dossier = &file.first_dossier_id;
        let sender = file.agencies.get(1);
        let (code, token) = sender.map_or(("", ""), |agency| {
            (agency.code.as_str(), agency.token.expose())
        });
        let broken_code = super::BROKEN_AGENCY;
        let broken = broken.unwrap_or(broken_code);
        let console = if file.console_url.is_empty() {
            String::new()
        } else {
            match self.lang {
                Lang::Vi => format!(
                    "\n  Bảng điều khiển   {}   (liên kết đăng nhập dùng một lần, 15 phút)\n",
                    file.console_url
                ),
                Lang::En => format!(
                    "\n  Console   {}   (a link that signs in once, for 15 minutes)\n",
                    file.console_url
                ),
            }
        };
        let text = match self.lang {
            Lang::Vi => format!(
                "{console}\n  Đang mô phỏng ngày làm việc ×60. Bốn việc thử ngay:\n    \
                 1. Xem hành trình một văn bản: {url}/truy-vet/{document}\n    \
                 2. Sửa sự cố của {broken}: {url}/hang-doi-loi (sau khoảng một phút)\n         \
                 lgsp sim restore {broken_code}    rồi gửi lại các văn bản chưa đến\n    \
                 3. Gửi văn bản của bạn, đơn vị kiểm thử tiếp nhận ngay:\n         \
                 lgsp send bao-cao.pdf --tu {code} --den H99.TEST.OK --server {url} --token {token}\n    \
                 4. Xem hồ sơ của một xã lên sở, lên Cổng DVCQG và kết quả trở về: {url}/ho-so/{dossier}\n  \
                 Làm hỏng một đơn vị: lgsp sim fail \"Sở Nội vụ\" · Dừng: Ctrl+C"
            ),
            Lang::En => format!(
                "{console}\n  A working day is simulated ×60. Four things to try:\n    \
                 1. See the journey of a document: {url}/truy-vet/{document}\n    \
                 2. Repair {broken}: {url}/hang-doi-loi (after about a minute)\n         \
                 lgsp --lang en sim restore {broken_code}    then resend what did not arrive\n    \
                 3. Send your own; a test unit takes it at once:\n         \
                 lgsp --lang en send report.pdf --from {code} --to H99.TEST.OK --server {url} --token {token}\n    \
                 4. See a commune's dossier rise to a department and the national portal, and its result come back: {url}/ho-so/{dossier}\n  \
                 Break an agency: lgsp sim fail \"Sở Nội vụ\" · Stop: Ctrl+C"
            ),
        };
        write(std::io::stdout().lock(), &format!("{text}\n\n"));
    }

    /// One line that is written over while somebody watches.
    pub(super) fn news(&self, news: &News, dossiers: u64) {
        if self.is_json || !self.is_watched {
            return;
        }
        let down = news.down.join(", ");
        let down = vi::truncate_middle(&down, DOWN_CHARS_MAX);
        let count = |value| vi::integer(i64::try_from(value).unwrap_or(i64::MAX), self.lang);
        let (letters, statuses) = (count(news.letters), count(news.statuses));
        let dossiers = count(dossiers);
        let (acknowledged, submitted) = (count(news.acknowledged), count(news.submitted));
        let line = match self.lang {
            Lang::Vi => format!(
                "  Ngày làm việc ×60 · {} · {letters} văn bản · {acknowledged}/{submitted} lượt đã xác nhận · {statuses} trạng thái · {dossiers} hồ sơ{}",
                news.time_of_day,
                if down.is_empty() {
                    String::new()
                } else {
                    format!(" · MẤT KẾT NỐI: {down}")
                }
            ),
            Lang::En => format!(
                "  Working day ×60 · {} · {letters} documents · {acknowledged}/{submitted} deliveries confirmed · {statuses} statuses · {dossiers} dossiers{}",
                news.time_of_day,
                if down.is_empty() {
                    String::new()
                } else {
                    format!(" · DOWN: {down}")
                }
            ),
        };
        // Carriage return and "erase to the end of the line".
        write(std::io::stderr().lock(), &format!("\r{line}\x1b[K"));
    }

    pub(super) fn goodbye(&self) {
        self.say(
            "\n  Đã dừng. Chạy lại lệnh này để tiếp tục.",
            "\n  Stopped. Run the same command to go on.",
        );
    }
}

/// Writes what can be written: a closed pipe is no error.
fn write(mut stream: impl std::io::Write, text: &str) {
    let _written = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush());
}
