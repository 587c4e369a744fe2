//! Sign-in from a file, without HTTP.

use super::*;
use crate::sign_in::PasswordHash;

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct Users {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Users {
    fn with(lines: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let users = Self { path: directory.path().join("users"), _directory: directory };
        users.write(lines);
        users
    }

    fn write(&self, lines: &[(&str, &str)]) {
        let mut file = Htpasswd::default();
        for (name, password) in lines {
            file.set(name, &PasswordHash::parse(&bcrypt::hash(password, 4).unwrap()).unwrap()).unwrap();
        }
        file.write(&self.path).unwrap();
    }

    fn open(&self, limits: SignInLimits) -> UsersFile {
        UsersFile::open(&self.path, &["EXAMPLE".to_owned(), "example.com".to_owned()], limits).unwrap()
    }
}

async fn judge(users: &UsersFile, name: &str, password: &str) -> Verdict {
    users.judge(&Credentials::new(name, password), PEER).await
}

fn accepted(name: &str) -> Verdict {
    Verdict::Accepted(UserName::new(name).unwrap())
}

#[tokio::test]
async fn a_user_signs_in_under_every_spelling_of_a_listed_domain() {
    let users = Users::with(&[("ann", "right"), ("OTHER\\bob", "right")]).open(SignInLimits::default());
    for name in ["ann", "Ann", "EXAMPLE\\ann", "ann@example.com"] {
        assert_eq!(judge(&users, name, "right").await, accepted("ann"), "{name}");
    }
    assert_eq!(judge(&users, "ann@example.org", "right").await, Verdict::Refused);
    assert_eq!(judge(&users, "other\\bob", "right").await, accepted("other\\bob"));
    assert_eq!(judge(&users, "bob", "right").await, Verdict::Refused);
    assert_eq!(judge(&users, "ann", "Right").await, Verdict::Refused);
}

#[tokio::test]
async fn an_unknown_user_takes_the_same_way_as_a_wrong_password() {
    let limits = SignInLimits { threads: 0, queue: 0, ..SignInLimits::default() };
    let users = Users::with(&[("ann", "right")]).open(limits);
    // Without a thread to hash on, whoever is hashed is told to come back: both are, and nothing else tells them apart.
    assert_eq!(judge(&users, "ann", "wrong").await, Verdict::Busy { retry_after: 5 });
    assert_eq!(judge(&users, "nobody", "wrong").await, Verdict::Busy { retry_after: 5 });
    assert_eq!(judge(&users, "\u{7}", "wrong").await, Verdict::Busy { retry_after: 5 });
    assert_eq!(users.loaded().nobody.cost(), &Cost::Bcrypt(4), "the cost of the file's lines");
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_wrong_password_of_an_address_is_refused_unhashed_and_a_known_one_still_works() {
    let users = Users::with(&[("ann", "right"), ("bob", "right")]).open(SignInLimits::default());
    assert_eq!(judge(&users, "ann", "right").await, accepted("ann"));
    for guess in 0..10 {
        assert_eq!(judge(&users, "bob", &format!("guess {guess}")).await, Verdict::Refused);
        assert_eq!(
            judge(&users, "bob", &format!("guess {guess}")).await,
            Verdict::Refused,
            "the same again is no guess"
        );
    }
    assert_eq!(judge(&users, "bob", "right").await, Verdict::LockedOut, "locked out");
    assert_eq!(judge(&users, "ann", "right").await, accepted("ann"), "judged a moment ago");
    let elsewhere = "198.51.100.7".parse().unwrap();
    assert_eq!(users.judge(&Credentials::new("bob", "right"), elsewhere).await, accepted("bob"));
}

#[tokio::test]
async fn a_changed_file_counts_and_what_was_known_is_forgotten() {
    let file = Users::with(&[("ann", "old")]);
    let users = file.open(SignInLimits { look_every: Duration::ZERO, ..SignInLimits::default() });
    assert_eq!(judge(&users, "ann", "old").await, accepted("ann"));
    file.write(&[("ann", "new")]);
    assert_eq!(judge(&users, "ann", "old").await, Verdict::Refused);
    assert_eq!(judge(&users, "ann", "new").await, accepted("ann"));
    file.write(&[("bob", "new")]);
    assert_eq!(judge(&users, "ann", "new").await, Verdict::Refused);
}

#[tokio::test]
async fn a_file_that_became_faulty_or_vanished_leaves_the_old_users_in_place() {
    let file = Users::with(&[("ann", "right")]);
    let users = file.open(SignInLimits { look_every: Duration::ZERO, ..SignInLimits::default() });
    fs::write(&file.path, "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n").unwrap();
    assert_eq!(judge(&users, "ann", "right").await, accepted("ann"));
    fs::remove_file(&file.path).unwrap();
    assert_eq!(judge(&users, "ann", "right").await, accepted("ann"));
    file.write(&[("bob", "right")]);
    assert_eq!(judge(&users, "ann", "right").await, Verdict::Refused);
    assert_eq!(judge(&users, "bob", "right").await, accepted("bob"));
}

#[tokio::test]
async fn debug_output_shows_no_name_and_no_hash() {
    let users = Users::with(&[("ann", "right")]).open(SignInLimits::default());
    let shown = format!("{users:?}");
    assert!(!shown.contains("$2") && !shown.contains("ann"), "{shown}");
}
