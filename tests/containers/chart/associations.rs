//! The files by which Apple sees that a domain may show its wallet.

use super::*;

#[test]
fn the_files_that_domains_give_to_apple_are_keys_of_config_maps() {
    let Some(example) = example("own") else { return };
    let pod = &example.one("Deployment", "envoy")["spec"]["template"]["spec"];
    let bootstrap = &pod["initContainers"][0];
    let setting = json!({
        "name": "WALLET_ASSOCIATION_FILES", "value": "shop.example=/associations/shop.example",
    });
    assert!(bootstrap["env"].as_array().unwrap().contains(&setting), "{bootstrap}");
    let volumes = pod["volumes"].as_array().unwrap();
    let volume = volumes.iter().find(|volume| volume["name"] == "associations").unwrap();
    let items = json!([{ "key": "stripe", "path": "shop.example" }]);
    let source = json!({ "configMap": { "name": "wallet-associations", "items": items } });
    assert_eq!(volume["projected"]["sources"], json!([source]));
    let mount = json!({ "name": "associations", "mountPath": "/associations", "readOnly": true });
    // The one looks at the files, the other serves them.
    for container in [bootstrap, &pod["containers"][0]] {
        assert!(container["volumeMounts"].as_array().unwrap().contains(&mount), "{container}");
    }
}

#[test]
fn without_such_files_there_is_neither_a_setting_nor_a_volume() {
    let Some(example) = example("trial") else { return };
    let pod = example.one("Deployment", "envoy").to_string();
    assert!(!pod.contains("associations") && !pod.contains("WALLET_ASSOCIATION_FILES"), "{pod}");
}
