//! What is kept back and for how long, and what becomes of a command that fails.

use asprov_protocol::device::{DeviceId, DeviceKey, UserName};

use super::*;
use crate::serve::notice::NoticeKind;
use crate::serve::notice::told::Newcomers;

fn notice(kind: NoticeKind) -> Notice {
    Notice {
        kind,
        wipe: None,
        device: DeviceKey { user: UserName::new("ann").unwrap(), device_id: DeviceId::new("A1").unwrap() },
        device_type: String::new(),
        model: String::new(),
        user_agent: String::new(),
        detail: String::new(),
        administrator: String::new(),
        at: jiff::Timestamp::UNIX_EPOCH,
        newcomers: (kind == NoticeKind::MoreQuarantined).then(Newcomers::default),
        number: String::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn that_there_are_more_is_told_a_minute_later_and_keeps_nothing_else_back() {
    let (entrance, incoming) = queue();
    let (way, mut out) = queue::<Arc<Notice>>();
    let store = asprov_store::MemoryStore::new();
    let (left, stop) = (AtomicUsize::new(0), watch::channel(false));
    let begin = Instant::now();
    let come = async {
        assert!(entrance.put(false, notice(NoticeKind::MoreQuarantined)));
        assert!(entrance.put(false, notice(NoticeKind::Quarantined)));
        let mut came = Vec::new();
        for _ in 0..2 {
            let notice = out.next().await.unwrap();
            came.push((notice.kind, begin.elapsed().as_secs()));
        }
        drop(entrance);
        came
    };
    let ((), came) = tokio::join!(hand_out(incoming, &store, vec![("it", way)], stop.1, &left), come);
    assert_eq!(came, [(NoticeKind::Quarantined, 0), (NoticeKind::MoreQuarantined, 60)]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_that_fails_is_logged_with_its_status_and_the_first_line_it_said() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let hook = folder.path().join("hook");
    let notice = notice(NoticeKind::WipeOrdered);
    for (script, told) in [
        ("cat >/dev/null", Ok(())),
        ("echo fine >&2", Ok(())),
        ("exit 3", Err("it ended with exit status: 3")),
        (
            "echo 'no \u{1b}host' >&2; echo more >&2; exit 3",
            Err(r"it ended with exit status: 3 and said: no \u{1b}host"),
        ),
        // More than a pipe holds, and one who holds it on.
        ("sleep 5 & head -c 1000000 /dev/zero >&2; exit 4", Err("exit status: 4")),
    ] {
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o700)).unwrap();
        let fault = loop {
            let fault = tell(&hook, &notice).await.err().unwrap_or_default();
            // Another test, which begins a process at this moment, may hold what was just written.
            if !fault.contains("Text file busy") {
                break fault;
            }
        };
        match told {
            Ok(()) => assert_eq!(fault, "", "{script}"),
            Err(told) => assert!(fault.contains(told), "{script}: {fault}"),
        }
        assert!(!fault.contains("more"), "{fault}");
    }
}
