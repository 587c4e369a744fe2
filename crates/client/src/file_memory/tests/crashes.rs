//! A machine that dies after every single thing that keeping a memory asks of its disk, and at every state its disk may
//! then be found in: what was written and not forced may be there, in part or not at all, and so may every name.

use std::collections::BTreeMap;

use super::*;

/// What was written to a file, and whether it was forced.
#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    is_forced: bool,
}

/// Something that happened to the names of a folder, and was not forced.
#[derive(Clone, Debug)]
enum Naming {
    Removed(PathBuf),
    Created(PathBuf, usize),
    Renamed(PathBuf, PathBuf),
}

/// A disk that dies.
#[derive(Clone, Debug, Default)]
struct DyingDisk {
    contents: Vec<Content>,
    /// The names that survive, and the number of their content.
    names: BTreeMap<PathBuf, usize>,
    not_forced: Vec<Naming>,
    /// How many calls it still carries out; the next one after them fails.
    calls_left: usize,
    /// It does as if it forced contents, which no disk should.
    lies: bool,
}

impl DyingDisk {
    /// One that holds this memory safely.
    fn holding(memory: Option<&ClientMemory>, path: &Path) -> Self {
        let mut disk = Self::default();
        if let Some(memory) = memory {
            disk.contents.push(Content { bytes: memory_text::write(memory).into_bytes(), is_forced: true });
            disk.names.insert(path.to_owned(), 0);
        }
        disk
    }

    fn call(&mut self) -> io::Result<()> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or_else(|| io::Error::other("the machine is dead"))?;
        Ok(())
    }

    fn apply(names: &mut BTreeMap<PathBuf, usize>, naming: &Naming) {
        match naming {
            Naming::Removed(path) => drop(names.remove(path)),
            Naming::Created(path, content) => drop(names.insert(path.clone(), *content)),
            Naming::Renamed(from, to) => {
                if let Some(content) = names.remove(from) {
                    names.insert(to.clone(), content);
                }
            }
        }
    }

    /// Every state in which the file may be found after the machine has started again: its bytes, or that it is not there.
    fn found_later(&self, path: &Path) -> Vec<Option<Vec<u8>>> {
        let mut found = Vec::new();
        // Each naming may have survived or not.
        for survived in 0..1_u32 << self.not_forced.len() {
            let mut names = self.names.clone();
            for (at, naming) in self.not_forced.iter().enumerate() {
                if survived & (1 << at) != 0 {
                    Self::apply(&mut names, naming);
                }
            }
            match names.get(path).map(|content| &self.contents[*content]) {
                None => found.push(None),
                Some(content) if content.is_forced => found.push(Some(content.bytes.clone())),
                // Any part of it, from nothing to all.
                Some(content) => {
                    found.extend((0..=content.bytes.len()).map(|length| Some(content.bytes[..length].to_vec())));
                }
            }
        }
        found
    }
}

impl Disk for DyingDisk {
    type File = usize;

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.call()?;
        self.not_forced.push(Naming::Removed(path.to_owned()));
        Ok(())
    }

    fn create(&mut self, path: &Path) -> io::Result<usize> {
        self.call()?;
        self.contents.push(Content::default());
        let content = self.contents.len() - 1;
        self.not_forced.push(Naming::Created(path.to_owned(), content));
        Ok(content)
    }

    fn write(&mut self, file: &mut usize, bytes: &[u8]) -> io::Result<()> {
        self.call()?;
        self.contents[*file].bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn force(&mut self, file: &mut usize) -> io::Result<()> {
        self.call()?;
        self.contents[*file].is_forced = !self.lies;
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        self.not_forced.push(Naming::Renamed(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn force_names(&mut self, _: &Path) -> io::Result<()> {
        self.call()?;
        for naming in std::mem::take(&mut self.not_forced) {
            Self::apply(&mut self.names, &naming);
        }
        Ok(())
    }
}

/// What is read from such a state; an error is a memory that is lost.
fn read(found: Option<Vec<u8>>) -> Result<Option<ClientMemory>, String> {
    let Some(bytes) = found else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    memory_text::read(&text).map(Some).map_err(|damaged| damaged.expected.to_owned())
}

/// Keeps `new` in place of `old` on a disk that dies after so many calls: whether it was kept, and what may be found later.
fn keep_and_die(
    old: Option<&ClientMemory>,
    new: &ClientMemory,
    calls: usize,
    lies: bool,
) -> (bool, Vec<Result<Option<ClientMemory>, String>>) {
    let memory = FileMemory::new("folder/memory");
    let mut disk = DyingDisk { calls_left: calls, lies, ..DyingDisk::holding(old, memory.path()) };
    let is_kept = memory.keep_on(&mut disk, new).is_ok();
    (is_kept, disk.found_later(memory.path()).into_iter().map(read).collect())
}

const CALLS: usize = 6;

#[test]
fn whenever_the_machine_dies_the_old_memory_is_found_or_the_new_one_and_never_neither() {
    for old in [None, Some(with_key("111"))] {
        let new = with_key("222");
        let mut states = 0;
        for calls in 0..=CALLS {
            let (is_kept, found) = keep_and_die(old.as_ref(), &new, calls, false);
            assert_eq!(is_kept, calls == CALLS, "{calls}");
            for found in found {
                states += 1;
                let is_new = found == Ok(Some(new.clone()));
                // What was kept survives; before that, the one or the other.
                assert!(is_new || (!is_kept && found == Ok(old.clone())), "after {calls} calls: {found:?}");
            }
        }
        assert!(states > 20, "{states}");
    }
}

#[test]
fn a_disk_that_forces_nothing_loses_a_memory_and_is_found_out() {
    let (_, found) = keep_and_die(Some(&with_key("111")), &with_key("222"), CALLS, true);
    assert!(found.iter().any(Result::is_err), "{found:?}");
}
