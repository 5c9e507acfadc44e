//! Looking for single bytes, a block at a time, so that long texts pass at the speed of memory.

/// Bytes judged together; the compiler turns such a block into a few vector instructions.
const BLOCK_BYTES: usize = 64;

/// The offset of the first byte that `is_wanted`, which should compare with `|` and `&`: a branch per byte undoes the gain.
#[inline]
pub(crate) fn position(bytes: &[u8], is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, tail) = bytes.as_chunks::<BLOCK_BYTES>();
    for (index, block) in blocks.iter().enumerate() {
        let hits = block
            .iter()
            .fold(0u8, |hits, byte| hits | u8::from(is_wanted(*byte)));
        if hits != 0 {
            return first(block, &is_wanted).map(|at| index * BLOCK_BYTES + at);
        }
    }
    first(tail, &is_wanted).map(|at| bytes.len() - tail.len() + at)
}

fn first(bytes: &[u8], is_wanted: &impl Fn(u8) -> bool) -> Option<usize> {
    bytes.iter().position(|byte| is_wanted(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wanted_byte_is_found_wherever_it_stands() {
        for length in [0, 1, 63, 64, 65, 128, 200] {
            let mut bytes = vec![b'a'; length];
            assert_eq!(position(&bytes, |byte| byte == b'<'), None);
            for at in (0..length).rev() {
                // Later ones stay in place: the first must win.
                bytes[at] = b'<';
                assert_eq!(position(&bytes, |byte| byte == b'<'), Some(at));
            }
        }
    }
}
