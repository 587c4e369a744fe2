//! A memory in one file that survives a crash at any point: the new text is written beside the old file, forced to disk,
//! and takes the old file's name in one step. What is found later is either the old text or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use asprov_protocol::client::ClientMemory;

use crate::memory::{Memory, MemoryError};
use crate::memory_text;

/// Keeps the memory in a file that only its owner may read: it holds the policy key. One program at a time uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMemory {
    path: PathBuf,
}

impl FileMemory {
    /// Most bytes of a memory that is read. The lists of a policy are its largest part, and a policy has a limit of its
    /// own in the size of an answer.
    pub const MAX: u64 = 4 * 1024 * 1024;

    /// The memory in this file, which need not exist yet; its folder has to.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the new text is written first.
    fn new_path(&self) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        name.into()
    }

    fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MemoryError {
        move |why| MemoryError::File { what, path: path.to_owned(), why }
    }
}

impl Memory for FileMemory {
    fn load(&self) -> Result<Option<ClientMemory>, MemoryError> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Self::failed("open", &self.path))?,
        };
        let mut text = String::new();
        file.take(Self::MAX).read_to_string(&mut text).map_err(Self::failed("read", &self.path))?;
        memory_text::read(&text).map(Some).map_err(|damaged| MemoryError::Damaged {
            path: self.path.clone(),
            line: damaged.line,
            expected: damaged.expected,
        })
    }

    fn keep(&self, memory: &ClientMemory) -> Result<(), MemoryError> {
        let new = self.new_path();
        // A crash may have left one behind, with whatever rights.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Self::failed("remove", &new)(error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new).map_err(Self::failed("create", &new))?;
        file.write_all(memory_text::write(memory).as_bytes()).map_err(Self::failed("write", &new))?;
        // The text has to be on disk before its name is, or a crash leaves an empty file under the name.
        file.sync_all().map_err(Self::failed("write", &new))?;
        drop(file);
        fs::rename(&new, &self.path).map_err(Self::failed("replace", &self.path))?;
        #[cfg(unix)]
        {
            let folder = match self.path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(Self::failed("write", folder))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use asprov_protocol::message::PolicyKeyText;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("asprov-client-{}-{count}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn memory(&self) -> FileMemory {
            FileMemory::new(self.0.join("memory"))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn with_key(key: &str) -> ClientMemory {
        ClientMemory::restore(Some(PolicyKeyText::new(key)), None, false, None)
    }

    #[test]
    fn what_was_kept_last_is_found_and_before_that_nothing() {
        let folder = Folder::new();
        let memory = folder.memory();
        assert_eq!(memory.load().unwrap(), None);
        for key in ["111", "222"] {
            memory.keep(&with_key(key)).unwrap();
            assert_eq!(memory.load().unwrap(), Some(with_key(key)));
        }
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_crash_while_writing_leaves_the_old_memory_and_no_obstacle() {
        let folder = Folder::new();
        let memory = folder.memory();
        memory.keep(&with_key("111")).unwrap();
        let text = memory_text::write(&with_key("222"));
        // The machine died after any number of bytes of the new text, before it got the name.
        for length in 0..=text.len() {
            fs::write(memory.new_path(), &text[..length]).unwrap();
            assert_eq!(memory.load().unwrap(), Some(with_key("111")), "after {length} bytes");
            memory.keep(&with_key("111")).unwrap();
        }
        // The same before there was a memory at all.
        for length in 0..=text.len() {
            fs::remove_file(memory.path()).unwrap();
            fs::write(memory.new_path(), &text[..length]).unwrap();
            assert_eq!(memory.load().unwrap(), None, "after {length} bytes");
            memory.keep(&with_key("111")).unwrap();
        }
    }

    #[test]
    fn a_damaged_file_is_told_and_never_taken_for_an_empty_one() {
        let folder = Folder::new();
        let memory = folder.memory();
        fs::write(memory.path(), "").unwrap();
        let error = memory.load().unwrap_err().to_string();
        let expected = "is damaged at line 1, expected `asprov client memory 1`; remove it to provision anew";
        assert!(error.ends_with(expected), "{error}");
        let nowhere = FileMemory::new(folder.0.join("missing").join("memory"));
        assert!(matches!(nowhere.keep(&with_key("1")), Err(MemoryError::File { what: "create", .. })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it_even_after_a_crash_left_another_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let memory = folder.memory();
        fs::write(memory.new_path(), "left behind").unwrap();
        fs::set_permissions(memory.new_path(), fs::Permissions::from_mode(0o644)).unwrap();
        memory.keep(&with_key("111")).unwrap();
        assert_eq!(fs::metadata(memory.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
