//! The rules, each broken once, and what the scanner makes of real shapes of code.

use super::*;

const HEADER: &str = "ids\tsection\tscope\tlevel\trequirement\treason\n";

/// Code and test that show R657, in section 3.2.5.1.2.1.
const CODE: &str = "//! A room.\n\nfn decide() {\n    // [MS-ASPROV] 3.2.5.1.2.1 (R657): the key has to be the one.\n    judge();\n}\n";
const TEST: &str =
    "//! Tests.\n\n#[test]\nfn the_key_counts() {\n    // [MS-ASPROV] 3.2.5.1.2.1 (R657)\n    decide();\n}\n";

fn table(rows: &[&str]) -> Vec<Requirement> {
    requirements::parse(&format!("{HEADER}{}", rows.join("\n"))).unwrap()
}

fn of(rows: &[&str], sources: &[(&str, &str)]) -> Shown {
    let source = |(path, text): &(&str, &str)| Source {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
        of_tests: path.contains("tests"),
    };
    judge(&table(rows), &sources.iter().map(source).collect::<Vec<_>>())
}

fn breaches(rows: &[&str], sources: &[(&str, &str)]) -> Vec<String> {
    of(rows, sources).breaches
}

const R657: &str = "R657\t3.2.5.1.2.1\tServer\tMUST\tThe key has to be the one\t";

#[test]
fn a_requirement_with_code_and_test_is_no_breach_and_is_shown_with_both() {
    let shown = of(&[R657], &[("src/decide.rs", CODE), ("tests/key.rs", TEST)]);
    assert_eq!(shown.breaches, Vec::<String>::new());
    let ids = ["R657".to_owned()];
    assert_eq!(shown.places(&ids, false), BTreeSet::from([("src/decide.rs", "decide")]));
    assert_eq!(shown.places(&ids, true), BTreeSet::from([("tests/key.rs", "the_key_counts")]));
}

#[test]
fn a_hole_is_a_breach() {
    let found = breaches(&[R657], &[]);
    let hole = "R657 (3.2.5.1.2.1, The key has to be the one): neither code nor test cites it, and there is no reason";
    assert_eq!(found, [hole]);
    assert!(breaches(&[R657], &[("src/decide.rs", CODE)])[0].ends_with("no test cites it"));
    assert!(breaches(&[R657], &[("tests/key.rs", TEST)])[0].ends_with("no code cites it"));
    // Each id of a row counts by itself.
    let two = "R657 R658\t3.2.5.1.2.1\tServer\tMUST\tThe key has to be the one\t";
    let found = breaches(&[two], &[("src/decide.rs", CODE), ("tests/key.rs", TEST)]);
    assert!(found.len() == 1 && found[0].starts_with("R658 ("), "{found:?}");
}

#[test]
fn a_citation_of_what_does_not_exist_is_a_breach() {
    let unknown = CODE.replace("R657", "R9999");
    let found = breaches(&[], &[("src/decide.rs", &unknown)]);
    assert_eq!(found, ["src/decide.rs:4: R9999 is no normative requirement of docs/reference/requirements.tsv"]);
    // A mention too: it would send a reader nowhere.
    let found = breaches(&[], &[("src/decide.rs", "// See [MS-ASPROV] R9999.\n")]);
    assert_eq!(found, ["src/decide.rs:1: R9999 is no normative requirement of docs/reference/requirements.tsv"]);
}

#[test]
fn a_citation_with_another_section_is_a_breach_and_shows_nothing() {
    let wrong = CODE.replace("3.2.5.1.2.1", "3.2.5.1.2.2");
    let found = breaches(&[R657], &[("src/decide.rs", &wrong), ("tests/key.rs", TEST)]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "src/decide.rs:4: R657 is cited with section 3.2.5.1.2.2, expected 3.2.5.1.2.1");
    assert!(found[1].ends_with("no code cites it"), "{found:?}");
}

#[test]
fn a_reason_for_what_is_cited_anyway_is_a_breach() {
    let row = format!("{R657}application: the device does it by itself");
    assert_eq!(breaches(&[&row], &[]), Vec::<String>::new());
    for (path, text) in [("src/decide.rs", CODE), ("tests/key.rs", TEST)] {
        let found = breaches(&[&row], &[(path, text)]);
        assert!(found[0].contains(&format!("it has the reason `application`, and {path}:")), "{found:?}");
    }
    // To mention it is no citation.
    let mention = CODE.replace("3.2.5.1.2.1 (R657)", "R657");
    assert_eq!(breaches(&[&row], &[("src/decide.rs", &mention)]), Vec::<String>::new());
}

#[test]
fn an_id_without_its_document_is_a_breach() {
    let found = breaches(&[], &[("src/key.rs", "/// A key is a number (R657).\nstruct Key;\n")]);
    assert_eq!(
        found,
        ["src/key.rs:1: R657 names no document, expected `[MS-ASPROV] SECTION (R657)` or that of another one"]
    );
    // Other documents count by themselves, and code is no comment.
    let others = "// The lists ([MS-ASHTTP] R1107, R254), 449 ([MS-ASCMD] 2.2.2 (R7561)).\nlet R12 = \"R657\";\n";
    assert_eq!(breaches(&[], &[("src/key.rs", others)]), Vec::<String>::new());
}

#[test]
fn a_citation_in_a_test_file_stands_in_a_test_or_in_what_a_test_goes_through() {
    let used = "// [MS-ASPROV] 3.2.5.1.2.1 (R657)\nconst KEYS: [u32; 1] = [\n    1,\n];\n\n#[test]\nfn every_key() {\n    KEYS.len();\n}\n";
    let shown = of(&[R657], &[("src/decide.rs", CODE), ("tests/key.rs", used)]);
    assert_eq!(shown.breaches, Vec::<String>::new());
    assert!(
        breaches(&[R657], &[("src/decide.rs", CODE), ("tests/key.rs", &used.replace("KEYS.len()", "1"))])[0]
            .starts_with("tests/key.rs:1: R657 is cited where no test of this file goes through")
    );
    let outside = "// [MS-ASPROV] 3.2.5.1.2.1 (R657)\n\nuse std::fmt;\n";
    assert!(
        breaches(&[R657], &[("src/decide.rs", CODE), ("tests/key.rs", outside)])[0]
            .starts_with("tests/key.rs:1: R657 is cited outside of every test")
    );
}

#[test]
fn a_row_of_a_table_is_named() {
    let rows = "settings! {\n    // [MS-ASPROV] 3.2.5.1.2.1 (R657)\n    /// The key.\n    PolicyKey POLICY_KEY;\n}\n";
    let test = "const ROWS: [Row; 1] = [\n    // [MS-ASPROV] 3.2.5.1.2.1 (R657)\n    row(\"PolicyKey\", 1),\n];\n\n#[tokio::test]\nasync fn every_row() {\n    ROWS.len();\n}\n";
    let shown = of(&[R657], &[("src/table.rs", rows), ("tests/rows.rs", test)]);
    assert_eq!(shown.breaches, Vec::<String>::new());
    let ids = ["R657".to_owned()];
    assert_eq!(shown.places(&ids, false), BTreeSet::from([("src/table.rs", "settings! PolicyKey")]));
    assert_eq!(shown.places(&ids, true), BTreeSet::from([("tests/rows.rs", "ROWS PolicyKey")]));
}

#[test]
fn a_citation_may_go_over_lines_sections_and_escapes() {
    let text = "impl Key {\n    /// Twice: \\[MS-ASPROV\\] 3.1.5.1 (R1, R10,\n    /// R11); 3.2.5.1 (R12 and R13). R14 is mentioned.\n    pub(crate) const fn of(\n        number: u32,\n    ) -> Self {\n        Self\n    }\n}\n";
    let found = citations::read("src/key.rs", text, false);
    let cited: Vec<_> = found.citations.iter().map(|c| (c.id.as_str(), c.section.as_str(), c.line)).collect();
    assert_eq!(
        cited,
        [
            ("R1", "3.1.5.1", 2),
            ("R10", "3.1.5.1", 2),
            ("R11", "3.1.5.1", 3),
            ("R12", "3.2.5.1", 3),
            ("R13", "3.2.5.1", 3)
        ]
    );
    assert!(found.citations.iter().all(|citation| citation.item == "of" && !citation.is_test));
    assert_eq!(found.faults.len(), 1, "the sentence before is over: {:?}", found.faults);
}

#[test]
fn the_tests_of_a_file_are_its_test_modules() {
    let text = "fn decide() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn it_decides() {\n        // [MS-ASPROV] 3.2.5.1.2.1 (R657)\n        super::decide();\n    }\n}\n\n// [MS-ASPROV] 3.2.5.1.2.1 (R657)\nfn after() {}\n";
    let found = citations::read("src/decide.rs", text, false);
    let places: Vec<_> = found.citations.iter().map(|c| (c.item.as_str(), c.is_test)).collect();
    assert_eq!(places, [("it_decides", true), ("after", false)]);
    let lines: Vec<&str> =
        "#[cfg(test)]\npub(crate) mod properties;\n#[cfg(test)]\nmod tests;\nmod table;".lines().collect();
    assert_eq!(items::test_files(&lines), ["properties", "tests"]);
}

#[test]
fn an_item_ends_where_rustfmt_ends_it() {
    let text = "pub static ONE: &str = \"x\";\nconst TWO: &str =\n    \"y\";\nfn three(\n    a: u32,\n) -> u32\nwhere\n    u32: Copy,\n{\n    a\n}\nstruct Four(u32);\nenum Five {\n    A,\n}\nproptest! {\n    #[test]\n    fn six(a in 0..3) {\n        a;\n    }\n}\n";
    let lines: Vec<&str> = text.lines().collect();
    let found: Vec<_> =
        items::items(&lines).iter().map(|item| (item.name, item.head, item.last, item.is_test)).collect();
    assert_eq!(
        found,
        [
            ("ONE", 0, 0, false),
            ("TWO", 1, 2, false),
            ("three", 3, 10, false),
            ("Four", 11, 11, false),
            ("Five", 12, 14, false),
            ("proptest!", 15, 20, false),
            ("six", 16, 19, true),
        ]
    );
}

#[test]
fn a_table_that_is_none_is_refused_with_its_line() {
    let refused = |rows: &str| format!("{:#}", requirements::parse(&format!("{HEADER}{rows}\n")).unwrap_err());
    assert_eq!(
        requirements::parse("ids\n").unwrap_err().to_string(),
        format!("line 1: expected `{}`", HEADER.trim_end())
    );
    assert_eq!(refused("R1\t2.1\tServer\tMUST\tText"), "line 2: 5 cells, expected 6");
    assert_eq!(refused("X1\t2.1\tServer\tMUST\tText\t"), "line 2: `X1` are no ids");
    assert_eq!(refused(&format!("{R657}\n{R657}")), "line 3: R657 stands twice");
    assert_eq!(
        refused(&format!("{R657}because")),
        "line 2: `because` does not begin with one of application, product, not met"
    );
    assert_eq!(
        refused(&format!("{R657}nowhere: it is not needed")),
        "line 2: `nowhere` is none of application, product, not met"
    );
    assert_eq!(
        refused("R1\t2.1\tServer\tOUGHT\tText\t"),
        "line 2: `OUGHT` is none of MUST, MUST NOT, SHOULD, SHOULD NOT, plain"
    );
}

#[test]
fn the_totals_count_ids_and_not_rows() {
    let rows = table(&[
        "R1 R2 R3\t2.1\tBoth\tplain\tThree at once\t",
        "R4 R5\t2.1\tClient\tSHOULD\tErase it\tapplication: the library erases nothing",
        "R6\t7\tServer\tplain\tSome server does\tproduct: nothing follows from it",
    ]);
    let readme =
        "before\n<!-- requirements begin: generated by `cargo xtask spec` -->\nold\n<!-- requirements end -->\nafter\n";
    let text = page::readme(readme, &rows).unwrap();
    for line in ["| 6 |", "named | 3 |", "on the device | 2 |", "not about the protocol | 1 |", "| not met | 0 |"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(text.starts_with("before\n<!--") && text.ends_with("-->\nafter\n") && !text.contains("old"));
    assert_eq!(page::readme(&text, &rows).unwrap(), text);
    assert!(page::readme("nothing", &rows).is_err());
}

#[test]
fn in_this_tree_every_requirement_is_shown_or_has_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let documents = documents(root).unwrap();
    let page = &documents.iter().find(|document| document.path.ends_with("conformance.md")).unwrap().text;
    assert!(page.contains("| normative requirements of [MS-ASPROV] | 764 |"));
    assert!(page.lines().filter(|line| line.starts_with("| R")).count() > 400);
}
