//! What can go wrong around the server: the lost answer, the power cut, the small disk, the failing sync.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::system::System;
use crate::wait_for;

/// A TCP proxy that carries requests to the server and, as often as it is told, swallows the answer and resets.
#[derive(Debug)]
pub struct LossyProxy {
    /// Where it listens.
    pub address: SocketAddr,
    to_drop: Arc<AtomicUsize>,
}

impl LossyProxy {
    /// A proxy before this server. Its threads end with the test's process.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let to_drop = Arc::new(AtomicUsize::new(0));
        let remaining = Arc::clone(&to_drop);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let remaining = Arc::clone(&remaining);
                std::thread::spawn(move || {
                    // A broken connection is what this proxy is for.
                    let _result = carry(client, server, &remaining);
                });
            }
        });
        Self { address, to_drop }
    }

    /// Swallows the next `count` answers: the server has done its work, the client never hears of it.
    pub fn drops_answers(&self, count: usize) {
        self.to_drop.store(count, Ordering::SeqCst);
    }
}

fn carry(client: TcpStream, server: SocketAddr, to_drop: &AtomicUsize) -> std::io::Result<()> {
    let upstream = TcpStream::connect(server)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, upstream.try_clone()?);
    std::thread::spawn(move || {
        let _copied = std::io::copy(&mut from_client, &mut to_server);
        let _closed = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (upstream, client);
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = from_server.read(&mut buffer)?;
        if count == 0 {
            return to_client.shutdown(Shutdown::Both);
        }
        let is_dropped = to_drop
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        if is_dropped {
            return to_client.shutdown(Shutdown::Both);
        }
        to_client.write_all(&buffer[..count])?;
    }
}

/// An ext4 file system in a file, mounted for one test.
#[derive(Debug)]
pub struct LoopDisk {
    /// Where it is mounted.
    pub mount: PathBuf,
    image: PathBuf,
}

impl LoopDisk {
    /// Makes and mounts one; says why not when this machine cannot.
    ///
    /// # Errors
    /// Not root, no loop devices, no mkfs.
    pub fn make(folder: &Path, mib: u32) -> Result<Self, String> {
        let image = folder.join("disk.img");
        let mount = folder.join("disk");
        std::fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        run(
            "truncate",
            &["-s", &format!("{mib}M"), &image.to_string_lossy()],
        )?;
        run("mkfs.ext4", &["-q", "-F", &image.to_string_lossy()])?;
        let disk = Self { mount, image };
        disk.mount_again()?;
        Ok(disk)
    }

    /// Mounts it, with a journal that is not flushed in the background: only syncs reach the image.
    ///
    /// # Errors
    /// What mount said.
    pub fn mount_again(&self) -> Result<(), String> {
        run(
            "mount",
            &[
                "-o",
                "loop,commit=1000",
                &self.image.to_string_lossy(),
                &self.mount.to_string_lossy(),
            ],
        )
    }

    /// Cuts the power of the file system under a running server: freezes it first, so that no answer can leave after
    /// the cut, then shuts the file system down without flushing its journal, and kills the frozen process.
    ///
    /// # Panics
    /// If a step fails.
    pub fn cuts_power_under(&self, system: &mut System) {
        system.signal("STOP");
        let stopped = wait_for(Duration::from_secs(10), || {
            (system.state_letter() == Some('T')).then_some(())
        });
        assert!(stopped.is_some(), "the process does not stop");
        // EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH.
        let script = "import fcntl, os, struct, sys\n\
                      fd = os.open(sys.argv[1], os.O_RDONLY)\n\
                      fcntl.ioctl(fd, 0x8004587D, struct.pack('I', 2))\n";
        run("python3", &["-c", script, &self.mount.to_string_lossy()]).expect("power cut");
        system.kill();
        self.unmount();
        self.mount_again().expect("mounted after the power cut");
    }

    fn unmount(&self) {
        let path = self.mount.to_string_lossy().into_owned();
        let done = wait_for(Duration::from_secs(20), || run("umount", &[&path]).ok());
        assert!(done.is_some(), "{path} stays busy");
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        // The image goes with the test's folder; a mount that stays must not hide the test's own failure.
        let _unmounted = run("umount", &["-l", &self.mount.to_string_lossy()]);
    }
}

/// Runs a program of the system.
///
/// # Errors
/// What it said, or that it is not there.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(format!("{program}: {said}"))
    }
}

/// True if strace is there and may trace.
pub fn can_trace() -> bool {
    run("strace", &["-o", "/dev/null", "true"]).is_ok()
}
