//! The methods of the axis and what each request must sign (protocols §2.3).

/// The HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// One method of the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Sends a packet.
    SendEdoc,
    /// Lists packets that wait for the caller.
    GetReceivedEdocList,
    /// Fetches a packet as base64 in JSON.
    GetEdoc,
    /// Fetches a packet as raw bytes.
    DownloadEdoc,
    /// Acknowledges the transport of a packet.
    UpdateStatus,
    /// Lists packets that the caller sent.
    GetSentEdocList,
    /// Counts waiting documents.
    CountReceiveEdoc,
    /// Counts waiting status messages.
    CountReceiveStatus,
    /// The directory.
    GetAgenciesList,
    /// The directory by codes of QĐ 20/2020.
    GetAgenciesListQd20,
    /// Units to synchronise.
    GetSynchronizeUnit,
    /// Registers an agency.
    RegisterAgency,
    /// Removes an agency.
    DeleteAgency,
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 13] = [
        Self::SendEdoc,
        Self::GetReceivedEdocList,
        Self::GetEdoc,
        Self::DownloadEdoc,
        Self::UpdateStatus,
        Self::GetSentEdocList,
        Self::CountReceiveEdoc,
        Self::CountReceiveStatus,
        Self::GetAgenciesList,
        Self::GetAgenciesListQd20,
        Self::GetSynchronizeUnit,
        Self::RegisterAgency,
        Self::DeleteAgency,
    ];

    /// The last part of the path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::SendEdoc => "sendEdoc",
            Self::GetReceivedEdocList => "getReceivedEdocList",
            Self::GetEdoc => "getEdoc",
            Self::DownloadEdoc => "downloadEdoc",
            Self::UpdateStatus => "updateStatus",
            Self::GetSentEdocList => "getSentEdocList",
            Self::CountReceiveEdoc => "countReceiveEdoc",
            Self::CountReceiveStatus => "countReceiveStatus",
            Self::GetAgenciesList => "getAgenciesList",
            Self::GetAgenciesListQd20 => "getAgenciesListQD20",
            Self::GetSynchronizeUnit => "getSynchronizeUnit",
            Self::RegisterAgency => "registerAgency",
            Self::DeleteAgency => "deleteAgency",
        }
    }

    /// From the last part of the path, which is compared exactly.
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.path() == path)
    }

    /// The HTTP method.
    pub const fn verb(self) -> Verb {
        match self {
            Self::DownloadEdoc => Verb::Get,
            _ => Verb::Post,
        }
    }

    /// Parameters that the signature must cover besides `systemid` and `timestamp`. Optional ones need not be sent, but
    /// are covered if they are: no unsigned parameter is accepted.
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Self::SendEdoc => &["from", "servicetype", "messagetype", "hash-file"],
            Self::GetReceivedEdocList | Self::GetSentEdocList => &["servicetype", "messagetype"],
            Self::GetEdoc | Self::DownloadEdoc => &["docId"],
            Self::UpdateStatus => &["docId", "status"],
            Self::GetAgenciesListQd20 => &["level"],
            Self::DeleteAgency => &["AgencyCode"],
            Self::CountReceiveEdoc
            | Self::CountReceiveStatus
            | Self::GetAgenciesList
            | Self::GetSynchronizeUnit
            | Self::RegisterAgency => &[],
        }
    }
}
