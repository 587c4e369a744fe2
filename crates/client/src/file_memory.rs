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
        self.keep_on(&mut OwnDisk, memory)
    }
}

/// What keeping a memory asks of a file system, one call each, so that a test can be a disk that dies between two of them.
trait Disk {
    /// A file that is being written.
    type File;

    /// Removes a file, which need not exist.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Makes a file that does not exist yet, for its owner alone.
    fn create(&mut self, path: &Path) -> io::Result<Self::File>;
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;
    /// Returns when what was written survives a crash of the machine. The name of the file may not.
    fn force(&mut self, file: &mut Self::File) -> io::Result<()>;
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Returns when the names in a folder survive a crash of the machine.
    fn force_names(&mut self, folder: &Path) -> io::Result<()>;
}

/// The file system of the machine.
struct OwnDisk;

impl Disk for OwnDisk {
    type File = File;

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }

    fn create(&mut self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn force(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn force_names(&mut self, folder: &Path) -> io::Result<()> {
        // Elsewhere a folder cannot be opened like a file.
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }
}

impl FileMemory {
    fn keep_on(&self, disk: &mut impl Disk, memory: &ClientMemory) -> Result<(), MemoryError> {
        let new = self.new_path();
        // A crash may have left one behind, with whatever rights.
        disk.remove(&new).map_err(Self::failed("remove", &new))?;
        let mut file = disk.create(&new).map_err(Self::failed("create", &new))?;
        disk.write(&mut file, memory_text::write(memory).as_bytes()).map_err(Self::failed("write", &new))?;
        // The text has to be on disk before its name is, or a crash leaves an empty file under the name.
        disk.force(&mut file).map_err(Self::failed("write", &new))?;
        drop(file);
        disk.rename(&new, &self.path).map_err(Self::failed("replace", &self.path))?;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        disk.force_names(folder).map_err(Self::failed("write", folder))
    }
}

#[cfg(test)]
mod tests;
