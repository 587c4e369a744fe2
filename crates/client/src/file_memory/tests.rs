//! The memory in a file: what is found after a crash, of the program and of the machine.

mod crashes;

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
