//! `asprov user`: who may sign in, in a file as htpasswd writes it.

use std::io;
use std::path::{Path, PathBuf};

use asprov_server::sign_in::hash_password;
use asprov_server::sign_in::htpasswd::{Htpasswd, HtpasswdError};
use serde::Serialize;

use crate::admin_api::{AdminApi, Connection};
use crate::confirmation::confirmed;
use crate::explain::write_json;
use crate::failure::{Failure, nearest};
use crate::terminal::harmless;
use crate::{device, password};

/// Say who may sign in
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Add a user, or give one another password
    Add {
        #[command(flatten)]
        user: User,
        /// Read the password from stdin instead of asking for it
        #[arg(long)]
        password_stdin: bool,
    },
    /// Take a user out; the devices stay known
    Remove {
        #[command(flatten)]
        user: User,
    },
    /// List the users
    List {
        #[command(flatten)]
        file: File,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a user out and have the server forget the user's devices
    Forget {
        #[command(flatten)]
        user: User,
        #[command(flatten)]
        connection: Connection,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(clap::Args, Debug)]
struct User {
    /// The user's name, as phones send it
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    file: File,
}

#[derive(clap::Args, Debug)]
struct File {
    /// The file
    #[arg(long = "users", value_name = "FILE", env = "ASPROV_USERS", hide_env_values = true)]
    path: PathBuf,
}

pub(crate) async fn run(arguments: Arguments, out: &mut dyn io::Write) -> Result<(), Failure> {
    match arguments.action {
        Action::Add { user, password_stdin } => add(&user, password_stdin),
        Action::Remove { user } => remove(&user),
        Action::List { file, json } => list(&file.path, json, out),
        Action::Forget { user, connection, yes } => forget(&user, &connection, yes).await,
    }
}

fn add(user: &User, password_stdin: bool) -> Result<(), Failure> {
    let path = &user.file.path;
    let mut users = read_or_new(path)?;
    let password = if password_stdin {
        password::from_stdin("password")?
    } else {
        let password = password::from_variable_or_prompt(&format!("Password of {}: ", harmless(&user.name)))?;
        if std::env::var_os("ASPROV_PASSWORD").is_none()
            && password::typed("Once more: ")?.expose() != password.expose()
        {
            return Err(Failure::new("the two passwords differ"));
        }
        password
    };
    let hash = hash_password(password.expose().as_bytes()).map_err(Failure::new)?;
    let new = users.set(&user.name, &hash).map_err(Failure::new)?;
    users.write(path).map_err(Failure::new)?;
    say(if new { "added" } else { "changed the password of" }, &user.name);
    Ok(())
}

fn remove(user: &User) -> Result<(), Failure> {
    let mut users = Htpasswd::read(&user.file.path).map_err(Failure::new)?;
    if !users.remove(&user.name) {
        return Err(no_such_user(&user.name, &users));
    }
    users.write(&user.file.path).map_err(Failure::new)?;
    say("removed", &user.name);
    Ok(())
}

fn list(path: &Path, json: bool, out: &mut dyn io::Write) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Listed<'a> {
        name: &'a str,
    }
    let users = Htpasswd::read(path).map_err(Failure::new)?;
    if json {
        return write_json(out, &users.names().map(|name| Listed { name }).collect::<Vec<_>>());
    }
    for name in users.names() {
        writeln!(out, "{}", harmless(name))?;
    }
    Ok(())
}

async fn forget(user: &User, connection: &Connection, yes: bool) -> Result<(), Failure> {
    let name = &user.name;
    let api = AdminApi::connect(connection)?;
    let devices = device::of_user(&api, name).await?;
    let mut users = Htpasswd::read(&user.file.path).map_err(Failure::new)?;
    let listed = users.remove(name);
    if !listed && devices.is_empty() {
        return Err(no_such_user(name, &users));
    }
    let question = format!(
        "Forget user {} and {} of devices? A device that confirmed a wipe may then come back.",
        harmless(name),
        devices.len()
    );
    confirmed(&question, yes)?;
    // The user first: a device that is forgotten could otherwise come back before its user is gone.
    if listed {
        users.write(&user.file.path).map_err(Failure::new)?;
    }
    for device in &devices {
        api.delete(&device.path("")).await?;
    }
    say("forgot", name);
    Ok(())
}

fn read_or_new(path: &Path) -> Result<Htpasswd, Failure> {
    match Htpasswd::read(path) {
        Err(HtpasswdError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => Ok(Htpasswd::default()),
        read => read.map_err(Failure::new),
    }
}

fn no_such_user(name: &str, users: &Htpasswd) -> Failure {
    let failure = Failure::new(format!("there is no user `{}`", harmless(name)));
    match nearest(name, users.names()) {
        Some(near) => failure.hint(format!("did you mean `{}`?", harmless(near))),
        None => failure.hint("`asprov user list` shows them"),
    }
}

fn say(what: &str, name: &str) {
    anstream::eprintln!("{what} {}", harmless(name));
}
