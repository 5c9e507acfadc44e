//! Invented but plausible subjects, people and reasons, all fictional.

use lgsp_base::Entropy;

/// A kind of document with a subject.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// Number of the kind within administrative documents (protocols §1.9, group 2).
    pub type_detail: i32,
    /// The kind in words.
    pub type_name: &'static str,
    /// The subject line (trích yếu).
    pub subject: &'static str,
}

const fn topic(type_detail: i32, type_name: &'static str, subject: &'static str) -> Topic {
    Topic {
        type_detail,
        type_name,
        subject,
    }
}

const TOPICS: &[Topic] = &[
    topic(
        18,
        "Công văn",
        "V/v triển khai kết nối hệ thống quản lý văn bản và điều hành với trục liên thông của tỉnh",
    ),
    topic(
        18,
        "Công văn",
        "V/v đôn đốc giải ngân vốn đầu tư công quý IV",
    ),
    topic(
        18,
        "Công văn",
        "V/v phối hợp phòng, chống dịch bệnh trên đàn vật nuôi mùa mưa",
    ),
    topic(18, "Công văn", "V/v rà soát dữ liệu hộ tịch phục vụ số hóa"),
    topic(
        18,
        "Công văn",
        "V/v cung cấp số liệu phục vụ xây dựng dự toán ngân sách năm sau",
    ),
    topic(
        18,
        "Công văn",
        "V/v bảo đảm an toàn thông tin trong dịp nghỉ lễ",
    ),
    topic(
        18,
        "Công văn",
        "V/v tiếp nhận hồ sơ thủ tục hành chính không phụ thuộc địa giới",
    ),
    topic(
        7,
        "Thông báo",
        "Kết luận của Chủ tịch UBND tỉnh tại phiên họp thường kỳ",
    ),
    topic(7, "Thông báo", "Lịch tiếp công dân định kỳ tháng tới"),
    topic(
        10,
        "Kế hoạch",
        "Kiểm tra công tác cải cách hành chính năm nay",
    ),
    topic(
        10,
        "Kế hoạch",
        "Tổ chức diễn tập phòng, chống thiên tai và tìm kiếm cứu nạn",
    ),
    topic(
        14,
        "Báo cáo",
        "Kết quả thực hiện chuyển đổi số 9 tháng đầu năm",
    ),
    topic(
        14,
        "Báo cáo",
        "Tình hình kinh tế - xã hội tháng và nhiệm vụ trọng tâm tháng tới",
    ),
    topic(
        25,
        "Giấy mời",
        "Họp đánh giá tiến độ xây dựng nông thôn mới",
    ),
    topic(
        25,
        "Giấy mời",
        "Hội nghị trực tuyến sơ kết mô hình chính quyền địa phương hai cấp",
    ),
    topic(
        16,
        "Tờ trình",
        "Đề nghị phê duyệt danh mục dịch vụ công trực tuyến toàn trình",
    ),
    topic(
        8,
        "Hướng dẫn",
        "Quy trình gửi, nhận văn bản điện tử giữa các cơ quan trong tỉnh",
    ),
    topic(3, "Chỉ thị", "Tăng cường kỷ luật, kỷ cương hành chính"),
];

const SIGNERS: &[&str] = &[
    "Trần Văn Ví Dụ",
    "Nguyễn Thị Mẫu",
    "Lê Văn Thử",
    "Phạm Thị Minh Họa",
    "Hoàng Văn Giả Định",
    "Vũ Thị Bình An",
];

const CLERKS: &[&str] = &[
    "Nguyễn Văn Mẫu",
    "Lê Thị Ví Dụ",
    "Đỗ Văn Thí Nghiệm",
    "Bùi Thị Hư Cấu",
];

const CITIZENS: &[&str] = &[
    "Phạm Thị Thử Nghiệm",
    "Nguyễn Văn Ví Dụ",
    "Trần Thị Mẫu Đơn",
    "Lê Văn Giả Định",
    "Hoàng Thị Minh Họa",
    "Đặng Văn Hư Cấu",
];

const REFUSALS: &[&str] = &[
    "Văn bản không thuộc thẩm quyền giải quyết của đơn vị",
    "Tệp đính kèm không đọc được, đề nghị gửi lại",
    "Gửi nhầm nơi nhận",
];

fn pick<T: Copy>(items: &[T], entropy: &dyn Entropy, otherwise: T) -> T {
    let index = usize::try_from(entropy.below(items.len() as u64)).unwrap_or(0);
    items.get(index).copied().unwrap_or(otherwise)
}

/// Some topic.
pub fn some_topic(entropy: &dyn Entropy) -> Topic {
    pick(
        TOPICS,
        entropy,
        topic(18, "Công văn", "V/v trao đổi công việc"),
    )
}

/// Some signer's name.
pub fn some_signer(entropy: &dyn Entropy) -> &'static str {
    pick(SIGNERS, entropy, "Trần Văn Ví Dụ")
}

/// Some clerk's name.
pub fn some_clerk(entropy: &dyn Entropy) -> &'static str {
    pick(CLERKS, entropy, "Nguyễn Văn Mẫu")
}

/// Some citizen's name.
pub fn some_citizen(entropy: &dyn Entropy) -> &'static str {
    pick(CITIZENS, entropy, "Phạm Thị Thử Nghiệm")
}

/// Some reason to refuse a document (status 02).
pub fn some_refusal(entropy: &dyn Entropy) -> &'static str {
    pick(REFUSALS, entropy, "Gửi nhầm nơi nhận")
}
