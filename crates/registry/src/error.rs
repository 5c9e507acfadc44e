//! Why an operation of the registry did not happen, one enum per group of operations.

use lgsp_base::actor::{Actor, Permission};
use lgsp_base::org_code::{CodeError, Scheme};
use lgsp_base::problem::{Problem, kinds, rules};
use lgsp_base::time::Timestamp;
use lgsp_store::StoreError;

/// A rule that an event in the life of organisations must keep.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventRule {
    /// No organisation has the code or id.
    #[error("{0} is no known organisation")]
    Unknown(String),
    /// The organisation does not exist at that date.
    #[error("{0} does not exist on that date")]
    NotActive(String),
    /// The event is not after the beginning of the organisation.
    #[error("the date is not after the beginning of {0}")]
    BeforeBeginning(String),
    /// An event of the organisation on or after that date is recorded already and would be contradicted.
    #[error("{0} has events on or after that date that contradict this one")]
    LaterEvents(String),
    /// The same organisation on both sides.
    #[error("{0} stands on both sides")]
    SameOrganisation(String),
    /// An organisation would stand above or succeed itself.
    #[error("{0} would stand above itself or succeed itself")]
    Cycle(String),
    /// A split needs two successors, a transfer one, a merger a predecessor.
    #[error("an organisation is missing in the list")]
    TooFew,
    /// Levels count from 1 to 9.
    #[error("the level is not between 1 and 9")]
    Level,
    /// The name is empty.
    #[error("the name is empty")]
    NameEmpty,
    /// The name is too long or has control characters.
    #[error("the name is too long or has control characters")]
    NameForm,
    /// The kind is not a short word of a–z, 0–9 and `_`.
    #[error("the kind is not a short word of a-z, 0-9 and _")]
    Kind,
    /// An organisation begins with at least one code by which others can name it.
    #[error("the organisation has no code by which others can name it")]
    NoCode,
    /// The code was given before and is never given again.
    #[error("code {0} was given before and is never given again")]
    CodeTaken(String),
    /// The code does not follow its form.
    #[error("code {code} of scheme {scheme} is not valid")]
    Code {
        /// The scheme.
        scheme: Scheme,
        /// The text.
        code: String,
        /// What is wrong with it.
        #[source]
        cause: CodeError,
    },
    /// Nothing would change.
    #[error("nothing would change")]
    NoChange,
}

impl EventRule {
    /// A stable word for `errors[].rule`.
    pub const fn name(&self) -> &'static str {
        match self {
            EventRule::Unknown(_) => "unknown",
            EventRule::NotActive(_) => "not_active",
            EventRule::BeforeBeginning(_) => "before_beginning",
            EventRule::LaterEvents(_) => "later_events",
            EventRule::SameOrganisation(_) => "same_organisation",
            EventRule::Cycle(_) => "cycle",
            EventRule::TooFew => "too_few",
            EventRule::Level => "level",
            EventRule::NameEmpty => "name_empty",
            EventRule::NameForm => "name_form",
            EventRule::Kind => "kind",
            EventRule::NoCode => "no_code",
            EventRule::CodeTaken(_) => "code_taken",
            EventRule::Code { .. } => "code_invalid",
            EventRule::NoChange => "no_change",
        }
    }

    /// The sentence for people in Vietnamese; `Display` is the English one.
    pub fn message_vi(&self) -> String {
        match self {
            EventRule::Unknown(org) => format!("không có đơn vị {org}"),
            EventRule::NotActive(org) => format!("đơn vị {org} không tồn tại vào ngày đó"),
            EventRule::BeforeBeginning(org) => {
                format!("ngày hiệu lực không sau ngày bắt đầu của {org}")
            }
            EventRule::LaterEvents(org) => {
                format!("đã có sự kiện từ ngày đó trở đi của {org} mâu thuẫn với sự kiện này")
            }
            EventRule::SameOrganisation(org) => format!("{org} đứng ở cả hai bên"),
            EventRule::Cycle(org) => {
                format!("{org} sẽ là cấp trên hoặc đơn vị kế thừa của chính mình")
            }
            EventRule::TooFew => "thiếu đơn vị trong danh sách".to_owned(),
            EventRule::Level => "cấp phải từ 1 đến 9".to_owned(),
            EventRule::NameEmpty => "tên để trống".to_owned(),
            EventRule::NameForm => "tên quá dài hoặc có ký tự điều khiển".to_owned(),
            EventRule::Kind => "loại đơn vị chỉ gồm a-z, 0-9 và _".to_owned(),
            EventRule::NoCode => "đơn vị không có mã để nơi khác gửi tới".to_owned(),
            EventRule::CodeTaken(code) => format!("mã {code} đã được cấp và không cấp lại"),
            EventRule::Code { scheme, code, .. } => {
                format!("mã {code} thuộc hệ mã {scheme} không hợp lệ")
            }
            EventRule::NoChange => "không có gì thay đổi".to_owned(),
        }
    }

    /// The problem of an operation that breaks this rule.
    pub fn to_problem(&self) -> Problem {
        let kind = match self {
            EventRule::Unknown(_) => &kinds::ORG_UNKNOWN,
            EventRule::CodeTaken(_) => &kinds::ORG_CODE_TAKEN,
            EventRule::Code { .. } => &kinds::ORG_CODE_INVALID,
            _ => &kinds::ORG_EVENT,
        };
        kind.with(self).at("", self.name(), self.message_vi())
    }
}

/// Why an event or an import was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The actor lacks a permission.
    #[error("{} may not {}", actor, permission.name())]
    Forbidden {
        /// Who asked.
        actor: String,
        /// What is missing.
        permission: Permission,
    },
    /// The event breaks a rule.
    #[error("the event breaks a rule")]
    Rule(#[from] EventRule),
    /// Other nodes kept changing the directory.
    #[error("the directory changed while the event was being recorded")]
    Contended,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl EventError {
    /// The same for people and machines.
    pub fn to_problem(&self) -> Problem {
        match self {
            EventError::Forbidden { permission, .. } => {
                kinds::AUTH_FORBIDDEN.with(permission.name())
            }
            EventError::Rule(rule) => rule.to_problem(),
            EventError::Contended => kinds::SYSTEM_BUSY.problem().retry_after(1),
            EventError::Store(error) => error.to_problem(),
        }
    }
}

/// Why something about a system, its credentials or its endpoints was not done.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The actor lacks a permission, or it is another one's object.
    #[error("{} may not {}", actor, permission.name())]
    Forbidden {
        /// Who asked.
        actor: String,
        /// What is missing.
        permission: Permission,
    },
    /// No such organisation, or it has ended.
    #[error("{0} is no active organisation")]
    OrganisationUnknown(String),
    /// No such system, or it is closed.
    #[error("{0} is no active system")]
    SystemUnknown(String),
    /// No such token.
    #[error("{0} is no token")]
    TokenUnknown(String),
    /// No such endpoint.
    #[error("{0} is no webhook endpoint")]
    WebhookUnknown(String),
    /// The organisation has an active system of that name.
    #[error("the organisation has an active system named {0}")]
    Exists(String),
    /// The name is empty, too long, or has control characters.
    #[error("the name is empty, too long, or has control characters")]
    Name,
    /// The address is not one to which we send.
    #[error("the address is not allowed: {0}")]
    Url(#[from] UrlRule),
    /// Where a system is called, or its password, cannot be used.
    #[error("the connector cannot be used: {0}")]
    Connector(#[from] ConnectorRule),
    /// The vault does not open what the store holds.
    #[error("a stored secret does not open with this key")]
    Vault(#[from] crate::vault::VaultError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// What is wrong with where a system is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorRule {
    /// The protocol needs what was not named.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The protocol has no use for it.
    #[error("the protocol calls nobody")]
    Unwanted,
    /// Too long, or characters that cannot stand there.
    #[error("{0} does not have the form asked for")]
    Form(&'static str),
}

impl SystemError {
    /// The same for people and machines.
    pub fn to_problem(&self) -> Problem {
        match self {
            SystemError::Forbidden { permission, .. } => {
                kinds::AUTH_FORBIDDEN.with(permission.name())
            }
            SystemError::OrganisationUnknown(org) => kinds::ORG_UNKNOWN.with(org),
            SystemError::SystemUnknown(id) => kinds::SYSTEM_UNKNOWN.with(id),
            SystemError::TokenUnknown(id) => kinds::AUTH_INVALID.with(id),
            SystemError::WebhookUnknown(id) => kinds::WEBHOOK_UNKNOWN.with(id),
            SystemError::Exists(name) => kinds::SYSTEM_EXISTS.with(name),
            SystemError::Name => kinds::INPUT_INVALID.with(self).at(
                "name",
                "name",
                "tên để trống, quá dài hoặc có ký tự điều khiển",
            ),
            SystemError::Url(rule) => {
                kinds::URL_FORBIDDEN
                    .with(rule)
                    .at("url", rule.name(), rule.message_vi())
            }
            SystemError::Connector(rule) => {
                let (pointer, sentence) = match rule {
                    ConnectorRule::Missing(field) => (*field, rules::REQUIRED.plain()),
                    ConnectorRule::Unwanted => ("", rules::UNKNOWN_FIELD.plain()),
                    ConnectorRule::Form(field) => (*field, rules::FORM.plain()),
                };
                let pointer = format!("/connector/{pointer}");
                kinds::INPUT_INVALID
                    .problem()
                    .breaks(pointer.trim_end_matches('/'), sentence)
            }
            SystemError::Vault(_) => kinds::SYSTEM_INTERNAL.problem(),
            SystemError::Store(error) => error.to_problem(),
        }
    }
}

/// What is wrong with the address of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRule {
    /// Not an absolute address of at most 2,000 printable ASCII characters.
    #[error("not an absolute address of at most 2000 printable ASCII characters")]
    Form,
    /// Neither https nor, where allowed, http.
    #[error("the scheme is not https")]
    Scheme,
    /// A user name or password stands in it.
    #[error("it carries a user name or password")]
    UserInfo,
    /// A fragment stands in it.
    #[error("it carries a fragment")]
    Fragment,
}

impl UrlRule {
    /// A stable word for `errors[].rule`.
    pub const fn name(self) -> &'static str {
        match self {
            UrlRule::Form => "form",
            UrlRule::Scheme => "scheme",
            UrlRule::UserInfo => "user_info",
            UrlRule::Fragment => "fragment",
        }
    }

    /// The sentence in Vietnamese.
    pub const fn message_vi(self) -> &'static str {
        match self {
            UrlRule::Form => "không phải địa chỉ tuyệt đối, tối đa 2000 ký tự ASCII in được",
            UrlRule::Scheme => "giao thức không phải https",
            UrlRule::UserInfo => "địa chỉ chứa tên người dùng hoặc mật khẩu",
            UrlRule::Fragment => "địa chỉ chứa phần sau dấu #",
        }
    }
}

/// Refuses actors without the permission.
pub(crate) fn permit(actor: &Actor, permission: Permission) -> Result<(), Denied> {
    if actor.may(permission) {
        Ok(())
    } else {
        Err(Denied {
            actor: actor.label(),
            permission,
        })
    }
}

/// A refused permission on its way into an operation's own error.
#[derive(Debug)]
pub(crate) struct Denied {
    actor: String,
    permission: Permission,
}

impl From<Denied> for EventError {
    fn from(denied: Denied) -> Self {
        EventError::Forbidden {
            actor: denied.actor,
            permission: denied.permission,
        }
    }
}

impl From<Denied> for SystemError {
    fn from(denied: Denied) -> Self {
        SystemError::Forbidden {
            actor: denied.actor,
            permission: denied.permission,
        }
    }
}

/// The date of an event as people write it, or "since always".
pub(crate) fn date_text(at: Timestamp) -> String {
    if at <= Timestamp::BEGINNING {
        String::new()
    } else {
        at.to_civil_date()
    }
}
