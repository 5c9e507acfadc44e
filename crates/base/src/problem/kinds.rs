//! The catalogue of problems. A new one needs: a constant here, a place in [`ALL`], and a test that triggers it.

use super::ProblemKind;

/// The request is not valid.
pub static INPUT_INVALID: ProblemKind = ProblemKind {
    code: "input.invalid",
    status: 400,
    retryable: false,
    title_vi: "Dữ liệu gửi lên không hợp lệ",
    title_en: "The request is not valid",
    fix_vi: "Sửa các chỗ nêu trong errors rồi gửi lại",
    fix_en: "Correct the places listed in errors and send again",
    axis_code: 10,
};

/// The body is not valid JSON.
pub static INPUT_JSON: ProblemKind = ProblemKind {
    code: "input.json",
    status: 400,
    retryable: false,
    title_vi: "Nội dung không phải JSON hợp lệ",
    title_en: "The body is not valid JSON",
    fix_vi: "Gửi JSON mã hóa UTF-8, mỗi khóa một lần, không ký tự thừa",
    fix_en: "Send UTF-8 JSON with each key once and nothing behind it",
    axis_code: 10,
};

/// A parameter was sent more than once.
pub static INPUT_DUPLICATE: ProblemKind = ProblemKind {
    code: "input.duplicate",
    status: 400,
    retryable: false,
    title_vi: "Một tham số được gửi nhiều lần",
    title_en: "A parameter was sent more than once",
    fix_vi: "Gửi mỗi tham số một lần",
    fix_en: "Send each parameter once",
    axis_code: 10,
};

/// The content type is not supported.
pub static INPUT_MEDIA_TYPE: ProblemKind = ProblemKind {
    code: "input.media_type",
    status: 415,
    retryable: false,
    title_vi: "Loại nội dung không được hỗ trợ",
    title_en: "The content type is not supported",
    fix_vi: "Dùng một trong các Content-Type nêu trong tài liệu API",
    fix_en: "Use one of the content types that the API description names",
    axis_code: 10,
};

/// The content is larger than the limit.
pub static INPUT_TOO_LARGE: ProblemKind = ProblemKind {
    code: "input.too_large",
    status: 413,
    retryable: false,
    title_vi: "Nội dung vượt quá giới hạn",
    title_en: "The content is larger than the limit",
    fix_vi: "Chia nhỏ hoặc giảm dung lượng rồi gửi lại",
    fix_en: "Split or shrink it and send again",
    axis_code: 10,
};

/// The multipart form is not valid.
pub static INPUT_MULTIPART: ProblemKind = ProblemKind {
    code: "input.multipart",
    status: 400,
    retryable: false,
    title_vi: "Biểu mẫu nhiều phần không hợp lệ",
    title_en: "The multipart form is not valid",
    fix_vi: "Gửi mỗi trường một lần, đúng tên, có tên tệp",
    fix_en: "Send each field once, under its name, with a file name",
    axis_code: 10,
};

/// There is nothing at this address.
pub static HTTP_NOT_FOUND: ProblemKind = ProblemKind {
    code: "http.not_found",
    status: 404,
    retryable: false,
    title_vi: "Không có địa chỉ này",
    title_en: "There is nothing at this address",
    fix_vi: "Xem danh sách địa chỉ tại /api/openapi.json",
    fix_en: "See /api/openapi.json for the addresses",
    axis_code: 10,
};

/// The method is not allowed here.
pub static HTTP_METHOD: ProblemKind = ProblemKind {
    code: "http.method",
    status: 405,
    retryable: false,
    title_vi: "Phương thức không dùng được ở địa chỉ này",
    title_en: "The method is not allowed here",
    fix_vi: "Xem phương thức đúng tại /api/openapi.json",
    fix_en: "See /api/openapi.json for the right method",
    axis_code: 10,
};

/// The request came too slowly.
pub static HTTP_TIMEOUT: ProblemKind = ProblemKind {
    code: "http.timeout",
    status: 408,
    retryable: true,
    title_vi: "Gửi dữ liệu quá chậm",
    title_en: "The request came too slowly",
    fix_vi: "Kiểm tra đường truyền rồi gửi lại với cùng khóa chống trùng",
    fix_en: "Check the line and send again with the same idempotency key",
    axis_code: 20,
};

/// The Host field is not valid.
pub static HTTP_HOST: ProblemKind = ProblemKind {
    code: "http.host",
    status: 400,
    retryable: false,
    title_vi: "Trường Host không hợp lệ",
    title_en: "The Host field is not valid",
    fix_vi: "Gửi đúng một trường Host",
    fix_en: "Send exactly one Host field",
    axis_code: 10,
};

/// The Connection field names a field it may not name.
pub static HTTP_CONNECTION: ProblemKind = ProblemKind {
    code: "http.connection",
    status: 400,
    retryable: false,
    title_vi: "Trường Connection nêu một trường không được phép",
    title_en: "The Connection field names a field it may not name",
    fix_vi: "Bỏ tên trường đó khỏi Connection",
    fix_en: "Take that field's name out of Connection",
    axis_code: 10,
};

/// The length of the request is ambiguous.
pub static HTTP_FRAMING: ProblemKind = ProblemKind {
    code: "http.framing",
    status: 400,
    retryable: false,
    title_vi: "Độ dài của yêu cầu không rõ ràng",
    title_en: "The length of the request is ambiguous",
    fix_vi: "Gửi một Content-Length hoặc Transfer-Encoding: chunked, không cả hai",
    fix_en: "Send one Content-Length or chunked transfer coding, not both",
    axis_code: 10,
};

/// The request head is not valid HTTP/1.1.
pub static HTTP_SYNTAX: ProblemKind = ProblemKind {
    code: "http.syntax",
    status: 400,
    retryable: false,
    title_vi: "Phần đầu yêu cầu không đúng HTTP/1.1",
    title_en: "The request head is not valid HTTP/1.1",
    fix_vi: "Dùng thư viện HTTP chuẩn; không tự ghép dòng yêu cầu",
    fix_en: "Use a standard HTTP library instead of composing the request by hand",
    axis_code: 10,
};

/// The request target is too long.
pub static HTTP_TARGET_TOO_LONG: ProblemKind = ProblemKind {
    code: "http.target_too_long",
    status: 414,
    retryable: false,
    title_vi: "Địa chỉ yêu cầu quá dài",
    title_en: "The request target is too long",
    fix_vi: "Rút ngắn địa chỉ, chuyển tham số vào nội dung",
    fix_en: "Shorten the address and move parameters into the body",
    axis_code: 10,
};

/// The request head is too large.
pub static HTTP_HEAD_TOO_LARGE: ProblemKind = ProblemKind {
    code: "http.head_too_large",
    status: 431,
    retryable: false,
    title_vi: "Phần đầu yêu cầu quá lớn",
    title_en: "The request head is too large",
    fix_vi: "Bớt số trường hoặc rút ngắn giá trị",
    fix_en: "Send fewer or shorter header fields",
    axis_code: 10,
};

/// The expectation cannot be met.
pub static HTTP_EXPECTATION: ProblemKind = ProblemKind {
    code: "http.expectation",
    status: 417,
    retryable: false,
    title_vi: "Không đáp ứng được trường Expect",
    title_en: "The expectation cannot be met",
    fix_vi: "Chỉ gửi Expect: 100-continue hoặc bỏ trường Expect",
    fix_en: "Send Expect: 100-continue or leave Expect out",
    axis_code: 10,
};

/// No credential was sent.
pub static AUTH_REQUIRED: ProblemKind = ProblemKind {
    code: "auth.required",
    status: 401,
    retryable: false,
    title_vi: "Chưa có thông tin xác thực",
    title_en: "No credential was sent",
    fix_vi: "Gửi Authorization: Bearer với khóa của hệ thống",
    fix_en: "Send Authorization: Bearer with the system's token",
    axis_code: 15,
};

/// The credential is wrong or was revoked.
pub static AUTH_INVALID: ProblemKind = ProblemKind {
    code: "auth.invalid",
    status: 401,
    retryable: false,
    title_vi: "Thông tin xác thực không đúng hoặc đã bị thu hồi",
    title_en: "The credential is wrong or was revoked",
    fix_vi: "Kiểm tra khóa; xin cấp lại nếu đã thu hồi",
    fix_en: "Check the token; ask for a new one if it was revoked",
    axis_code: 15,
};

/// This credential may not do that.
pub static AUTH_FORBIDDEN: ProblemKind = ProblemKind {
    code: "auth.forbidden",
    status: 403,
    retryable: false,
    title_vi: "Không có quyền thực hiện việc này",
    title_en: "This credential may not do that",
    fix_vi: "Dùng khóa có quyền, hoặc đề nghị người quản trị",
    fix_en: "Use a token that may, or ask the operator",
    axis_code: 15,
};

/// The form was not sent from one of our pages, or too late.
pub static AUTH_FORM: ProblemKind = ProblemKind {
    code: "auth.form",
    status: 403,
    retryable: false,
    title_vi: "Biểu mẫu không còn hiệu lực",
    title_en: "The form is no longer valid",
    fix_vi: "Mở lại trang rồi gửi lại biểu mẫu",
    fix_en: "Open the page again and send the form again",
    axis_code: 15,
};

/// Too many failed logins.
pub static AUTH_TOO_MANY: ProblemKind = ProblemKind {
    code: "auth.too_many",
    status: 429,
    retryable: true,
    title_vi: "Đăng nhập sai quá nhiều lần",
    title_en: "Too many failed logins",
    fix_vi: "Chờ vài phút rồi thử lại với khóa đúng",
    fix_en: "Wait some minutes and try again with the right token",
    axis_code: 15,
};

/// The request's signature is not right.
pub static AXIS_SIGNATURE: ProblemKind = ProblemKind {
    code: "axis.signature",
    status: 401,
    retryable: false,
    title_vi: "Chữ ký của yêu cầu không đúng",
    title_en: "The request's signature is not right",
    fix_vi: "Ký lại đúng các trường đã gửi bằng khóa của hệ thống",
    fix_en: "Sign the fields that are sent, with the system's secret",
    axis_code: 15,
};

/// The request's time is outside the window.
pub static AXIS_TIMESTAMP: ProblemKind = ProblemKind {
    code: "axis.timestamp",
    status: 401,
    retryable: false,
    title_vi: "Thời gian của yêu cầu nằm ngoài khoảng cho phép",
    title_en: "The request's time is outside the window",
    fix_vi: "Chỉnh đồng hồ, khởi động lại phần mềm kết nối",
    fix_en: "Set the clock and restart the connector",
    axis_code: 15,
};

/// The document axis has no such method.
pub static AXIS_METHOD: ProblemKind = ProblemKind {
    code: "axis.method",
    status: 404,
    retryable: false,
    title_vi: "Trục văn bản không có phương thức này",
    title_en: "The document axis has no such method",
    fix_vi: "Dùng một trong các phương thức của trục",
    fix_en: "Use one of the axis's methods",
    axis_code: 10,
};

/// The file hash does not match the content.
pub static AXIS_HASH: ProblemKind = ProblemKind {
    code: "axis.hash",
    status: 400,
    retryable: false,
    title_vi: "Giá trị băm của tệp không khớp nội dung",
    title_en: "The file hash does not match the content",
    fix_vi: "Tính lại SHA-256 trên đúng các byte đã gửi",
    fix_en: "Compute SHA-256 again over the bytes that are sent",
    axis_code: 10,
};

/// The file is not well-formed XML.
pub static XML_MALFORMED: ProblemKind = ProblemKind {
    code: "xml.malformed",
    status: 400,
    retryable: false,
    title_vi: "Tệp không phải XML đúng quy cách",
    title_en: "The file is not well-formed XML",
    fix_vi: "Kiểm tra tệp bằng một trình đọc XML rồi gửi lại",
    fix_en: "Check the file with an XML reader and send again",
    axis_code: 22,
};

/// The file has a DTD or an entity.
pub static XML_DTD: ProblemKind = ProblemKind {
    code: "xml.dtd",
    status: 400,
    retryable: false,
    title_vi: "Tệp có khai báo DTD hoặc thực thể",
    title_en: "The file has a DTD or an entity",
    fix_vi: "Bỏ DOCTYPE và các thực thể tự khai báo",
    fix_en: "Take the DOCTYPE and declared entities out",
    axis_code: 22,
};

/// The XML file exceeds a limit.
pub static XML_LIMITS: ProblemKind = ProblemKind {
    code: "xml.limits",
    status: 400,
    retryable: false,
    title_vi: "Tệp XML vượt giới hạn",
    title_en: "The XML file exceeds a limit",
    fix_vi: "Giảm độ sâu, số thuộc tính hoặc độ dài phần tử",
    fix_en: "Reduce depth, attributes or the length of elements",
    axis_code: 22,
};

/// The namespace is not one of edXML.
pub static EDXML_NAMESPACE: ProblemKind = ProblemKind {
    code: "edxml.namespace",
    status: 400,
    retryable: false,
    title_vi: "Không gian tên không phải của edXML",
    title_en: "The namespace is not one of edXML",
    fix_vi: "Dùng http://www.mic.gov.vn/TBT/QCVN_102_2016",
    fix_en: "Use http://www.mic.gov.vn/TBT/QCVN_102_2016",
    axis_code: 22,
};

/// The edXML packet lacks an element or has a wrong one.
pub static EDXML_INVALID: ProblemKind = ProblemKind {
    code: "edxml.invalid",
    status: 400,
    retryable: false,
    title_vi: "Gói tin edXML thiếu hoặc sai phần tử",
    title_en: "The edXML packet lacks an element or has a wrong one",
    fix_vi: "Sửa các phần tử nêu trong errors",
    fix_en: "Correct the elements listed in errors",
    axis_code: 22,
};

/// An attachment is not valid base64.
pub static ATTACHMENT_ENCODING: ProblemKind = ProblemKind {
    code: "attachment.encoding",
    status: 400,
    retryable: false,
    title_vi: "Tệp đính kèm không phải base64 đúng quy cách",
    title_en: "An attachment is not valid base64",
    fix_vi: "Mã hóa lại tệp bằng base64 chuẩn có đệm",
    fix_en: "Encode the file again with standard, padded base64",
    axis_code: 21,
};

/// A zipped attachment cannot be used.
pub static ATTACHMENT_ARCHIVE: ProblemKind = ProblemKind {
    code: "attachment.archive",
    status: 422,
    retryable: false,
    title_vi: "Tệp nén đính kèm không dùng được",
    title_en: "A zipped attachment cannot be used",
    fix_vi: "Nén lại đúng một tệp, không mật khẩu, không thư mục",
    fix_en: "Zip exactly one file, without password and folders",
    axis_code: 21,
};

/// An attachment's type does not match its content.
pub static ATTACHMENT_TYPE: ProblemKind = ProblemKind {
    code: "attachment.type",
    status: 415,
    retryable: false,
    title_vi: "Loại tệp đính kèm không khớp nội dung",
    title_en: "An attachment's type does not match its content",
    fix_vi: "Khai báo đúng loại và phần mở rộng của tệp",
    fix_en: "Declare the file's true type and extension",
    axis_code: 21,
};

/// An attachment is too large.
pub static ATTACHMENT_TOO_LARGE: ProblemKind = ProblemKind {
    code: "attachment.too_large",
    status: 413,
    retryable: false,
    title_vi: "Tệp đính kèm quá lớn",
    title_en: "An attachment is too large",
    fix_vi: "Giảm dung lượng hoặc chia tệp",
    fix_en: "Shrink or split the file",
    axis_code: 21,
};

/// There is no such attachment.
pub static ATTACHMENT_NOT_FOUND: ProblemKind = ProblemKind {
    code: "attachment.not_found",
    status: 404,
    retryable: false,
    title_vi: "Không có tệp đính kèm này",
    title_en: "There is no such attachment",
    fix_vi: "Xem danh sách tệp đính kèm của văn bản",
    fix_en: "See the document's list of attachments",
    axis_code: 10,
};

/// This system may not send for that organisation.
pub static EXCHANGE_SENDER: ProblemKind = ProblemKind {
    code: "exchange.sender",
    status: 403,
    retryable: false,
    title_vi: "Hệ thống không được gửi thay đơn vị này",
    title_en: "This system may not send for that organisation",
    fix_vi: "Gửi với mã của đơn vị mình, đang hoạt động",
    fix_en: "Send under the code of your own, active organisation",
    axis_code: 19,
};

/// A recipient does not exist.
pub static EXCHANGE_RECIPIENT_UNKNOWN: ProblemKind = ProblemKind {
    code: "exchange.recipient_unknown",
    status: 422,
    retryable: false,
    title_vi: "Đơn vị nhận không tồn tại",
    title_en: "A recipient does not exist",
    fix_vi: "Tra lại mã đơn vị nhận trong danh bạ",
    fix_en: "Look the recipient's code up in the directory",
    axis_code: 18,
};

/// A recipient's code is closed.
pub static EXCHANGE_RECIPIENT_CLOSED: ProblemKind = ProblemKind {
    code: "exchange.recipient_closed",
    status: 422,
    retryable: false,
    title_vi: "Mã đơn vị nhận đã đóng",
    title_en: "A recipient's code is closed",
    fix_vi: "Gửi tới một trong các đơn vị kế thừa được nêu",
    fix_en: "Send to one of the successors that are named",
    axis_code: 23,
};

/// A recipient's system cannot take this format.
pub static EXCHANGE_RECIPIENT_FORMAT: ProblemKind = ProblemKind {
    code: "exchange.recipient_format",
    status: 422,
    retryable: false,
    title_vi: "Hệ thống của đơn vị nhận chỉ nhận gói tin edXML",
    title_en: "A recipient's system takes edXML only",
    fix_vi: "Gửi gói tin edXML, hoặc gửi tệp bằng biểu mẫu multipart/form-data để nền tảng tạo gói tin",
    fix_en: "Send edXML, or send the file as multipart/form-data and let the platform build the packet",
    axis_code: 22,
};

/// The list of recipients is not valid.
pub static EXCHANGE_RECIPIENTS: ProblemKind = ProblemKind {
    code: "exchange.recipients",
    status: 422,
    retryable: false,
    title_vi: "Danh sách đơn vị nhận không hợp lệ",
    title_en: "The list of recipients is not valid",
    fix_vi: "Nêu ít nhất một đơn vị nhận, mỗi đơn vị một lần, khác đơn vị gửi",
    fix_en: "Name at least one recipient, each once, and not the sender",
    axis_code: 18,
};

/// A new document with this id but other content exists.
pub static EXCHANGE_CONFLICT: ProblemKind = ProblemKind {
    code: "exchange.conflict",
    status: 409,
    retryable: false,
    title_vi: "Đã có văn bản mới cùng mã nhưng khác nội dung",
    title_en: "A new document with this id but other content exists",
    fix_vi: "Dùng mã văn bản khác, hoặc gửi cập nhật, thay thế",
    fix_en: "Use another document id, or send an update or replacement",
    axis_code: 10,
};

/// The idempotency key was used for other content.
pub static EXCHANGE_IDEMPOTENCY_CONFLICT: ProblemKind = ProblemKind {
    code: "exchange.idempotency_conflict",
    status: 409,
    retryable: false,
    title_vi: "Khóa chống trùng đã dùng cho nội dung khác",
    title_en: "The idempotency key was used for other content",
    fix_vi: "Tạo khóa mới cho nội dung mới",
    fix_en: "Make a new key for new content",
    axis_code: 10,
};

/// An idempotency key is missing.
pub static EXCHANGE_IDEMPOTENCY_REQUIRED: ProblemKind = ProblemKind {
    code: "exchange.idempotency_required",
    status: 400,
    retryable: false,
    title_vi: "Thiếu khóa chống trùng",
    title_en: "An idempotency key is missing",
    fix_vi: "Gửi Idempotency-Key (ví dụ một UUID) hoặc mã văn bản",
    fix_en: "Send Idempotency-Key (a UUID, say) or a document id",
    axis_code: 10,
};

/// The document is marked secret: it may not pass this platform.
pub static EXCHANGE_SECRET: ProblemKind = ProblemKind {
    code: "exchange.secret",
    status: 422,
    retryable: false,
    title_vi: "Văn bản có dấu hiệu mật: không được gửi qua nền tảng",
    title_en: "The document is marked secret: it may not pass this platform",
    fix_vi: "Gửi theo quy định về bí mật nhà nước",
    fix_en: "Send it by the rules for state secrets",
    axis_code: 10,
};

/// The document was not found.
pub static EXCHANGE_DOCUMENT_UNKNOWN: ProblemKind = ProblemKind {
    code: "exchange.document_unknown",
    status: 404,
    retryable: false,
    title_vi: "Không tìm thấy văn bản",
    title_en: "The document was not found",
    fix_vi: "Kiểm tra mã văn bản",
    fix_en: "Check the document's id",
    axis_code: 10,
};

/// The delivery was not found.
pub static EXCHANGE_DELIVERY_UNKNOWN: ProblemKind = ProblemKind {
    code: "exchange.delivery_unknown",
    status: 404,
    retryable: false,
    title_vi: "Không tìm thấy lượt gửi",
    title_en: "The delivery was not found",
    fix_vi: "Kiểm tra mã lượt gửi",
    fix_en: "Check the delivery's id",
    axis_code: 10,
};

/// The delivery's state does not allow that.
pub static EXCHANGE_DELIVERY_STATE: ProblemKind = ProblemKind {
    code: "exchange.delivery_state",
    status: 409,
    retryable: false,
    title_vi: "Trạng thái của lượt gửi không cho phép việc này",
    title_en: "The delivery's state does not allow that",
    fix_vi: "Xem truy vết của văn bản để biết trạng thái hiện tại",
    fix_en: "See the document's trace for its present state",
    axis_code: 10,
};

/// An earlier document is not yet confirmed.
pub static EXCHANGE_ORDER: ProblemKind = ProblemKind {
    code: "exchange.order",
    status: 409,
    retryable: true,
    title_vi: "Còn văn bản đến trước chưa được xác nhận",
    title_en: "An earlier document is not yet confirmed",
    fix_vi: "Xác nhận hoặc từ chối văn bản nêu trong detail trước",
    fix_en: "Confirm or refuse the document named in detail first",
    axis_code: 20,
};

/// The reported status is not valid.
pub static EXCHANGE_STATUS: ProblemKind = ProblemKind {
    code: "exchange.status",
    status: 422,
    retryable: false,
    title_vi: "Trạng thái báo về không hợp lệ",
    title_en: "The reported status is not valid",
    fix_vi: "Dùng mã 01–06, 13, 15, 16; nêu lý do cho 02, 13, 16",
    fix_en: "Use 01–06, 13, 15 or 16; give a reason for 02, 13 and 16",
    axis_code: 10,
};

/// The confirmed hash differs from the document handed over.
pub static RECEIPT_HASH: ProblemKind = ProblemKind {
    code: "receipt.hash",
    status: 409,
    retryable: false,
    title_vi: "Giá trị băm xác nhận khác với văn bản đã giao",
    title_en: "The confirmed hash differs from the document handed over",
    fix_vi: "Tải lại văn bản và so sánh từng byte",
    fix_en: "Fetch the document again and compare it byte by byte",
    axis_code: 10,
};

/// The document's content was erased.
pub static EXCHANGE_DOCUMENT_ERASED: ProblemKind = ProblemKind {
    code: "exchange.document_erased",
    status: 410,
    retryable: false,
    title_vi: "Nội dung văn bản đã bị xóa",
    title_en: "The document's content was erased",
    fix_vi: "Nội dung không lấy lại được; thông tin văn bản, mã băm và bằng chứng vẫn còn",
    fix_en: "The content cannot be had again; metadata, digest and proof remain",
    axis_code: 10,
};

/// The document is still on its way to a recipient.
pub static EXCHANGE_DOCUMENT_OPEN: ProblemKind = ProblemKind {
    code: "exchange.document_open",
    status: 409,
    retryable: false,
    title_vi: "Văn bản còn đang trên đường đến nơi nhận",
    title_en: "The document is still on its way to a recipient",
    fix_vi: "Chờ các lượt gửi nêu trong errors kết thúc rồi xóa lại",
    fix_en: "Wait until the deliveries listed in errors have ended, then erase again",
    axis_code: 10,
};

/// There is nothing to send again.
pub static EXCHANGE_RESEND_EMPTY: ProblemKind = ProblemKind {
    code: "exchange.resend_empty",
    status: 422,
    retryable: false,
    title_vi: "Không có bản tin nào để gửi lại",
    title_en: "There is nothing to send again",
    fix_vi: "Xem lại nhóm đã chọn: có thể đã được gửi lại",
    fix_en: "Look at the chosen group again: it may have been sent again already",
    axis_code: 10,
};

/// Unknown job.
pub static JOB_UNKNOWN: ProblemKind = ProblemKind {
    code: "job.unknown",
    status: 404,
    retryable: false,
    title_vi: "Không có công việc này",
    title_en: "Unknown job",
    fix_vi: "Kiểm tra mã công việc",
    fix_en: "Check the job's id",
    axis_code: 10,
};

/// Too many bulk resends are under way.
pub static JOB_LIMIT: ProblemKind = ProblemKind {
    code: "job.limit",
    status: 429,
    retryable: true,
    title_vi: "Đang có quá nhiều lượt gửi lại hàng loạt",
    title_en: "Too many bulk resends are under way",
    fix_vi: "Chờ một lượt xong hoặc hủy bớt rồi thử lại",
    fix_en: "Wait for one to end, or cancel one, and try again",
    axis_code: 20,
};

/// There is no such dossier, or none that the caller may see.
pub static DOSSIER_UNKNOWN: ProblemKind = ProblemKind {
    code: "dossier.unknown",
    status: 404,
    retryable: false,
    title_vi: "Không có hồ sơ này",
    title_en: "There is no such dossier",
    fix_vi: "Kiểm tra mã hồ sơ và quyền của hệ thống gửi",
    fix_en: "Check the code and what the calling system may see",
    axis_code: 10,
};

/// The code of the dossier is none.
pub static DOSSIER_CODE_INVALID: ProblemKind = ProblemKind {
    code: "dossier.code_invalid",
    status: 422,
    retryable: false,
    title_vi: "Mã hồ sơ không đúng dạng",
    title_en: "The code of the dossier is not valid",
    fix_vi: "Viết mã theo dạng mã đơn vị-NNTTnn-XXXX, ví dụ H99.131-260312-0042",
    fix_en: "Write agency-YYMMDD-XXXX, for example H99.131-260312-0042",
    axis_code: 10,
};

/// The dossier breaks a rule.
pub static DOSSIER_INVALID: ProblemKind = ProblemKind {
    code: "dossier.invalid",
    status: 422,
    retryable: false,
    title_vi: "Hồ sơ không hợp lệ",
    title_en: "The dossier is not valid",
    fix_vi: "Sửa các chỗ nêu trong errors rồi gửi lại",
    fix_en: "Correct the places listed in errors and send again",
    axis_code: 10,
};

/// The code belongs to the dossier of another applicant.
pub static DOSSIER_OTHER_APPLICANT: ProblemKind = ProblemKind {
    code: "dossier.other_applicant",
    status: 409,
    retryable: false,
    title_vi: "Mã hồ sơ này đã thuộc về người nộp khác",
    title_en: "This code belongs to the dossier of another applicant",
    fix_vi: "Cấp mã mới cho hồ sơ của người nộp này",
    fix_en: "Issue a new code for the dossier of this applicant",
    axis_code: 10,
};

/// A dossier with this code exists.
pub static DOSSIER_EXISTS: ProblemKind = ProblemKind {
    code: "dossier.exists",
    status: 409,
    retryable: false,
    title_vi: "Hồ sơ đã tồn tại",
    title_en: "The dossier exists already",
    fix_vi: "Gửi lại dưới dạng cập nhật",
    fix_en: "Send it again as an update",
    axis_code: 10,
};

/// The status may not follow the one before.
pub static DOSSIER_TRANSITION: ProblemKind = ProblemKind {
    code: "dossier.transition",
    status: 422,
    retryable: false,
    title_vi: "Không được chuyển hồ sơ sang trạng thái này",
    title_en: "The dossier may not change to this status",
    fix_vi: "Xem trạng thái hiện tại và bảng chuyển trạng thái",
    fix_en: "See the current status and the table of transitions",
    axis_code: 10,
};

/// There is no such procedure.
pub static DOSSIER_PROCEDURE_UNKNOWN: ProblemKind = ProblemKind {
    code: "dossier.procedure_unknown",
    status: 422,
    retryable: false,
    title_vi: "Không có thủ tục hành chính này",
    title_en: "There is no such administrative procedure",
    fix_vi: "Đồng bộ danh mục thủ tục, hoặc ánh xạ mã riêng của tỉnh sang mã quốc gia",
    fix_en: "Synchronise the procedures, or map the local code to a national one",
    axis_code: 10,
};

/// No organisation has the agency code of the dossier.
pub static DOSSIER_AGENCY_UNKNOWN: ProblemKind = ProblemKind {
    code: "dossier.agency_unknown",
    status: 422,
    retryable: false,
    title_vi: "Không có đơn vị nào mang mã trong mã hồ sơ",
    title_en: "No organisation has the agency code of the dossier",
    fix_vi: "Kiểm tra mã đơn vị, hoặc nêu MaDinhDanhDV",
    fix_en: "Check the agency code, or name the agency of the request",
    axis_code: 18,
};

/// The batch has too many dossiers.
pub static DOSSIER_BATCH_TOO_LARGE: ProblemKind = ProblemKind {
    code: "dossier.batch_too_large",
    status: 413,
    retryable: false,
    title_vi: "Gói có quá nhiều hồ sơ",
    title_en: "The batch has too many dossiers",
    fix_vi: "Chia gói nhỏ hơn rồi gửi lại",
    fix_en: "Send smaller batches",
    axis_code: 10,
};

/// The dossier was erased when its time of keeping ended.
pub static DOSSIER_ERASED: ProblemKind = ProblemKind {
    code: "dossier.erased",
    status: 410,
    retryable: false,
    title_vi: "Hồ sơ đã được xóa khi hết thời hạn lưu",
    title_en: "The dossier was erased when its time of keeping ended",
    fix_vi: "Biên nhận vẫn chứng minh được nội dung đã gửi",
    fix_en: "Its receipts still prove what was sent",
    axis_code: 10,
};

/// There is no such file, or the link to it is not ours.
pub static DOSSIER_FILE_UNKNOWN: ProblemKind = ProblemKind {
    code: "dossier.file_unknown",
    status: 404,
    retryable: false,
    title_vi: "Không có tệp này",
    title_en: "There is no such file",
    fix_vi: "Lấy liên kết mới từ hồ sơ",
    fix_en: "Get a new link from the dossier",
    axis_code: 10,
};

/// The file is larger than the limit.
pub static DOSSIER_FILE_TOO_LARGE: ProblemKind = ProblemKind {
    code: "dossier.file_too_large",
    status: 413,
    retryable: false,
    title_vi: "Tệp vượt quá giới hạn",
    title_en: "The file is larger than the limit",
    fix_vi: "Giảm dung lượng hoặc tách tệp rồi gửi lại",
    fix_en: "Shrink or split the file and send again",
    axis_code: 10,
};

/// The link to the file has expired.
pub static DOSSIER_LINK_EXPIRED: ProblemKind = ProblemKind {
    code: "dossier.link_expired",
    status: 410,
    retryable: false,
    title_vi: "Liên kết tải tệp đã hết hạn",
    title_en: "The link to the file has expired",
    fix_vi: "Lấy liên kết mới từ hồ sơ",
    fix_en: "Get a new link from the dossier",
    axis_code: 10,
};

/// The link to the file was made for another system.
pub static DOSSIER_LINK_AUDIENCE: ProblemKind = ProblemKind {
    code: "dossier.link_audience",
    status: 403,
    retryable: false,
    title_vi: "Liên kết tải tệp được cấp cho hệ thống khác",
    title_en: "The link to the file was made for another system",
    fix_vi: "Mỗi hệ thống tự lấy liên kết của mình",
    fix_en: "Each system gets a link of its own",
    axis_code: 10,
};

/// The keys of the dossiers are missing.
pub static DOSSIER_KEYS: ProblemKind = ProblemKind {
    code: "dossier.keys",
    status: 503,
    retryable: true,
    title_vi: "Thiếu khóa mã hóa hồ sơ",
    title_en: "The keys of the dossiers are missing",
    fix_vi: "Người quản trị khôi phục tệp keys/dossier.key rồi khởi động lại",
    fix_en: "The operator restores keys/dossier.key and starts again",
    axis_code: 20,
};

/// The ledger entry is not sealed yet.
pub static LEDGER_NOT_SEALED: ProblemKind = ProblemKind {
    code: "ledger.not_sealed_yet",
    status: 503,
    retryable: true,
    title_vi: "Bản ghi nhật ký chưa được niêm phong",
    title_en: "The ledger entry is not sealed yet",
    fix_vi: "Thử lại sau thời gian nêu trong Retry-After",
    fix_en: "Try again after the time in Retry-After",
    axis_code: 20,
};

/// The ledger has no such item.
pub static LEDGER_UNKNOWN: ProblemKind = ProblemKind {
    code: "ledger.unknown",
    status: 404,
    retryable: false,
    title_vi: "Nhật ký không có mục này",
    title_en: "The ledger has no such item",
    fix_vi: "Kiểm tra vị trí so với điểm kiểm tra mới nhất",
    fix_en: "Compare the position with the newest checkpoint",
    axis_code: 10,
};

/// No new documents without time stamps of the ledger.
pub static LEDGER_TIMESTAMP_MISSING: ProblemKind = ProblemKind {
    code: "ledger.timestamp_missing",
    status: 503,
    retryable: true,
    title_vi: "Tạm ngừng nhận văn bản mới vì nhật ký thiếu dấu thời gian",
    title_en: "No new documents while the ledger has no time stamps",
    fix_vi: "Thử lại sau với cùng khóa chống trùng; người quản trị xem lgsp doctor",
    fix_en: "Try again later with the same idempotency key; the operator runs lgsp doctor",
    axis_code: 20,
};

/// The clock of the platform is too far off to sign anything.
pub static LEDGER_CLOCK: ProblemKind = ProblemKind {
    code: "ledger.clock",
    status: 503,
    retryable: true,
    title_vi: "Đồng hồ của nền tảng sai quá xa nên không ký gì",
    title_en: "The platform's clock is too far off to sign anything",
    fix_vi: "Thử lại sau; người quản trị chỉnh đồng hồ, bật đồng bộ NTP, xem lgsp doctor",
    fix_en: "Try again later; the operator sets the clock, turns NTP on and runs lgsp doctor",
    axis_code: 20,
};

/// The national portal does not answer.
pub static PORTAL_UNAVAILABLE: ProblemKind = ProblemKind {
    code: "portal.unavailable",
    status: 503,
    retryable: true,
    title_vi: "Cổng quốc gia không trả lời",
    title_en: "The national portal does not answer",
    fix_vi: "Thử lại sau; xem tình trạng từng dịch vụ của hệ thống kết nối",
    fix_en: "Try again later; look at the health of each service of the connected system",
    axis_code: 20,
};
/// The ledger is not available.
pub static LEDGER_UNAVAILABLE: ProblemKind = ProblemKind {
    code: "ledger.unavailable",
    status: 503,
    retryable: true,
    title_vi: "Nhật ký chưa sẵn sàng",
    title_en: "The ledger is not available",
    fix_vi: "Thử lại sau; người quản trị xem /readyz",
    fix_en: "Try again later; the operator looks at /readyz",
    axis_code: 20,
};

/// Too many event streams are open.
pub static EVENTS_LIMIT: ProblemKind = ProblemKind {
    code: "events.limit",
    status: 429,
    retryable: true,
    title_vi: "Quá nhiều luồng sự kiện đang mở",
    title_en: "Too many event streams are open",
    fix_vi: "Đóng bớt luồng rồi kết nối lại",
    fix_en: "Close some streams and connect again",
    axis_code: 20,
};

/// The organisation was not found.
pub static ORG_UNKNOWN: ProblemKind = ProblemKind {
    code: "org.unknown",
    status: 404,
    retryable: false,
    title_vi: "Không tìm thấy đơn vị",
    title_en: "The organisation was not found",
    fix_vi: "Tra cứu theo mã hoặc tên trong danh bạ",
    fix_en: "Search the directory by code or name",
    axis_code: 18,
};

/// The code was issued before and is never issued again.
pub static ORG_CODE_TAKEN: ProblemKind = ProblemKind {
    code: "org.code_taken",
    status: 409,
    retryable: false,
    title_vi: "Mã đơn vị đã được cấp và không cấp lại",
    title_en: "The code was issued before and is never issued again",
    fix_vi: "Dùng mã khác",
    fix_en: "Use another code",
    axis_code: 10,
};

/// The code does not follow its form.
pub static ORG_CODE_INVALID: ProblemKind = ProblemKind {
    code: "org.code_invalid",
    status: 422,
    retryable: false,
    title_vi: "Mã đơn vị không đúng quy cách",
    title_en: "The code does not follow its form",
    fix_vi: "Dùng mã theo QĐ 20/2020/QĐ-TTg",
    fix_en: "Use a code in the form of Decision 20/2020/QĐ-TTg",
    axis_code: 10,
};

/// The event in an organisation's life is not valid.
pub static ORG_EVENT: ProblemKind = ProblemKind {
    code: "org.event",
    status: 422,
    retryable: false,
    title_vi: "Sự kiện tổ chức không hợp lệ",
    title_en: "The event in an organisation's life is not valid",
    fix_vi: "Sửa các chỗ nêu trong errors",
    fix_en: "Correct the places listed in errors",
    axis_code: 10,
};

/// The file has errors; nothing was imported.
pub static IMPORT_INVALID: ProblemKind = ProblemKind {
    code: "import.invalid",
    status: 422,
    retryable: false,
    title_vi: "Tệp nhập có lỗi; chưa nhập gì",
    title_en: "The file has errors; nothing was imported",
    fix_vi: "Sửa các dòng nêu trong errors rồi nhập lại",
    fix_en: "Correct the lines listed in errors and import again",
    axis_code: 10,
};

/// The system was not found.
pub static SYSTEM_UNKNOWN: ProblemKind = ProblemKind {
    code: "system.unknown",
    status: 404,
    retryable: false,
    title_vi: "Không tìm thấy hệ thống",
    title_en: "The system was not found",
    fix_vi: "Kiểm tra mã hệ thống",
    fix_en: "Check the system's id",
    axis_code: 15,
};

/// The organisation has a system of that name.
pub static SYSTEM_EXISTS: ProblemKind = ProblemKind {
    code: "system.exists",
    status: 409,
    retryable: false,
    title_vi: "Đơn vị đã có hệ thống cùng tên",
    title_en: "The organisation has a system of that name",
    fix_vi: "Chọn tên khác hoặc đóng hệ thống cũ",
    fix_en: "Choose another name or close the old system",
    axis_code: 10,
};

/// The webhook endpoint was not found.
pub static WEBHOOK_UNKNOWN: ProblemKind = ProblemKind {
    code: "webhook.unknown",
    status: 404,
    retryable: false,
    title_vi: "Không tìm thấy điểm nhận webhook",
    title_en: "The webhook endpoint was not found",
    fix_vi: "Kiểm tra mã điểm nhận",
    fix_en: "Check the endpoint's id",
    axis_code: 10,
};

/// The address is not allowed.
pub static URL_FORBIDDEN: ProblemKind = ProblemKind {
    code: "url.forbidden",
    status: 422,
    retryable: false,
    title_vi: "Địa chỉ không được phép",
    title_en: "The address is not allowed",
    fix_vi: "Đề nghị người quản trị đưa địa chỉ vào danh sách cho phép",
    fix_en: "Ask the operator to allow the address",
    axis_code: 10,
};

/// The If-Match field is missing.
pub static PRECONDITION_REQUIRED: ProblemKind = ProblemKind {
    code: "precondition.required",
    status: 428,
    retryable: false,
    title_vi: "Thiếu trường If-Match",
    title_en: "The If-Match field is missing",
    fix_vi: "Gửi If-Match với ETag hiện tại",
    fix_en: "Send If-Match with the current ETag",
    axis_code: 10,
};

/// The record has changed.
pub static PRECONDITION_FAILED: ProblemKind = ProblemKind {
    code: "precondition.failed",
    status: 412,
    retryable: false,
    title_vi: "Bản ghi đã thay đổi",
    title_en: "The record has changed",
    fix_vi: "Đọc lại rồi thử lại với ETag mới",
    fix_en: "Read it again and retry with the new ETag",
    axis_code: 10,
};

/// The disk is nearly full: nothing new is accepted.
pub static STORAGE_FULL: ProblemKind = ProblemKind {
    code: "storage.full",
    status: 507,
    retryable: true,
    title_vi: "Ổ đĩa sắp đầy: tạm ngừng nhận mới",
    title_en: "The disk is nearly full: nothing new is accepted",
    fix_vi: "Giải phóng dung lượng; gửi lại với cùng khóa chống trùng",
    fix_en: "Free space; send again with the same idempotency key",
    axis_code: 20,
};

/// The store is not available.
pub static STORAGE_UNAVAILABLE: ProblemKind = ProblemKind {
    code: "storage.unavailable",
    status: 503,
    retryable: true,
    title_vi: "Kho lưu trữ không sẵn sàng",
    title_en: "The store is not available",
    fix_vi: "Gửi lại sau với cùng khóa chống trùng",
    fix_en: "Send again later with the same idempotency key",
    axis_code: 20,
};

/// Stored data is damaged and is not served.
pub static STORAGE_CORRUPT: ProblemKind = ProblemKind {
    code: "storage.corrupt",
    status: 500,
    retryable: false,
    title_vi: "Dữ liệu lưu trữ bị hỏng: không cung cấp",
    title_en: "Stored data is damaged and is not served",
    fix_vi: "Người quản trị chạy lgsp doctor và khôi phục từ bản sao",
    fix_en: "The operator runs lgsp doctor and restores from a backup",
    axis_code: 20,
};

/// The platform is overloaded.
pub static SYSTEM_BUSY: ProblemKind = ProblemKind {
    code: "system.busy",
    status: 503,
    retryable: true,
    title_vi: "Hệ thống đang quá tải",
    title_en: "The platform is overloaded",
    fix_vi: "Gửi lại sau thời gian nêu trong Retry-After",
    fix_en: "Send again after the time in Retry-After",
    axis_code: 20,
};

/// Internal error.
pub static SYSTEM_INTERNAL: ProblemKind = ProblemKind {
    code: "system.internal",
    status: 500,
    retryable: true,
    title_vi: "Lỗi nội bộ",
    title_en: "Internal error",
    fix_vi: "Gửi lại với cùng khóa chống trùng; báo mã yêu cầu nếu còn lỗi",
    fix_en: "Send again with the same idempotency key; report the request id if it persists",
    axis_code: 20,
};

/// Every entry.
pub static ALL: &[&ProblemKind] = &[
    &INPUT_INVALID,
    &INPUT_JSON,
    &INPUT_DUPLICATE,
    &INPUT_MEDIA_TYPE,
    &INPUT_TOO_LARGE,
    &INPUT_MULTIPART,
    &HTTP_NOT_FOUND,
    &HTTP_METHOD,
    &HTTP_TIMEOUT,
    &HTTP_HOST,
    &HTTP_CONNECTION,
    &HTTP_FRAMING,
    &HTTP_SYNTAX,
    &HTTP_TARGET_TOO_LONG,
    &HTTP_HEAD_TOO_LARGE,
    &HTTP_EXPECTATION,
    &AUTH_REQUIRED,
    &AUTH_INVALID,
    &AUTH_FORBIDDEN,
    &AUTH_FORM,
    &AUTH_TOO_MANY,
    &AXIS_SIGNATURE,
    &AXIS_TIMESTAMP,
    &AXIS_METHOD,
    &AXIS_HASH,
    &XML_MALFORMED,
    &XML_DTD,
    &XML_LIMITS,
    &EDXML_NAMESPACE,
    &EDXML_INVALID,
    &ATTACHMENT_ENCODING,
    &ATTACHMENT_ARCHIVE,
    &ATTACHMENT_TYPE,
    &ATTACHMENT_TOO_LARGE,
    &ATTACHMENT_NOT_FOUND,
    &EXCHANGE_SENDER,
    &EXCHANGE_RECIPIENT_UNKNOWN,
    &EXCHANGE_RECIPIENT_CLOSED,
    &EXCHANGE_RECIPIENT_FORMAT,
    &EXCHANGE_RECIPIENTS,
    &EXCHANGE_CONFLICT,
    &EXCHANGE_IDEMPOTENCY_CONFLICT,
    &EXCHANGE_IDEMPOTENCY_REQUIRED,
    &EXCHANGE_SECRET,
    &EXCHANGE_DOCUMENT_UNKNOWN,
    &EXCHANGE_DELIVERY_UNKNOWN,
    &EXCHANGE_DELIVERY_STATE,
    &EXCHANGE_ORDER,
    &EXCHANGE_STATUS,
    &RECEIPT_HASH,
    &EXCHANGE_DOCUMENT_ERASED,
    &EXCHANGE_DOCUMENT_OPEN,
    &EXCHANGE_RESEND_EMPTY,
    &JOB_UNKNOWN,
    &JOB_LIMIT,
    &DOSSIER_UNKNOWN,
    &DOSSIER_CODE_INVALID,
    &DOSSIER_INVALID,
    &DOSSIER_OTHER_APPLICANT,
    &DOSSIER_EXISTS,
    &DOSSIER_TRANSITION,
    &DOSSIER_PROCEDURE_UNKNOWN,
    &DOSSIER_AGENCY_UNKNOWN,
    &DOSSIER_BATCH_TOO_LARGE,
    &DOSSIER_ERASED,
    &DOSSIER_FILE_UNKNOWN,
    &DOSSIER_FILE_TOO_LARGE,
    &DOSSIER_LINK_EXPIRED,
    &DOSSIER_LINK_AUDIENCE,
    &DOSSIER_KEYS,
    &LEDGER_NOT_SEALED,
    &LEDGER_UNKNOWN,
    &LEDGER_TIMESTAMP_MISSING,
    &LEDGER_CLOCK,
    &PORTAL_UNAVAILABLE,
    &LEDGER_UNAVAILABLE,
    &EVENTS_LIMIT,
    &ORG_UNKNOWN,
    &ORG_CODE_TAKEN,
    &ORG_CODE_INVALID,
    &ORG_EVENT,
    &IMPORT_INVALID,
    &SYSTEM_UNKNOWN,
    &SYSTEM_EXISTS,
    &WEBHOOK_UNKNOWN,
    &URL_FORBIDDEN,
    &PRECONDITION_REQUIRED,
    &PRECONDITION_FAILED,
    &STORAGE_FULL,
    &STORAGE_UNAVAILABLE,
    &STORAGE_CORRUPT,
    &SYSTEM_BUSY,
    &SYSTEM_INTERNAL,
];
