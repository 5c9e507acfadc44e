//! Ends what the bench started, by process id.

use std::time::Duration;

use tokio::process::Command;

use crate::measure;

const TERMINATE_TRIES: u32 = 100;
const TERMINATE_PAUSE: Duration = Duration::from_millis(100);

/// Asks every process of the tree to end, and kills what has not ended after ten seconds.
pub(crate) async fn terminate_tree(root: u32) {
    let tree = measure::process_tree(root);
    signal("-TERM", &tree).await;
    for _ in 0..TERMINATE_TRIES {
        if tree.iter().all(|pid| !is_running(*pid)) {
            return;
        }
        tokio::time::sleep(TERMINATE_PAUSE).await;
    }
    let left: Vec<u32> = tree.into_iter().filter(|pid| is_running(*pid)).collect();
    signal("-KILL", &left).await;
}

/// Kills whatever of the tree still runs, without waiting.
pub(crate) fn kill_tree(root: u32) {
    let left: Vec<String> = measure::process_tree(root)
        .into_iter()
        .filter(|pid| is_running(*pid))
        .map(|pid| pid.to_string())
        .collect();
    if left.is_empty() {
        return;
    }
    // A process that has ended meanwhile is no error.
    let _status = std::process::Command::new("kill")
        .arg("-KILL")
        .args(left)
        .stderr(std::process::Stdio::null())
        .status();
}

/// Asks one process to end.
pub(crate) async fn terminate(pid: u32) {
    signal("-TERM", &[pid]).await;
}

/// Holds a process still: what it still works off must not take the processor from somebody who is measured.
pub(crate) async fn hold(pid: u32) {
    signal("-STOP", &[pid]).await;
}

/// Lets a held process go on.
pub(crate) async fn release(pid: u32) {
    signal("-CONT", &[pid]).await;
}

async fn signal(name: &str, pids: &[u32]) {
    let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
    // A process that has ended meanwhile is no error.
    let _status = Command::new("kill")
        .arg(name)
        .args(pids)
        .stderr(std::process::Stdio::null())
        .status()
        .await;
}

/// False for ended processes that nobody has waited for.
fn is_running(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|text| Some(text.rsplit_once(')')?.1.trim_start().starts_with('Z')))
        .is_some_and(|is_zombie| !is_zombie)
}
