//! Every limit of the platform, in one place, with its unit in the name.
//!
//! A limit that an operator may change is a setting whose default stands here.

use std::time::Duration;

/// Characters of an organisation code, foreign ones included.
pub const ORG_CODE_CHARS_MAX: usize = 64;
/// Characters of an organisation's name.
pub const ORG_NAME_CHARS_MAX: usize = 300;

/// Bytes of one request head.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header fields of one request.
pub const HTTP_HEADERS_MAX: usize = 100;
/// Bytes of a request target.
pub const HTTP_TARGET_BYTES_MAX: usize = 16 * 1024;
/// Bytes of all chunk extensions of one request body.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of all trailer fields behind one request body.
pub const HTTP_TRAILER_BYTES_MAX: usize = 8 * 1024;
/// How long a kept connection may stand without a request.
pub const HTTP_IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a refused client's remaining bytes are read and thrown away, so that it sees its answer.
pub const HTTP_LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes thrown away in that time.
pub const HTTP_LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Time to receive a whole request head.
pub const HTTP_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence inside a request body.
pub const HTTP_BODY_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes per second below which a body is too slow, once the grace is over.
pub const HTTP_BODY_BYTES_PER_SECOND_MIN: u64 = 1024;
/// How long a body may be slow before its rate counts.
pub const HTTP_BODY_RATE_GRACE: Duration = Duration::from_secs(60);
/// Longest time in which a client may refuse to take an answer's bytes.
pub const HTTP_WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// Connections of one listener.
pub const HTTP_CONNECTIONS_MAX: usize = 4_096;
/// Bytes of a JSON request body.
pub const JSON_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Nesting of a JSON request body.
pub const JSON_DEPTH_MAX: usize = 64;
/// How long a shutdown waits for open requests.
pub const SHUTDOWN_DRAIN: Duration = Duration::from_secs(30);

/// Bytes of one document, attachments included.
pub const DOCUMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bodies up to this size stand in the database row, larger ones are blobs.
pub const INLINE_BODY_BYTES_MAX: usize = 64 * 1024;
/// Recipients of one document.
pub const RECIPIENTS_MAX: usize = 1_000;
/// Attachments of one document.
pub const ATTACHMENTS_MAX: usize = 200;
/// Characters of an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Days for which idempotency keys are kept at least.
pub const IDEMPOTENCY_KEY_DAYS: u64 = 30;
/// Characters of a subject, a reason or another line of text.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Characters of an external document id.
pub const EXTERNAL_ID_CHARS_MAX: usize = 500;

/// Bytes of one body with dossiers.
pub const DOSSIER_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of one body in which files stand as base64.
pub const DOSSIER_FILES_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of one such file.
pub const DOSSIER_INLINE_FILE_BYTES_MAX: usize = 20 * 1024 * 1024;
/// JSON values of one body with dossiers, nested ones included.
pub const DOSSIER_JSON_VALUES_MAX: usize = 200_000;
/// Dossiers of one call.
pub const DOSSIER_BATCH_MAX: usize = 200;
/// Steps of progress that the national portal takes in one call (protocols §4.4).
pub const DOSSIER_PROGRESS_BATCH_MAX: usize = 10;
/// Fields of one JSON object with a dossier, unknown ones included.
pub const DOSSIER_FIELDS_MAX: usize = 128;
/// Items of one list inside a dossier.
pub const DOSSIER_LIST_ITEMS_MAX: usize = 200;
/// Broken rules, and habits looked past, that are listed for one dossier.
pub const DOSSIER_VIOLATIONS_MAX: usize = 200;
/// Dossiers that one page of a list walks over at most: behind them it says where the next page goes on.
pub const DOSSIER_SCAN_MAX: usize = 4_000;
/// Plain bytes of one piece of a sealed file.
pub const SEALED_CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of a file of keys.
pub const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
/// Key-encryption keys in one file.
pub const KEY_RING_KEYS_MAX: usize = 256;
/// How long a key-encryption key stays after another took its place, used or not: longer than any node takes to notice.
pub const KEY_SUPERSEDED_MIN: Duration = Duration::from_secs(3600);
/// Bytes of one dossier in our own JSON.
pub const DOSSIER_BYTES_MAX: usize = 512 * 1024;
/// Dossiers of one batch that are stored at the same time.
pub const DOSSIERS_AT_ONCE: usize = 16;
/// Steps in one push of progress.
pub const DOSSIER_STEPS_PER_PUSH_MAX: usize = 200;
/// Steps in the history of one dossier; later ones move its status and are not kept apart.
pub const DOSSIER_STEPS_MAX: usize = 1_000;
/// Organisations that one dossier reaches.
pub const DOSSIER_PARTIES_MAX: usize = 64;
/// Messages about a dossier that one view shows, the newest.
pub const DOSSIER_MESSAGES_MAX: usize = 500;
/// Bytes of one file of a dossier.
pub const DOSSIER_FILE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// Files of one dossier.
pub const DOSSIER_FILES_MAX: usize = 200;
/// How long a link to a file is good when the caller names no time.
pub const DOSSIER_LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a link to a file is good at most.
pub const DOSSIER_LINK_LIFE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Rules by which dossiers are sent on.
pub const DOSSIER_ROUTES_MAX: usize = 1_000;
/// Dossiers that a portal is asked for at once when it is compared.
pub const PORTAL_LOOK_UP_MAX: usize = 50;
/// Looks that the page of one dossier shows, the newest.
pub const DOSSIER_LOOKS_SHOWN: usize = 20;
/// Looks in one answer about a person, the newest.
pub const DOSSIER_LOOKS_MAX: usize = 1_000;

/// Nesting of an XML document.
pub const XML_DEPTH_MAX: usize = 32;
/// Elements of an XML document.
pub const XML_ELEMENTS_MAX: usize = 20_000;
/// Attributes of one element, namespace declarations included.
pub const XML_ATTRIBUTES_MAX: usize = 64;
/// Bytes of one tag, comment, processing instruction or CDATA section.
pub const XML_TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one text node outside an attachment.
pub const XML_TEXT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a packet without its attachments.
pub const XML_HEADER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes before the XML declaration that some producers write.
pub const XML_JUNK_BYTES_MAX: usize = 64;
/// Unpacked size of a zipped attachment divided by its packed size.
pub const ZIP_RATIO_MAX: u64 = 200;
/// Unpacked bytes below which the ratio is not looked at: a short text of blanks is no bomb.
pub const ZIP_RATIO_FLOOR_BYTES: u64 = 1024 * 1024;
/// Bytes of an attachment after unpacking.
pub const ATTACHMENT_BYTES_MAX: u64 = 1536 * 1024 * 1024;
/// Characters of a file name.
pub const FILE_NAME_CHARS_MAX: usize = 255;

/// Bytes of the signed header text of the document axis.
pub const AXIS_SIGN_HEADER_BYTES_MAX: usize = 32 * 1024;
/// How old or how far ahead the timestamp of a signed axis request may be: its clients build it once and send it for
/// as long as they live (protocols §2.2), and repeated sends are recognised by their content.
pub const AXIS_TIMESTAMP_SKEW: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long a session on the REST flavour of the document axis lasts (protocols §2.6).
pub const AXIS_SESSION_LIFE: Duration = Duration::from_secs(30 * 60);
/// Failed logins there of one address under one name within [`AXIS_LOGIN_WINDOW`]; further ones are not looked at.
pub const AXIS_LOGIN_FAILURES_MAX: u32 = 10;
/// The time in which failed logins are counted.
pub const AXIS_LOGIN_WINDOW: Duration = Duration::from_secs(5 * 60);
/// Addresses with names whose failed logins are counted apart: many systems may stand behind one proxy.
pub const AXIS_LOGIN_KEYS_MAX: usize = 65_536;
/// Text fields of a form that sends a packet.
pub const AXIS_FORM_FIELDS_MAX: usize = 16;
/// Bytes of one of them.
pub const AXIS_FORM_FIELD_BYTES_MAX: usize = 1024;
/// Bytes of such a form that are read without finding the next part or a piece of one.
pub const AXIS_FORM_HEAD_BYTES_MAX: usize = 512 * 1024;

/// Items of one page of a list.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Items of a page when the caller names no size.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// Deliveries in one acknowledgement.
pub const ACKNOWLEDGE_BATCH_MAX: usize = 1_000;
/// Bytes of bodies in one inbox page that includes them.
pub const INBOX_CONTENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Tries of a recipient that refuses a document before it is parked and later ones pass.
pub const REFUSALS_MAX: u32 = 5;
/// Delay before each further try of a push delivery; after the last one the delivery is dead.
pub const RETRY_SCHEDULE: [Duration; 10] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];
/// Longest `Retry-After` of a recipient that is honoured.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long a worker owns a delivery before another may take it.
pub const DELIVERY_LEASE: Duration = Duration::from_secs(60);
/// Deliveries that one worker has under way at once.
pub const DELIVERIES_AT_ONCE: usize = 64;
/// How long a document waits for its recipients before it expires with a notice.
pub const DELIVERY_EXPIRY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Deliveries of one bulk resend; what is beyond is taken by a further one.
pub const RESEND_ITEMS_MAX: usize = 20_000;
/// Deliveries sent again per second by one bulk resend when the caller names no pace.
pub const RESEND_PER_SECOND_DEFAULT: u32 = 12;
/// Fastest pace of one bulk resend.
pub const RESEND_PER_SECOND_MAX: u32 = 500;
/// Bulk resends that may be under way at once.
pub const RESEND_JOBS_MAX: usize = 16;
/// How long a finished bulk resend can be looked at.
pub const RESEND_JOB_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// Troubled deliveries that are looked through when they are grouped, newest first.
pub const TROUBLED_SCAN_MAX: usize = 100_000;
/// Groups of troubled deliveries in one answer, the largest first.
pub const TROUBLED_GROUPS_MAX: usize = 500;
/// Deliveries named as examples of a group.
pub const TROUBLED_SAMPLES_MAX: usize = 3;
/// Streams of events that are open at once.
pub const EVENT_STREAMS_MAX: usize = 256;
/// Streams of events that one caller has open at once.
pub const EVENT_STREAMS_PER_CALLER_MAX: usize = 16;
/// Sealed entries that a stream of events looks through before it lets others work.
pub const EVENTS_AT_ONCE: usize = 200;
/// Pages of sealed entries that the streams share.
pub const EVENT_PAGES_MAX: usize = 64;
/// Silence on a stream of events after which it says that it lives; as often it is asked whether its caller still may.
pub const EVENT_HEARTBEAT: Duration = Duration::from_secs(5);
/// When a client whose stream of events broke comes back.
pub const EVENT_RETRY: Duration = Duration::from_secs(2);
/// How long pushes are signed with the secret before, too, after it was rotated.
pub const WEBHOOK_SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Time for one webhook call.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a webhook's answer that are read.
pub const WEBHOOK_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Time for one call of a system by its own protocol.
pub const CONNECTOR_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for one hand-over to such a system, log-in and repetition included; shorter than a lease.
pub const CONNECTOR_HAND_OVER_TIMEOUT: Duration = Duration::from_secs(50);
/// Bytes of such a system's answer that are read.
pub const CONNECTOR_ANSWER_BYTES_MAX: usize = DOSSIER_BODY_BYTES_MAX;
/// Dossiers that are looked up at the national portal at once.
pub const CONNECTOR_LOOK_UPS_AT_ONCE: usize = 4;
/// Days before today that the daily round compares with the national portal, where they are not compared yet.
pub const RECONCILE_DAYS: i32 = 7;
/// Procedures that are fetched from the national portal.
pub const PORTAL_PROCEDURES_MAX: usize = 20_000;
/// Entries of one catalogue of the national portal that are kept.
pub const PORTAL_CATALOGUE_MAX: usize = 20_000;
/// First pause between two questions about a dossier at a ministry; it grows with the age of the question.
pub const MINISTRY_POLL_MIN: Duration = Duration::from_secs(60);
/// Longest pause between two such questions.
pub const MINISTRY_POLL_MAX: Duration = Duration::from_secs(6 * 3600);
/// Questions about one dossier at a ministry; then it is given up.
pub const MINISTRY_POLLS_MAX: u32 = 1_000;
/// Dossiers that are asked for at ministries in one step.
pub const MINISTRY_POLLS_AT_ONCE: usize = 16;
/// Characters of such a system's words that are kept.
pub const CONNECTOR_DETAIL_CHARS: usize = 300;

/// How long codes closed by a merger or a renaming route to the successor.
pub const TRANSITION_PERIOD: Duration = Duration::from_secs(730 * 24 * 3600);
/// Rows of one imported file.
pub const IMPORT_ROWS_MAX: usize = 500_000;
/// Bytes of one imported file.
pub const IMPORT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Problems listed in the report of a refused import.
pub const IMPORT_PROBLEMS_MAX: usize = 200;
/// Results of one directory search.
pub const SEARCH_RESULTS_MAX: usize = 200;

/// Members of one group commit.
pub const WRITE_GROUP_MAX: usize = 256;
/// Writes that may wait for the writer.
pub const WRITE_QUEUE_MAX: usize = 8_192;
/// Reads that may wait for a reader.
pub const READ_QUEUE_MAX: usize = 8_192;
/// Write-ahead log size at which the checkpoint also truncates it.
pub const WAL_TRUNCATE_BYTES: u64 = 256 * 1024 * 1024;
/// Free bytes below which no new document is accepted.
pub const DISK_RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// Age at which a blob without a row is removed.
pub const ORPHAN_BLOB_AGE: Duration = Duration::from_secs(3600);

/// Entries that become leaves in one transaction: small enough that the writer's other work hardly waits.
pub const SEAL_BATCH_MAX: usize = 2_048;
/// Batches that one round of sealing takes before it publishes a checkpoint.
pub const SEAL_BATCHES_MAX: usize = 16;
/// Time between two rounds of sealing while there is something new.
pub const SEAL_INTERVAL: Duration = Duration::from_millis(250);
/// How long a node owns the sealing after it sealed; another takes over when the time is up.
pub const SEAL_LEASE: Duration = Duration::from_secs(3);
/// How long a row id that was skipped is waited for. Longer than any transaction may be open, as an entry that appears
/// later would never be sealed.
pub const LEDGER_GAP_WAIT: Duration = Duration::from_secs(600);
/// Gaps that are looked at in one round of sealing.
pub const LEDGER_GAPS_AT_ONCE: usize = 256;
/// Leaves read at once.
pub const LEDGER_LEAVES_MAX: usize = 4_096;
/// A step of the wall clock against the monotonic one that is worth an entry of the ledger.
pub const CLOCK_STEP_MIN: Duration = Duration::from_millis(100);
/// Difference of the clock from what else is known of the time that raises an alarm (reliability A8).
pub const CLOCK_SKEW_ALARM: Duration = Duration::from_secs(1);
/// Difference of the clock above which no checkpoint and no receipt is signed (reliability A8).
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);
/// Cosignatures kept per checkpoint.
pub const LEDGER_COSIGNATURES_MAX: usize = 12;

/// Time between two time stamps of the newest checkpoint.
pub const TIMESTAMP_INTERVAL: Duration = Duration::from_secs(60);
/// How long a time-stamp authority may be away before new documents are refused, where that is set.
pub const TIMESTAMP_OUTAGE_MAX: Duration = Duration::from_secs(14_400);
/// Time for one call of a time-stamp authority or a witness.
pub const NOTARY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of such a call's answer that are read.
pub const NOTARY_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Longest pause between two tries of a witness that does not answer.
pub const WITNESS_PAUSE_MAX: Duration = Duration::from_secs(300);
/// Witnesses of one log.
pub const WITNESSES_MAX: usize = 8;
/// Logs that one witness watches.
pub const WITNESS_LOGS_MAX: usize = 64;
/// Connections of a witness.
pub const WITNESS_CONNECTIONS_MAX: usize = 64;

/// Silence after which a session of the console ends.
pub const CONSOLE_SESSION_IDLE: Duration = Duration::from_secs(15 * 60);
/// Longest life of a session of the console, however busy it is.
pub const CONSOLE_SESSION_LIFE: Duration = Duration::from_secs(12 * 3600);
/// How old a session's last sign of life must be before a further one is written down.
pub const CONSOLE_SESSION_TOUCH: Duration = Duration::from_secs(60);
/// How long a link that opens the console once is good.
pub const CONSOLE_LINK_LIFE: Duration = Duration::from_secs(15 * 60);
/// Failed logins of one address within [`CONSOLE_LOGIN_WINDOW`]; further ones are not looked at.
pub const CONSOLE_LOGIN_FAILURES_MAX: u32 = 10;
/// The time in which failed logins are counted.
pub const CONSOLE_LOGIN_WINDOW: Duration = Duration::from_secs(5 * 60);
/// How long a page waits for a comparison with a portal that was asked for.
pub const CONSOLE_RECONCILE_WAIT: Duration = Duration::from_secs(20);
/// Public look-ups that found nothing, from one address within [`LOOK_UP_WINDOW`].
pub const LOOK_UP_FAILURES_PER_ADDRESS_MAX: u32 = 10;
/// Public look-ups of one code with wrong digits within [`LOOK_UP_WINDOW`].
pub const LOOK_UP_FAILURES_PER_CODE_MAX: u32 = 5;
/// After this time a visitor may try again.
pub const LOOK_UP_WINDOW: Duration = Duration::from_secs(600);
/// Addresses and codes whose failed look-ups are counted apart; beyond them they share one count.
pub const LOOK_UP_KEYS_MAX: usize = 10_000;
/// Addresses whose failed logins are counted apart; beyond them all others share one count.
pub const CONSOLE_LOGIN_ADDRESSES_MAX: usize = 4_096;
/// Bytes of a form of the console.
pub const CONSOLE_FORM_BYTES_MAX: usize = 256 * 1024;
/// Fields of a form of the console.
pub const CONSOLE_FORM_FIELDS_MAX: usize = 4_000;
/// Steps in which a page of the console is rendered at most.
pub const CONSOLE_TEMPLATE_FUEL: u64 = 5_000_000;
/// How long one stream of the console stays open; the browser opens the next where it ended.
pub const CONSOLE_STREAM_LIFE: Duration = Duration::from_secs(10 * 60);
/// Streams of the console that one visitor's credential has open at once, in all its windows.
pub const CONSOLE_STREAMS_PER_VISITOR_MAX: usize = 32;
/// Characters of the detail of one try on a page.
pub const CONSOLE_DETAIL_CHARS: usize = 2_000;
/// Rows of one page of a list in the console.
pub const CONSOLE_PAGE_ROWS: usize = 50;

/// Sealed entries that the projector works into its tables in one transaction: small enough that the writer's other work
/// hardly waits.
pub const INSIGHT_BATCH_MAX: usize = 256;
/// How many times as long as its last transaction took the projector then rests, so that it has a bounded share of the writer.
pub const INSIGHT_REST_FACTOR: u32 = 9;
/// Pages of the search index that are merged after a batch; a batch writes about a dozen, and each is merged some six times
/// in its life.
pub const INSIGHT_MERGE_PAGES: usize = 128;
/// Time between two looks of the projector when it has nothing to do.
pub const INSIGHT_INTERVAL: Duration = Duration::from_millis(250);
/// Different words of one document that the search index keeps; those of the number and the subject come first.
pub const INSIGHT_WORDS_MAX: usize = 512;
/// Characters of a word in the search index; what is behind them is not compared.
pub const INSIGHT_WORD_CHARS_MAX: usize = 64;
/// Words of a search that are looked at.
pub const INSIGHT_QUERY_WORDS_MAX: usize = 16;
/// Organisations that one search may be limited to.
pub const INSIGHT_SCOPE_MAX: usize = 1_000;
/// Time after which a confirmation counts as late.
pub const INSIGHT_SLOW_AFTER: Duration = Duration::from_secs(15 * 60);
/// Health strips of one overview.
pub const INSIGHT_STRIPS_MAX: usize = 500;
/// Sealed entries that are looked through for one page of activity.
pub const INSIGHT_ACTIVITY_SCAN_MAX: usize = 2_000;

/// Bytes of a receipt bundle.
pub const RECEIPT_BYTES_MAX: usize = 1024 * 1024;
/// Changes of the log's key that a receipt bundle shows.
pub const RECEIPT_SUCCESSIONS_MAX: usize = 64;
