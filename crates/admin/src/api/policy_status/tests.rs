use asprov_protocol::message::AcknowledgmentStatus;
use asprov_protocol::policy::{Policy, PolicyName};
use serde_json::{Value as Json, json};

use crate::fixture::{Api, provisioned};

#[tokio::test]
async fn the_status_of_a_policy_counts_its_devices_by_how_far_they_are() {
    let api = Api::new();
    let neutral = Policy::neutral(PolicyName::new("default").unwrap());
    for (device_id, status) in [("A1", AcknowledgmentStatus::Applied), ("A2", AcknowledgmentStatus::AppliedInPart)] {
        let mut record = provisioned("ann", device_id);
        record.provisioned.as_mut().unwrap().fingerprint = neutral.document.fingerprint(record.protocol_version);
        record.acknowledgment.as_mut().unwrap().status = status;
        api.add_record(&record).await;
    }
    let status = api.get("/api/v1/policies/default/status").await.json(200);
    assert_eq!((&status["version"], &status["at"], &status["staged"]), (&json!(1), &Json::Null, &Json::Null));
    let counts = &status["devices"];
    assert_eq!((&counts["total"], &counts["provisioned"], &counts["partial"]), (&json!(2), &json!(1), &json!(1)));

    let stage = json!({"policy": {"settings": {"AllowCamera": false}, "report_only": true}, "share": 86});
    api.put("/api/v1/policies/default/stage", &stage).await.json(201);
    let status = api.get("/api/v1/policies/default/status").await.json(200);
    assert_eq!((&status["staged"]["share"], &status["staged"]["report_only"]), (&json!(86), &json!(true)));
    let (present, staged) = (&status["devices"]["total"], &status["staged"]["devices"]["total"]);
    assert_eq!(present.as_u64().unwrap() + staged.as_u64().unwrap(), 2);
    assert!(staged.as_u64().unwrap() >= 1, "{status}");
    api.get("/api/v1/policies/nothing/status").await.problem(404, "no-such-policy");
}
