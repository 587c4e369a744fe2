//! History, stages, groups and policies that only report, all through the program.

use serde_json::json;

use super::running::Running;

const PIN: [&str; 5] = ["policy", "set", "default", "DevicePasswordEnabled=true", "MinDevicePasswordLength=4"];

#[test]
fn a_policy_is_looked_back_at_compared_and_rolled_back() {
    let server = Running::start("", &["--store", "memory:"]);
    server.out(&PIN);
    assert_eq!(server.provision("ONE", &[]).0, 0);
    let dry = server.said(&["policy", "set", "default", "MinDevicePasswordLength=8", "--dry-run"]);
    assert_eq!(dry, "1 device would have to provision again; nothing was changed\n");
    let done = server.said(&["policy", "set", "default", "MinDevicePasswordLength=8"]);
    assert!(done.starts_with("changed policy default\n1 device to provision again\n"), "{done}");

    let history = server.json(&["policy", "history", "default", "--json"]);
    let versions: Vec<_> = history.as_array().unwrap().iter().map(|item| (&item["version"], &item["by"])).collect();
    assert_eq!(versions, [(&json!(3), &json!("eve")), (&json!(2), &json!("eve")), (&json!(1), &json!(null))]);
    let shown = server.out(&["policy", "history", "default"]);
    assert!(shown.contains("MinDevicePasswordLength") && shown.lines().count() >= 4, "{shown}");

    let diff = server.out(&["policy", "diff", "default"]);
    assert_eq!(diff, "default version 2 -> default version 3\n  MinDevicePasswordLength: 4 -> 8\n");
    let diff = server.out(&["policy", "diff", "default", "1", "2"]);
    assert!(diff.contains("DevicePasswordEnabled: nothing -> true"), "{diff}");
    server.out(&["policy", "set", "strict", "--preset", "strict"]);
    assert!(
        server
            .out(&["policy", "diff", "default", "--with", "strict"])
            .starts_with("default version 3 -> strict version 1\n")
    );

    let dry = server.said(&["policy", "rollback", "default", "2", "--dry-run"]);
    assert!(dry.ends_with("0 devices would have to provision again; nothing was changed\n"), "{dry}");
    let done = server.said(&["policy", "rollback", "default", "2"]);
    assert!(done.starts_with("policy default says again what version 2 says, as version 4; "), "{done}");
    assert_eq!(server.json(&["policy", "show", "default", "--json"])["settings"]["MinDevicePasswordLength"], 4);
    let wrong = server.asprov(&["policy", "rollback", "default", "9"]);
    assert_eq!((wrong.code, wrong.err.contains("there is no version 9")), (1, true), "{}", wrong.err);
}

#[test]
fn of_two_who_set_settings_of_a_policy_at_the_same_time_nobody_loses_one() {
    let server = Running::start("", &["--store", "memory:"]);
    let settings = ["AllowCamera", "AllowWiFi", "AllowBrowser", "AllowIrDA", "AllowTextMessaging", "AllowStorageCard"];
    std::thread::scope(|scope| {
        for setting in settings {
            let server = &server;
            scope.spawn(move || server.out(&["policy", "set", "shared", &format!("{setting}=false")]));
        }
    });
    let policy = server.json(&["policy", "show", "shared", "--json"]);
    for setting in settings {
        assert_eq!(policy["settings"][setting], json!(false), "{setting} is lost: {policy}");
    }
}

#[test]
fn what_is_exported_is_no_change_when_it_is_applied() {
    let server = Running::start("", &["--store", "memory:"]);
    server.out(&["policy", "set", "a.b", "--preset", "strict", "refresh_interval=24h", "description=it's \"ours\""]);
    server.out(&["policy", "set", "a.b", "UnapprovedInROMApplicationList=game.exe,radio.exe", "report_only=true"]);
    server.write("all.toml", &server.out(&["policy", "export"]));
    let plan = server.json(&["policy", "apply", "all.toml", "--json"]);
    let told: Vec<_> = plan.as_array().unwrap().iter().map(|item| (&item["policy"], &item["what"])).collect();
    assert_eq!(told, [(&json!("a.b"), &json!("unchanged")), (&json!("default"), &json!("unchanged"))]);
    assert_eq!(server.json(&["policy", "history", "a.b", "--json"]).as_array().unwrap().len(), 2);

    // Into another server, the same comes out again.
    let other = Running::start("", &["--store", "memory:"]);
    other.write("one.toml", &server.out(&["policy", "export", "a.b"]));
    other.out(&["policy", "apply", "one.toml"]);
    assert_eq!(other.out(&["policy", "export", "a.b"]), server.out(&["policy", "export", "a.b"]));
    assert_eq!(server.asprov(&["policy", "export", "nothing"]).code, 1);
}

#[test]
fn without_a_policy_the_server_warns_and_unassigning_says_what_devices_keep() {
    let server = Running::start("", &[]);
    server.out(&PIN);
    server.out(&["policy", "assign", "default", "--user", "ann"]);
    let said = server.said(&["policy", "unassign", "--user", "ann"]);
    assert_eq!(said, "took the assignment of user ann back\n", "everybody has one still");
    let said = server.said(&["policy", "unassign", "--default"]);
    assert!(said.contains("keep what they have applied") && said.contains("--preset open"), "{said}");
    let (folder, log) = server.stop();
    assert!(!log.contains("no policy is assigned"), "{log}");

    let server = Running::start_in(folder, &[]);
    server.out(&["policy", "assign", "default", "--user", "ann"]);
    let (folder, log) = server.stop();
    assert!(log.contains("no policy is assigned to anybody"), "{log}");
    let server = Running::start_in(folder, &[]);
    server.out(&["policy", "set", "default", "report_only=true"]);
    server.out(&["policy", "assign", "default", "--default"]);
    let (folder, log) = server.stop();
    assert!(log.contains("no policy is assigned to everybody"), "{log}");
    let (_, log) = Running::start_in(folder, &[]).stop();
    assert!(log.contains("policy `default` only reports") && !log.contains("is assigned"), "{log}");
}

#[test]
fn a_group_of_the_groups_file_has_its_own_policy_and_the_answer_says_why() {
    let server = Running::start("# who is where\nsales: ann bob\nboard: ann\n", &["--store", "memory:"]);
    server.out(&["policy", "set", "sales", "AllowCamera=false"]);
    server.out(&["policy", "set", "board", "AllowBrowser=false"]);
    assert!(server.said(&["policy", "assign", "sales", "--group", "Sales"]).contains("to group Sales"));
    server.out(&["policy", "assign", "board", "--group", "board"]);
    let (code, outcome) = server.provision("A1", &[]);
    assert_eq!((code, &outcome["policy"]["AllowBrowser"]), (0, &json!(false)), "{outcome}");
    server.out(&["policy", "assign", "sales", "--group", "sales", "--priority", "10"]);
    let why = server.out(&["policy", "assignments", "--device", "ann", "A1"]);
    let expected = "policy  sales\nwhy     assigned to group sales (priority 10), before group board (priority 100), \
        everybody\ngroups  board, sales\n";
    assert!(why.starts_with(expected), "{why}");
    let (_, outcome) = server.provision("A1", &[]);
    assert_eq!(outcome["policy"]["AllowCamera"], json!(false), "{outcome}");
    let listed = server.out(&["policy", "assignments"]);
    assert!(listed.lines().any(|line| line.starts_with("sales") && line.contains("group")), "{listed}");
    let wrong = server.asprov(&["policy", "assign", "sales", "--default", "--priority", "3"]);
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    server.out(&["policy", "unassign", "--group", "sales"]);
}

#[test]
fn a_groups_file_that_cannot_be_used_keeps_the_server_from_starting_and_names_the_line() {
    let server = Running::start("sales: ann\n", &["--store", "memory:"]);
    server.write("groups", "sales: ann\nboard ann\n");
    let done = server.asprov(&["serve", "--users", "users", "--groups", "groups", "--store", "memory:", "--check"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.err.contains("the groups file, line 2: `board ann` has no colon"), "{}", done.err);
    server.write("groups", "sales: ann bob\nboard: ann\n");
    let done = server.asprov(&["serve", "--users", "users", "--groups", "groups", "--store", "memory:", "--check"]);
    assert!(done.out.contains("groups: 2 groups with 2 users"), "{}", done.out);
}

#[test]
fn a_change_goes_to_a_group_first_then_to_everybody_and_the_status_says_how_far_it_is() {
    let server = Running::start("pilot: ann\n", &["--store", "memory:"]);
    server.out(&["policy", "set", "default", "require_device_information=false"]);
    assert_eq!(server.provision("A1", &[]).0, 0);
    let stage = ["policy", "stage", "default", "DevicePasswordEnabled=true", "allow_partial=true", "--group", "pilot"];
    let dry = server.said(&[&stage[..], &["--dry-run"]].concat());
    let expected = "policy default would be staged for group pilot; 1 device would have to provision again; nothing was \
        changed\n";
    assert_eq!(dry, expected);
    let done = server.said(&stage);
    assert_eq!(done, "policy default is staged for group pilot; 1 device to provision again\n");
    assert!(server.out(&["policy", "diff", "default", "1", "staged"]).contains("DevicePasswordEnabled"));
    let staged =
        |what: &str| server.json(&["policy", "status", "default", "--json"])["staged"]["devices"][what].clone();
    assert_eq!((staged("total"), staged("provisioned")), (json!(1), json!(0)));
    assert_eq!(server.provision("A1", &["--acknowledgment", "2"]).0, 0);
    assert_eq!((staged("total"), staged("partial")), (json!(1), json!(1)));
    let shown = server.out(&["policy", "status", "default"]);
    assert!(shown.contains("staged for group pilot") && shown.contains("in part"), "{shown}");

    // A second change is made to what is staged.
    server.out(&["policy", "stage", "default", "AllowCamera=false", "--share", "100%"]);
    let (_, outcome) = server.provision("A1", &[]);
    assert_eq!(
        (&outcome["policy"]["DevicePasswordEnabled"], &outcome["policy"]["AllowCamera"]),
        (&json!(true), &json!(false))
    );
    let promoted = server.said(&["policy", "promote", "default"]);
    assert!(promoted.ends_with("is for all devices now; 0 devices to provision again\n"), "{promoted}");
    assert_eq!(server.asprov(&["policy", "promote", "default"]).code, 1);

    server.write(
        "next.toml",
        "[policy.default]\nallow_partial = true\n[policy.default.settings]\nAllowBrowser = false\n",
    );
    server.out(&["policy", "stage", "default", "--file", "next.toml", "--group", "pilot"]);
    let back = server.said(&["policy", "unstage", "default"]);
    assert!(back.ends_with("is taken back; 0 devices to provision again\n"), "{back}");
    for wrong in [
        &["--file", "next.toml"][..],
        &["AllowCamera=0", "--group", "a", "--share", "3%"],
        &["AllowCamera=0", "--share", "0%"],
    ] {
        assert_eq!(server.asprov(&[&["policy", "stage", "default"][..], wrong].concat()).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_policy_that_only_reports_refuses_nobody_and_says_whom_it_would_have() {
    let server = Running::start("", &["--store", "memory:"]);
    server.out(
        &[&PIN[..], &["allow_partial=false", "allow_externally_managed=false", "allow_non_provisionable=false"]]
            .concat(),
    );
    assert_eq!(server.provision("A1", &["--acknowledgment", "3"]).0, 1);
    server.out(&["policy", "set", "default", "report_only=true"]);
    let (code, outcome) = server.provision("A1", &["--acknowledgment", "3"]);
    assert_eq!((code, &outcome["outcome"]), (0, &json!("provisioned")), "{outcome}");
    let shown = server.out(&["policy", "status", "default"]);
    assert!(shown.contains("The policy only reports; 1 would have been refused something."), "{shown}");
    let events = server.out(&["device", "events", "ann", "A1"]);
    assert!(events.contains("would_be_refused") && events.contains("139"), "{events}");
    let dry = server.said(&["policy", "set", "default", "report_only=false", "--dry-run"]);
    assert!(dry.starts_with("1 device would have to provision again"), "{dry}");
}
