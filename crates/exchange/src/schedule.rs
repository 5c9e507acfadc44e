//! When a push is tried again.

use std::time::Duration;

use lgsp_base::{Entropy, limits};

/// The delay before the next try after `failed` failed ones, with ±20 % jitter; none when the schedule is used up. A
/// recipient's `Retry-After` can lengthen the delay up to `limits::RETRY_AFTER_MAX`, never shorten it.
pub(crate) fn next_delay(
    schedule: &[Duration],
    failed: u64,
    retry_after: Option<Duration>,
    entropy: &dyn Entropy,
) -> Option<Duration> {
    let index = usize::try_from(failed.saturating_sub(1)).ok()?;
    let planned = *schedule.get(index)?;
    let span = u64::try_from(planned.as_millis()).unwrap_or(u64::MAX) * 2 / 5;
    let jittered =
        planned.mul_f64(0.8) + Duration::from_millis(entropy.below(span.saturating_add(1)));
    let asked = retry_after.unwrap_or_default().min(limits::RETRY_AFTER_MAX);
    Some(jittered.max(asked))
}

#[cfg(test)]
mod tests {
    use lgsp_base::entropy::SeededEntropy;

    use super::*;

    const SCHEDULE: &[Duration] = &limits::RETRY_SCHEDULE;

    #[test]
    fn delays_grow_with_jitter_and_end() {
        let entropy = SeededEntropy::new(3);
        for (index, planned) in SCHEDULE.iter().enumerate() {
            for _ in 0..50 {
                let delay =
                    next_delay(SCHEDULE, index as u64 + 1, None, &entropy).expect("in budget");
                assert!(
                    delay >= planned.mul_f64(0.8)
                        && delay <= planned.mul_f64(1.2) + Duration::from_millis(1)
                );
            }
        }
        assert_eq!(
            next_delay(SCHEDULE, SCHEDULE.len() as u64 + 1, None, &entropy),
            None
        );
    }

    #[test]
    fn another_schedule_has_its_own_end() {
        let entropy = SeededEntropy::new(3);
        let once = [Duration::from_secs(1)];
        let first = next_delay(&once, 1, None, &entropy).expect("in budget");
        assert!(first <= Duration::from_millis(1_201));
        assert_eq!(next_delay(&once, 2, None, &entropy), None);
    }

    #[test]
    fn retry_after_lengthens_within_its_limit() {
        let entropy = SeededEntropy::new(3);
        let asked = |seconds| {
            next_delay(SCHEDULE, 1, Some(Duration::from_secs(seconds)), &entropy)
                .expect("in budget")
        };
        assert_eq!(asked(600), Duration::from_secs(600));
        assert!(asked(1) >= Duration::from_secs(4));
        assert_eq!(asked(u64::MAX), limits::RETRY_AFTER_MAX);
    }
}
