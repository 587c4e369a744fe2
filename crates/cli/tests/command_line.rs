//! What the commands that need no server print, word for word.
//!
//! After a change that is meant: `TRYCMD=overwrite cargo test -p asprov --test command_line`.

#[test]
fn the_commands_print_what_is_written_down() {
    trycmd::TestCases::new()
        .case("tests/cmd/*.trycmd")
        // A variable of the developer's own would be a key of the configuration.
        .env("ASPROV_ADMIN", "http://127.0.0.1:9")
        .env("NO_COLOR", "1");
}
