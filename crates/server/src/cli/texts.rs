//! The Vietnamese texts of the command line; English ones stand at the grammar itself.

use clap::Command;
use lgsp_base::Lang;

/// By path: `org import` for a command, `org import:file` for an argument, `:server` for a flag of all commands.
const VI: &[(&str, &str)] = &[
    ("", "Vận hành và sử dụng nền tảng trao đổi văn bản điện tử"),
    (":lang", "Chọn ngôn ngữ hiển thị"),
    (":output", "Chọn dạng dữ liệu ra"),
    (":server", "Địa chỉ máy chủ"),
    (":token", "Khóa API"),
    (":ca", "Tin các chứng thư trong tệp PEM này"),
    (":timeout", "Chờ trả lời tối đa bấy nhiêu giây"),
    ("demo", "Dựng một tỉnh mẫu với các đơn vị mô phỏng"),
    ("demo:data", "Thư mục của bản minh họa"),
    ("demo:listen", "Địa chỉ và cổng lắng nghe"),
    ("demo:once", "Chạy kịch bản một lần, kiểm tra rồi kết thúc"),
    ("init", "Tạo thư mục dữ liệu cho một bản cài đặt"),
    ("init:data", "Thư mục dữ liệu"),
    ("init:org", "Mã định danh của cơ quan chủ quản"),
    ("init:name", "Tên cơ quan chủ quản"),
    (
        "init:database",
        "Dùng PostgreSQL tại địa chỉ này thay cho SQLite",
    ),
    ("serve", "Chạy nền tảng"),
    ("serve:data", "Thư mục dữ liệu"),
    ("serve:listen", "Địa chỉ và cổng lắng nghe"),
    (
        "serve:admin_listen",
        "Địa chỉ và cổng của trang quản trị (/metrics)",
    ),
    (
        "serve:database",
        "Dùng PostgreSQL tại địa chỉ này thay cho SQLite",
    ),
    (
        "serve:allow_outbound",
        "Cho phép gọi ra HOST:PORT này; dùng được nhiều lần",
    ),
    ("org", "Quản lý đơn vị"),
    ("org import", "Nạp đơn vị hoặc biến động đơn vị từ tệp CSV"),
    ("org import:file", "Tệp CSV"),
    (
        "org import:effective",
        "Ngày bắt đầu hiệu lực; mặc định là từ trước đến nay",
    ),
    ("org import:dry_run", "Chỉ kiểm tra, không ghi"),
    ("org import:progress", "Chọn cách hiện tiến độ"),
    ("org list", "Liệt kê đơn vị"),
    ("org list:query", "Tìm theo tên hoặc mã, không cần dấu"),
    ("org list:at", "Tại thời điểm này"),
    ("org list:all", "Lấy mọi trang"),
    ("org resolve", "Tra mã đơn vị tại một thời điểm"),
    ("org resolve:code", "Mã đơn vị"),
    ("org resolve:at", "Tại thời điểm này; mặc định là bây giờ"),
    (
        "sim",
        "Làm hỏng và khôi phục đơn vị của bản minh họa đang chạy",
    ),
    ("sim fail", "Làm hỏng một đơn vị: không gửi, không nhận"),
    ("sim fail:org", "Mã, tên viết tắt hoặc một phần tên đơn vị"),
    (
        "sim fail:how",
        "Cách làm hỏng; đơn vị thì chỉ có thể ngừng hẳn (down)",
    ),
    ("sim fail:data", "Thư mục của bản minh họa"),
    (
        "sim fail:url",
        "Địa chỉ cổng điều khiển thay cho thư mục; khóa của nó là --token",
    ),
    ("sim slow", "Làm một đơn vị trả lời chậm"),
    ("sim slow:org", "Mã, tên viết tắt hoặc một phần tên đơn vị"),
    ("sim slow:seconds", "Số giây chờ trước mỗi việc"),
    ("sim slow:data", "Thư mục của bản minh họa"),
    (
        "sim slow:url",
        "Địa chỉ cổng điều khiển thay cho thư mục; khóa của nó là --token",
    ),
    (
        "sim restore",
        "Cho một đơn vị hoạt động bình thường trở lại",
    ),
    (
        "sim restore:org",
        "Mã, tên viết tắt hoặc một phần tên đơn vị",
    ),
    ("sim restore:data", "Thư mục của bản minh họa"),
    (
        "sim restore:url",
        "Địa chỉ cổng điều khiển thay cho thư mục; khóa của nó là --token",
    ),
    ("sim status", "Liệt kê các đơn vị mô phỏng và tình trạng"),
    ("sim status:data", "Thư mục của bản minh họa"),
    (
        "sim status:url",
        "Địa chỉ cổng điều khiển thay cho thư mục; khóa của nó là --token",
    ),
    ("system", "Quản lý hệ thống kết nối"),
    ("system add", "Thêm hệ thống và cấp khóa, chỉ hiện một lần"),
    ("system add:org", "Mã đơn vị chủ quản"),
    ("system add:name", "Tên hệ thống"),
    ("system add:protocol", "Giao thức kết nối"),
    (
        "system add:url",
        "Địa chỉ để gọi hệ thống; cho ba giao thức sau cùng",
    ),
    ("system add:user", "Tên đăng nhập vào hệ thống đó"),
    (
        "system add:password_file",
        "Tệp chứa mật khẩu hoặc khóa để đăng nhập",
    ),
    ("system add:unit_code", "Mã của tỉnh (đơn vị) ở hệ thống đó"),
    (
        "system add:login_path",
        "Đường dẫn đăng nhập, tính từ địa chỉ",
    ),
    (
        "system add:service_path",
        "Đường dẫn các dịch vụ, tính từ địa chỉ",
    ),
    (
        "system add:destination",
        "Mã đầu xa phía sau trục kết nối (dstcode)",
    ),
    ("system list", "Liệt kê hệ thống"),
    ("doc", "Trao đổi văn bản"),
    ("doc send", "Gửi văn bản"),
    ("doc inbox", "Liệt kê văn bản đang chờ hệ thống này"),
    ("doc trace", "Theo dõi văn bản đến từng nơi nhận"),
    ("dossier", "Trao đổi hồ sơ một cửa"),
    (
        "dossier push",
        "Gửi hồ sơ từ tệp JSON: một hoặc nhiều hồ sơ, theo dạng của nền tảng hoặc của Cổng DVCQG",
    ),
    ("dossier push:file", "Tệp JSON"),
    ("dossier push:agency", "Mã đơn vị đứng tên gửi"),
    ("dossier push:to", "Mã nơi nhận thêm; dùng được nhiều lần"),
    ("dossier push:mode", "Hồ sơ được phép là mới hay không"),
    (
        "dossier push:key",
        "Khóa chống trùng; mặc định tính từ nội dung tệp",
    ),
    ("dossier list", "Liệt kê hồ sơ"),
    ("dossier list:org", "Của đơn vị này: id hoặc mã"),
    ("dossier list:procedure", "Của thủ tục này"),
    (
        "dossier list:status",
        "Ở trạng thái này, 1 đến 10; dùng được nhiều lần",
    ),
    (
        "dossier list:clock",
        "Có tình trạng thời hạn này, ví dụ overdue; dùng được nhiều lần",
    ),
    ("dossier list:code", "Mã bắt đầu như thế này"),
    ("dossier list:due", "Hồ sơ đang mở, theo hạn trả"),
    ("dossier list:all", "Lấy mọi trang"),
    ("dossier show", "Xem một hồ sơ; lượt xem được ghi lại"),
    ("dossier show:dossier", "Mã hoặc id của hồ sơ"),
    (
        "dossier show:purpose",
        "Lý do: handling, applicant, supervision, support hoặc legal_order",
    ),
    ("dossier progress", "Gửi một bước xử lý của hồ sơ"),
    ("dossier progress:dossier", "Mã hồ sơ"),
    (
        "dossier progress:status",
        "Trạng thái sau bước này, 1 đến 10",
    ),
    ("dossier progress:content", "Nội dung xử lý"),
    ("dossier progress:department", "Phòng ban xử lý"),
    ("dossier progress:handler", "Người xử lý"),
    ("dossier progress:at", "Thời điểm; mặc định là bây giờ"),
    ("dossier progress:agency", "Mã đơn vị đứng tên gửi"),
    ("dossier route", "Quản lý quy tắc chuyển tiếp hồ sơ"),
    ("dossier route add", "Từ nay chuyển hồ sơ tới một đơn vị"),
    ("dossier route add:to", "Mã đơn vị nhận"),
    (
        "dossier route add:procedure",
        "Chỉ của thủ tục này, mã quốc gia",
    ),
    (
        "dossier route add:field",
        "Chỉ của lĩnh vực có mã bắt đầu như thế này",
    ),
    ("dossier route list", "Liệt kê quy tắc"),
    ("dossier route remove", "Bỏ một quy tắc"),
    ("dossier route remove:to", "Mã đơn vị nhận"),
    (
        "dossier route remove:procedure",
        "Chỉ của thủ tục này, mã quốc gia",
    ),
    (
        "dossier route remove:field",
        "Chỉ của lĩnh vực có mã bắt đầu như thế này",
    ),
    (
        "dossier map",
        "Cho biết mã thủ tục riêng ứng với mã quốc gia nào",
    ),
    ("dossier map:local", "Mã mà hệ thống địa phương dùng"),
    ("dossier map:national", "Mã quốc gia"),
    (
        "dossier map:org",
        "Chỉ cho hồ sơ của đơn vị này: id hoặc mã",
    ),
    (
        "dossier reconcile",
        "Đối soát hồ sơ một ngày với cổng quốc gia và gửi lại những gì còn thiếu",
    ),
    ("dossier reconcile:portal", "Mã đơn vị của cổng"),
    (
        "dossier reconcile:day",
        "Ngày cần đối soát, yyyy-MM-dd; mặc định là hôm qua",
    ),
    ("dossier sync", "Lấy thủ tục và danh mục từ cổng quốc gia"),
    ("dossier sync:portal", "Mã đơn vị của cổng"),
    (
        "dossier rotate-key",
        "Thay khóa mã hóa hồ sơ; máy chủ đang chạy tự theo khóa mới",
    ),
    ("dossier rotate-key:data", "Thư mục dữ liệu"),
    (
        "dossier rotate-key:prune",
        "Bỏ các khóa cũ không còn dùng, thay vì thêm khóa; máy chủ phải dừng",
    ),
    ("send", "Gửi văn bản"),
    ("send:file", "Tệp edXML, PDF hoặc tệp bất kỳ"),
    ("send:from", "Mã đơn vị gửi"),
    ("send:to", "Mã đơn vị nhận; dùng được nhiều lần"),
    ("send:subject", "Trích yếu"),
    ("send:number", "Số và ký hiệu, ví dụ 123/UBND-KGVX"),
    ("send:type_name", "Tên loại văn bản, ví dụ Công văn"),
    ("send:document_id", "Mã văn bản do nơi gửi đặt"),
    (
        "send:key",
        "Khóa chống trùng; gửi lại cùng khóa không tạo văn bản mới",
    ),
    ("send:attach", "Tệp đính kèm thêm; dùng được nhiều lần"),
    ("inbox", "Liệt kê văn bản đang chờ hệ thống này"),
    ("inbox:ack", "Xác nhận đã nhận những văn bản liệt kê"),
    (
        "inbox:save",
        "Lưu nội dung vào thư mục này trước khi xác nhận",
    ),
    ("trace", "Theo dõi văn bản đến từng nơi nhận"),
    ("trace:document", "Mã văn bản, doc_…"),
    ("doctor", "Kiểm tra bản cài đặt và chỉ cách xử lý"),
    ("doctor:data", "Thư mục dữ liệu cần kiểm tra"),
    ("explain", "Giải thích mã lỗi"),
    (
        "explain:code",
        "Mã lỗi, ví dụ exchange.conflict; bỏ trống để liệt kê",
    ),
    ("receipt", "Tải biên nhận của một văn bản"),
    ("receipt:document", "Mã văn bản, doc_…"),
    ("receipt:out", "Tệp để ghi biên nhận"),
    (
        "verify",
        "Kiểm tra biên nhận, không cần mạng, chỉ dùng khóa công khai",
    ),
    ("verify:bundle", "Tệp biên nhận (.lgsp-receipt)"),
    (
        "verify:key",
        "Khóa công khai của sổ nhật ký, lấy từ kênh khác với biên nhận",
    ),
    ("verify:cover", "In cả trang bìa của biên nhận"),
    ("ledger", "Quản lý sổ nhật ký"),
    (
        "ledger fsck",
        "Dựng lại và kiểm tra toàn bộ sổ nhật ký, chỉ ra chỗ sai đầu tiên",
    ),
    ("ledger fsck:data", "Thư mục dữ liệu"),
    (
        "ledger fsck:against",
        "Biên nhận hoặc điểm chốt lấy từ nơi khác để so; dùng được nhiều lần",
    ),
    ("ledger fsck:progress", "Chọn cách hiện tiến độ"),
    ("ledger key", "In khóa công khai của sổ nhật ký"),
    (
        "ledger key:data",
        "Thư mục dữ liệu; bỏ trống để hỏi máy chủ",
    ),
    (
        "ledger rotate-key",
        "Thay khóa của sổ nhật ký; biên nhận cũ vẫn kiểm tra được",
    ),
    ("ledger rotate-key:data", "Thư mục dữ liệu"),
    (
        "ledger accept-clock",
        "Xác nhận giờ hiện tại là đúng dù điểm chốt mới nhất mang giờ muộn hơn",
    ),
    ("ledger accept-clock:data", "Thư mục dữ liệu"),
    (
        "witness",
        "Làm bên chứng kiến độc lập, đồng ký các điểm chốt của sổ nhật ký",
    ),
    (
        "witness:data",
        "Thư mục của bên chứng kiến, tự tạo ở lần chạy đầu",
    ),
    ("witness:listen", "Địa chỉ và cổng lắng nghe"),
    (
        "witness:log",
        "Khóa công khai của sổ nhật ký cần theo dõi, như lgsp ledger key in ra; dùng được nhiều lần",
    ),
    (
        "witness:name",
        "Tên khóa ở lần chạy đầu, ví dụ witness.example.vn",
    ),
    ("config", "Xem cấu hình"),
    ("config show", "Hiện mọi giá trị và nơi lấy giá trị"),
    ("config show:data", "Thư mục dữ liệu"),
    ("config check", "Kiểm tra cấu hình"),
    ("config check:data", "Thư mục dữ liệu"),
    ("config default", "In tệp cấu hình mặc định có chú thích"),
    ("version", "In phiên bản"),
];

fn vietnamese(path: &str) -> Option<&'static str> {
    VI.iter()
        .find(|(known, _)| *known == path)
        .map(|(_, text)| *text)
}

/// The same grammar with texts in the language.
pub(super) fn translate(command: Command, lang: Lang) -> Command {
    match lang {
        Lang::En => command,
        Lang::Vi => translate_under("", command),
    }
}

fn argument(path: &str, id: &str) -> Option<&'static str> {
    // `doc send` is `send`: the shortcut's arguments have the texts.
    let short = path.strip_prefix("doc ").unwrap_or(path);
    vietnamese(&format!("{short}:{id}")).or_else(|| vietnamese(&format!(":{id}")))
}

fn translate_under(path: &str, command: Command) -> Command {
    let command = match vietnamese(path) {
        Some(text) => command.about(text).long_about(None::<&str>),
        None => command,
    };
    let command = command.mut_args(|arg| match argument(path, arg.get_id().as_str()) {
        Some(text) => arg.help(text).long_help(None::<&str>),
        None => arg,
    });
    command.mut_subcommands(|inner| {
        let path = format!("{path} {}", inner.get_name());
        translate_under(path.trim_start(), inner)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn walk(path: &str, command: &Command, seen: &mut Vec<String>) {
        assert!(
            vietnamese(path).is_some(),
            "no Vietnamese text for command {path:?}"
        );
        seen.push(path.to_owned());
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            !about.is_empty() && !about.ends_with('.') && !about.contains('\n'),
            "{path}: {about}"
        );
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            if matches!(id, "help" | "version") {
                continue;
            }
            assert!(
                argument(path, id).is_some(),
                "no Vietnamese text for {path:?} {id:?}"
            );
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                !help.is_empty() && !help.ends_with('.'),
                "{path} {id}: {help}"
            );
            seen.push(format!("{path}:{id}"));
        }
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name());
            walk(path.trim_start(), inner, seen);
        }
    }

    #[test]
    fn every_command_and_argument_has_both_languages() {
        let mut seen = Vec::new();
        walk("", &super::super::Cli::command(), &mut seen);
        for (path, text) in VI {
            assert!(
                seen.iter().any(|known| known == path),
                "a text for nothing: {path:?}"
            );
            assert!(!text.ends_with('.'), "{path}");
        }
    }
}
