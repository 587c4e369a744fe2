//! Files beside the store that only their owner may read: the secret key of the nodes, the administrator's token.
//!
//! Such a file is made once, whole, by whichever process is first, and never replaced. It is one short line; what it means is
//! for whoever keeps something in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// Why such a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The file is not there, or the system does not let it be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Somebody besides its owner can read or write it.
    #[error("mode {mode:04o}, expected 0600: others can read it; run chmod 600")]
    Readable {
        /// Its mode.
        mode: u32,
    },
}

/// What the file holds, up to `most` bytes: ask for one more than is usable, and refuse what is too long unread. It blocks for
/// the disk.
///
/// # Errors
/// When it cannot be read, or others can read it.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, PrivateFileError> {
    let file = File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(PrivateFileError::Readable { mode });
        }
    }
    let mut held = Vec::new();
    file.take(most).read_to_end(&mut held)?;
    Ok(held)
}

/// Makes the file, with mode 0600 and this line in it. It blocks until the line is on disk.
///
/// It is written beside its place and linked there whole, so that nobody ever reads half of it and none is ever replaced. The
/// name beside is drawn, since the number of a process is 1 in every container: what another node writes at the same time is
/// another file, and only the own one is removed.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when there is one, from whomever; others when it cannot be made.
pub fn create(path: &Path, line: &str) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{:016x}", getrandom::u64().map_err(io::Error::other)?));
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    // That there is one under the drawn name already says nothing about the file itself.
    let mut file = options.open(&beside).map_err(|fault| match fault.kind() {
        io::ErrorKind::AlreadyExists => io::Error::other(fault),
        _ => fault,
    })?;
    let written = writeln!(file, "{line}").and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside).or_else(|fault| if written.is_ok() { Err(fault) } else { Ok(()) })?;
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_node_writes_beside_it_at_the_same_time_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asprov.key");
        // Another container, whose process has the same number.
        let others = folder.path().join(format!("asprov.key.{}", std::process::id()));
        fs::write(&others, "half a key").unwrap();
        create(&path, "whole").unwrap();
        assert_eq!(read(&path, 100).unwrap(), b"whole\n");
        assert_eq!(fs::read_to_string(&others).unwrap(), "half a key");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing of its own is left behind");
    }

    #[test]
    fn of_several_that_make_it_at_once_one_does_and_the_others_are_told() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("asprov.token");
            let made = std::thread::scope(|scope| {
                let nodes: Vec<_> = (0..8)
                    .map(|node| {
                        let path = &path;
                        scope.spawn(move || create(path, &node.to_string()).map(|()| node))
                    })
                    .collect();
                nodes.into_iter().map(|node| node.join().unwrap()).collect::<Vec<_>>()
            });
            let first: Vec<_> = made.iter().flatten().collect();
            let late = made.iter().filter_map(|made| made.as_ref().err()).map(io::Error::kind);
            assert!(late.into_iter().all(|kind| kind == io::ErrorKind::AlreadyExists));
            assert_eq!(first.len(), 1);
            assert_eq!(read(&path, 100).unwrap(), format!("{}\n", first[0]).as_bytes());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused_and_no_more_is_read_than_asked_for() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asprov.token");
        create(&path, "0123456789").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"0123");
        for mode in [0o604, 0o640, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path, 4), Err(PrivateFileError::Readable { mode: came }) if came == mode));
        }
    }
}
