//! The fields of a multipart form: whatever the bytes, an answer within the limits and no panic.
#![no_main]

use lgsp_api::form::{Disposition, FIELD_BYTES_MAX, FIELDS_MAX, Fields};
use lgsp_base::limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut fields = Fields::default();
    let mut taken = 0usize;
    // Parts are `header NUL value`, separated by two NULs.
    for part in data.split(|byte| *byte == 0).collect::<Vec<_>>().chunks(2) {
        let (head, value) = match part {
            [head, value] => (*head, *value),
            [head] => (*head, &b""[..]),
            _ => continue,
        };
        let Ok(disposition) = Disposition::parse(head) else {
            continue;
        };
        assert!(!disposition.name.is_empty());
        assert!(!disposition.name.chars().any(char::is_control));
        match disposition.file_name {
            Some(name) => {
                assert!((1..=limits::FILE_NAME_CHARS_MAX).contains(&name.chars().count()));
            }
            None => {
                if fields.add(&disposition.name, value).is_ok() {
                    taken += 1;
                    assert!(value.len() <= FIELD_BYTES_MAX);
                }
            }
        }
    }
    assert!(taken <= FIELDS_MAX);
    for code in fields.receivers() {
        assert!(!code.is_empty() && !code.contains(','));
    }
});
