use std::collections::BTreeSet;

use super::*;
use crate::api::routes;
use crate::fixture::Api;

fn document() -> Json {
    serde_json::from_str(text()).unwrap()
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let api = Api::new();
    assert_eq!(api.get("/api/v1/openapi.json").await.json(200), document());
    insta::assert_snapshot!("openapi", text());
}

#[tokio::test]
async fn every_path_and_method_of_the_router_is_in_the_document_and_nothing_else() {
    let api = Api::new();
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let routed: BTreeSet<_> = routes().map(|route| route.path.to_owned()).collect();
    assert_eq!(routed, paths.keys().cloned().collect());
    for (path, item) in paths {
        let place = path.replace("{user}", "ann").replace("{device_id}", "A1").replace("{name}", "strict");
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let request = api.request(method.parse().unwrap(), &place, None, "");
            let answered = api.send(request).await.status != http::StatusCode::METHOD_NOT_ALLOWED;
            let described = item.get(method.to_lowercase()).is_some();
            assert_eq!(answered, described, "{method} {path}");
        }
    }
}

#[test]
fn every_error_is_described_as_a_problem() {
    let mut errors = 0;
    for item in document()["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with(['4', '5']) {
                    let schema = &response["content"][PROBLEM_JSON]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{operation}");
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 50, "{errors}");
}

#[test]
fn every_reference_leads_somewhere_and_no_two_operations_share_a_name() {
    fn references(json: &Json, found: &mut BTreeSet<String>) {
        match json {
            Json::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Json::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let operations: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(operations.iter().collect::<BTreeSet<_>>().len(), operations.len());
}

#[test]
fn an_answer_has_every_field_and_a_request_may_leave_some_out() {
    let document = document();
    let required = |schema: &str| document["components"]["schemas"][schema]["required"].as_array().unwrap().len();
    let fields = |schema: &str| document["components"]["schemas"][schema]["properties"].as_object().unwrap().len();
    for answer in ["Device", "Wipe", "Access", "Event", "DevicePolicy", "Policy"] {
        assert_eq!(required(answer), fields(answer), "{answer}");
    }
    assert_eq!((required("WipeToOrder"), required("AccessToDecide"), required("PolicyToAssign")), (1, 1, 1));
    assert_eq!(document["components"]["schemas"]["PolicyToKeep"]["required"], Json::Null);
    assert_eq!(required("Problem"), fields("Problem") - 1);
}

#[test]
fn only_the_paths_without_a_token_say_so() {
    let document = document();
    for route in routes() {
        for operation in document["paths"][route.path].as_object().unwrap().values() {
            let open = operation["security"] == serde_json::json!([{}]);
            assert_eq!(open, route.open, "{}", route.path);
        }
    }
}
