//! The key under which credentials that were accepted are kept: 32 random bytes in a file outside the store, so that
//! whoever gets hold of the store cannot try passwords against what it holds. Nodes of one store share the file.

use std::io;
use std::path::{Path, PathBuf};

use asprov_protocol::secret::Secret;
use asprov_store::private_file::{self, PrivateFileError};

/// Bytes of a key.
const BYTES: usize = 32;

/// The key. Debug output does not show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey(Secret<[u8; BYTES]>);

/// Why there is no key. No message holds any part of one.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The operating system has no random bytes.
    #[error("no random bytes for a secret key: {0}")]
    Random(getrandom::Error),
    /// The file cannot be read or written.
    #[error("secret key file {}: {fault}", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
    /// Others can read the file.
    #[error("secret key file {} has mode {mode:04o}, expected 0600: others can read it; run chmod 600", .path.display())]
    Readable {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file holds something else.
    #[error(
        "secret key file {} holds no key, expected 64 hexadecimal digits; without it the kept credentials are worth \
         nothing, and deleting the file makes a new one",
        .path.display()
    )]
    Content {
        /// Its path.
        path: PathBuf,
    },
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// When the operating system has no random bytes.
    pub fn random() -> Result<Self, SecretKeyError> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(SecretKeyError::Random)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// The key of the file at `path`; a new one, with mode 0600, when there is no such file. It blocks for the disk, so
    /// call it while starting. Only the path is for printing.
    ///
    /// # Errors
    /// When the file cannot be read or written, others can read it, or it holds no key.
    pub fn read_or_create(path: &Path) -> Result<Self, SecretKeyError> {
        match Self::read(path) {
            Err(SecretKeyError::File { fault, .. }) if fault.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let key = Self::random()?;
        match key.create(path) {
            Ok(()) => Ok(key),
            // Another node made it first; its key is the one.
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(fault) => Err(SecretKeyError::File { path: path.to_owned(), fault }),
        }
    }

    /// The key of the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, others can read it, or it holds no key.
    pub fn read(path: &Path) -> Result<Self, SecretKeyError> {
        // What is longer than a key and its line end is refused below, unread.
        let text = private_file::read(path, BYTES as u64 * 2 + 3).map_err(|error| match error {
            PrivateFileError::Io(fault) => SecretKeyError::File { path: path.to_owned(), fault },
            PrivateFileError::Readable { mode } => SecretKeyError::Readable { path: path.to_owned(), mode },
        })?;
        let key = Self::from_hex(text.trim_ascii_end());
        key.ok_or_else(|| SecretKeyError::Content { path: path.to_owned() })
    }

    fn from_hex(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; BYTES];
        if text.len() != BYTES * 2 {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let mut nibbles = digits.iter().map(|digit| char::from(*digit).to_digit(16));
            let (high, low) = (nibbles.next()??, nibbles.next()??);
            *byte = u8::try_from(high << 4 | low).ok()?;
        }
        Some(Self(Secret::new(bytes)))
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        let text: String = self.0.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        private_file::create(path, &text)
    }

    /// The bytes, for a keyed hash.
    pub(crate) const fn bytes(&self) -> &[u8; BYTES] {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("asprov.key");
        let made = SecretKey::read_or_create(&path).unwrap();
        assert_eq!(SecretKey::read_or_create(&path).unwrap(), made, "the second node has the same");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            let refused = SecretKey::read(&path).unwrap_err().to_string();
            assert!(refused.contains("mode 0640, expected 0600"), "{refused}");
        }
        assert_eq!(format!("{made:?}"), "SecretKey(Secret(…))");
    }

    #[test]
    fn nodes_that_start_at_the_same_time_have_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("asprov.key");
            let keys = std::thread::scope(|scope| {
                let nodes: Vec<_> = (0..8).map(|_| scope.spawn(|| SecretKey::read_or_create(&path).unwrap())).collect();
                nodes.into_iter().map(|node| node.join().unwrap()).collect::<Vec<_>>()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_file_without_a_key_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "\n", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &format!("{} x", "0".repeat(64))] {
            let path = folder.path().join("asprov.key");
            let _ = fs::remove_file(&path);
            fs::write(&path, content).unwrap();
            #[cfg(unix)]
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            assert!(matches!(SecretKey::read_or_create(&path), Err(SecretKeyError::Content { .. })), "{content:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
