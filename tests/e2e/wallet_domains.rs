//! `control-plane wallets check` and `register` as operators run them: on a domain whose file an Envoy gives, and on
//! the sandbox's Stripe.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use gateway_tests::{Gateway, HttpResponse, shared};
use local_stack::{Authority, Options, Programs, Stack};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_services::ScratchFolder;

const ASSOCIATION: &str = "/.well-known/apple-developer-merchantid-domain-association";

/// Runs `control-plane wallets …` on the settings of a gateway and on `more` of them: its exit code, and what it says.
fn wallets(stack: &Stack, arguments: &[&str], more: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(Programs::of_this_build().unwrap().control_plane);
    command.arg("--config").arg(stack.run_dir().env_file()).arg("wallets").args(arguments);
    command.env_clear().env("PATH", env::var_os("PATH").unwrap()).envs(more.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

/// A gateway that has a certificate for three domains: `shop.example` gives the provider's file, `moved.example`
/// redirects, and `plain.example` has no file.
struct Shop {
    // Dropped in this order.
    stack: Stack,
    files: TempDir,
    _run_dir: ScratchFolder,
}

impl Shop {
    async fn open() -> Self {
        let (files, run_dir) = (tempfile::tempdir().unwrap(), ScratchFolder::new("gateway-wallets-"));
        let path = |name: &str| files.path().join(name).display().to_string();
        let authority = Authority::new().unwrap();
        let issued =
            authority.issue(&["localhost", "shop.example", "moved.example", "plain.example"]).unwrap();
        issued.replace(Path::new(&path("certificate.pem")), Path::new(&path("key.pem"))).unwrap();
        fs::write(path("authority.pem"), authority.pem()).unwrap();
        // 9 KiB, like the providers' files.
        fs::write(path("stripe"), "7B227073704964223A22".repeat(461)).unwrap();
        fs::write(path("paypal"), "7B227073704964223A23".repeat(461)).unwrap();
        let mut options = Options::for_test(run_dir.path())
            .unwrap()
            .with("WALLET_ASSOCIATION_FILES", format!("shop.example={}", path("stripe")))
            .with("TLS_CERTIFICATE", path("certificate.pem"))
            .with("TLS_PRIVATE_KEY", path("key.pem"));
        options.extra_routes = vec![redirect("moved.example").to_string()];
        let stack = Stack::start(options).await.unwrap_or_else(|error| panic!("{error:#}"));
        Self { stack, files, _run_dir: run_dir }
    }

    fn file(&self, name: &str) -> String {
        self.files.path().join(name).display().to_string()
    }

    /// `wallets check` of a domain, to which DNS does not lead yet.
    fn check(&self, domain: &str, more: &[&str]) -> (i32, String) {
        let url = self.stack.gateway_tls_url();
        let at = url.trim_start_matches("https://");
        let arguments = [&["check", domain, "--at", at][..], more].concat();
        let files = format!("shop.example={}", self.file("stripe"));
        wallets(&self.stack, &arguments, &[("WALLET_ASSOCIATION_FILES", &files)])
    }
}

/// A route of Envoy's that sends those who ask a domain for its file to another domain.
fn redirect(domain: &str) -> Value {
    let off = json!({ "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": true });
    json!({
        "name": "moved",
        "match": {
            "path": ASSOCIATION,
            "headers": [{ "name": ":authority", "string_match": { "prefix": domain } }],
        },
        "redirect": { "host_redirect": format!("www.{domain}") },
        "typed_per_filter_config": {
            "authorization_scheme": off,
            "envoy.filters.http.api_key_auth": off,
            "client_limit": off,
            "gateway_limit": off,
            "gateway.edge": off,
        },
    })
}

#[tokio::test]
async fn a_domain_that_apple_believes_is_told_from_others_and_each_mistake_by_its_name() {
    let shop = Shop::open().await;
    let [ca, stripe, paypal] = ["authority.pem", "stripe", "paypal"].map(|name| shop.file(name));
    for more in [&["--ca", &ca][..], &["--ca", &ca, "--file", &stripe]] {
        let (code, said) = shop.check("shop.example", more);
        let fine = "shop.example gives Apple 9220 bytes over TLS, which are the provider's";
        assert!(code == 0 && said.contains(fine), "{code} {said}");
    }
    for (domain, more, words) in [
        ("shop.example", &["--ca", &ca, "--file", &paypal][..], "differs from byte 19 on"),
        ("moved.example", &["--ca", &ca], "it redirects to https://www.moved.example"),
        ("plain.example", &["--ca", &ca], "it answers with status 401 instead of the file"),
        ("elsewhere.example", &["--ca", &ca], "not valid for name \"elsewhere.example\""),
        // This machine does not trust the authority of the test.
        ("shop.example", &[], "UnknownIssuer"),
    ] {
        let (code, said) = shop.check(domain, more);
        assert!(code == 1 && said.contains(words), "{domain} {more:?}: {code} {said}");
    }
}

#[tokio::test]
async fn a_check_tells_what_the_settings_and_stripe_know_of_a_domain() {
    let shop = Shop::open().await;
    let (ca, file) = (shop.file("authority.pem"), shop.file("stripe"));
    let url = shop.stack.gateway_tls_url();
    let at = url.trim_start_matches("https://");
    let arguments = ["check", "shop.example", "--at", at, "--ca", &ca, "--file", &file];
    let check = |more: &[(&str, &str)]| wallets(&shop.stack, &arguments, more);

    let (code, said) = check(&[("WALLET_DOMAINS", "demo:shop.example")]);
    let told = "WALLET_DOMAINS lists it for demo\n  it is not registered at Stripe: ";
    assert!(code == 0 && said.contains(told), "{code} {said}");
    let (code, said) = check(&[("WALLET_DOMAINS", "demo:www.shop.example")]);
    assert!(code == 1 && said.contains("wrong: WALLET_DOMAINS lists it for no client"), "{code} {said}");
    let (code, said) = check(&[("STRIPE_SECRET_KEY", "rk_test_1")]);
    assert!(code == 1 && said.contains("Invalid API Key provided"), "{code} {said}");

    assert_eq!(wallets(&shop.stack, &["register", "shop.example", "--provider", "stripe"], &[]).0, 0);
    let (code, said) = check(&[]);
    let active = "Stripe says of apple_pay: active\n  Stripe says of google_pay: active";
    assert!(code == 0 && said.contains(active), "{code} {said}");

    // Nothing answers there, but Stripe has the domain.
    assert_eq!(wallets(&shop.stack, &["register", "shop.invalid", "--provider", "stripe"], &[]).0, 1);
    let (code, said) = wallets(&shop.stack, &["check", "shop.invalid", "--at", at, "--ca", &ca], &[]);
    let inactive = "wrong: Stripe says of apple_pay: inactive: The domain association file was not found";
    assert!(code == 1 && said.contains(inactive), "{code} {said}");
}

/// The domains of this name that are registered at Stripe.
async fn registered(gateway: &Gateway<'_>, domain: &str) -> Vec<Value> {
    let url = format!("{}/v1/payment_method_domains?domain_name={domain}", gateway.stack().sandbox_url());
    let key = gateway.stack().setting("STRIPE_SECRET_KEY").unwrap();
    let listed = HttpResponse::of(gateway.http.get(url).bearer_auth(key)).await.json();
    listed["data"].as_array().unwrap().clone()
}

fn register(gateway: &Gateway<'_>, domain: &str, provider: &str, more: &[(&str, &str)]) -> (i32, String) {
    wallets(gateway.stack(), &["register", domain, "--provider", provider], more)
}

#[tokio::test]
async fn a_domain_is_registered_at_stripe_once_however_often_it_is_asked_for() {
    let gateway = shared().await;
    let domain = "once.shop.example";
    assert!(registered(&gateway, domain).await.is_empty());
    for _ in 0..2 {
        let (code, said) = register(&gateway, domain, "stripe", &[]);
        let usable =
            "every wallet is usable on once.shop.example:\n  apple_pay: active\n  google_pay: active";
        assert!(code == 0 && said.contains(usable), "{code} {said}");
        let registered = registered(&gateway, domain).await;
        assert_eq!(registered.len(), 1, "{registered:?}");
        assert_eq!(registered[0]["domain_name"], domain);
    }
}

#[tokio::test]
async fn a_domain_that_a_provider_does_not_take_is_told_in_its_own_words() {
    let gateway = shared().await;
    for (domain, provider, more, words) in [
        ("key.shop.example", "stripe", &[("STRIPE_SECRET_KEY", "rk_test_1")][..], "Invalid API Key provided"),
        ("pay.shop.invalid", "stripe", &[], "apple_pay: inactive: The domain association file was not found"),
        ("pay.shop.example", "paypal", &[], "PayPal takes domains in its dashboard only"),
    ] {
        let (code, said) = register(&gateway, domain, provider, more);
        assert!(code == 1 && said.contains(words), "{domain}: {code} {said}");
    }
    assert_eq!(registered(&gateway, "pay.shop.invalid").await.len(), 1);
    assert!(registered(&gateway, "key.shop.example").await.is_empty());
}
