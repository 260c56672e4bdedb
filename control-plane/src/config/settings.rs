//! Every setting of the control plane.

/// One row of the table.
#[derive(Debug)]
pub struct Setting {
    /// The keys that are explained together.
    pub keys: &'static [&'static str],
    /// In Markdown, like the meaning.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// All settings, in the order in which operators need them.
pub const SETTINGS: [Setting; 52] = [
    Setting {
        keys: &["EDGE_ATTESTATION_KEYS"],
        default: "required",
        meaning: "keys that filter and control plane share, `id:hex` (64 or more digits), comma list; the first signs, all verify. `control-plane edge-keys` prints what Envoy and a separate edge cache need of them ([purposes](security.md#keys-for-each-purpose))",
    },
    Setting {
        keys: &["EDGE_ATTESTATION_V1"],
        default: "`accept`",
        meaning: "whether attestations of an earlier release's Envoys (`v=1`), which name no audience, are accepted: `reject` once every Envoy is of this release ([upgrade](operations.md#upgrade-and-roll-back)). What is refused then counts as `unknown_key`. For `serve` and `edge-cache`",
    },
    Setting {
        keys: &["CONTROL_PLANE_LISTEN"],
        default: "`127.0.0.1:8081`",
        meaning: "the control plane's port: API, `/healthz`, `/readyz`, `/metrics`",
    },
    Setting {
        keys: &[
            "SERVICE_TLS_CERTIFICATE",
            "SERVICE_TLS_PRIVATE_KEY",
            "SERVICE_TLS_CLIENT_CA",
            "SERVICE_TLS_CLIENT_NAMES",
        ],
        default: "none: without TLS",
        meaning: "TLS 1.3 with client certificates on every listener of the process: PEM files of its certificate (with intermediates) and private key, of the authorities whose client certificates it accepts, and the names of which such a certificate must have one, DNS names and URIs in a comma list (`envoy.example,spiffe://example/prometheus`). All four or none. The files are followed: changed ones are in use within three seconds ([rotation](operations.md#certificates)). `control-plane ready` uses the process's own certificate, which is accepted as well",
    },
    Setting {
        keys: &["GATEWAY_PROFILE", "ALLOW_PLAINTEXT"],
        default: "`local`, none",
        meaning: "with `production`, nothing starts that would send payments or credentials in clear text to or from another machine, except over the wires that `ALLOW_PLAINTEXT` names, a comma list of `gateway`, `control-plane`, `edge-cache`, `worker`, `rate-limits`, `database` (anything less than `verify-full`), `redis`, `queue`, `providers` (a sandbox's made-up credentials), `proxy` (its password), `witness` (checkpoints of the audit trail). Envoy's metrics (`ENVOY_STATS_LISTEN`) are numbers, and not asked about. Name those that something else protects, for example a mesh. Live keys never travel in clear text, whatever is named here",
    },
    Setting {
        keys: &["DB_URI"],
        default: "`sqlite://gateway.db`",
        meaning: "`sqlite://PATH` for one control plane (a second one on the same file does not start); its files are readable by their owner alone (0600). `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (PostgreSQL 14 or newer) for several. A server that is not on this machine must prove itself by TLS (`sslmode=verify-full`, by public authorities or `sslrootcert=FILE`), unless `sslmode` in the address or `PGSSLMODE` says otherwise. A pool like PgBouncer in between must lend whole sessions (`pool_mode = session`). In user names and passwords of addresses, write `%40` for `@`, `%3A` for `:`, `%2F` for `/`, `%3F` for `?`, `%23` for `#` and `%25` for `%`. On both, concurrent requests share commits, and each commit is on disk before it is reported",
    },
    Setting {
        keys: &["MIGRATE_ON_START"],
        default: "`on` for SQLite, `if-empty` for PostgreSQL",
        meaning: "whether `serve` and `worker` bring the schema up to date (`on`), set up an empty database (`if-empty`), or only check the schema, which needs no right to change it (`off`). The other commands only check",
    },
    Setting {
        keys: &["DB_CONNECTIONS", "DB_LIST_CONNECTIONS"],
        default: "8, 4",
        meaning: "connections of each process to PostgreSQL: for reads by an id or a key (payments, refunds, webhooks, due work), and separately for clients' lists. One client uses at most half of the latter, which is about 200 lists a second each. Each process has two more for commits and two for operators' lists",
    },
    Setting {
        keys: &["DB_READ_TIMEOUT_MS"],
        default: "2000",
        meaning: "a client's list that takes longer is canceled and answered 503",
    },
    Setting {
        keys: &["ENCRYPTION_KEYS", "ENCRYPTION_PLAIN"],
        default: "none, `accept`",
        meaning: "keys that seal what the database holds of payers and payments, `id:hex` (64 digits), comma list; the first seals, all open ([which values](security.md#at-rest), [rotation](operations.md#encryption-keys)). Every control plane, worker and command needs them. Without the list, values are stored as they are. Without a key that stored rows need, nothing starts. With `reject`, a stored value that is not sealed counts as unreadable: set it once `control-plane keys status` finds no plain row",
    },
    Setting {
        keys: &["KMS_KEY", "VAULT_ADDR", "VAULT_TOKEN", "VAULT_CA"],
        default: "none, none, none, the machine's authorities",
        meaning: "a key management service wraps data keys instead of the first of `ENCRYPTION_KEYS`, which may still be given to open what they have wrapped: `vault:MOUNT/KEY` of Vault's or OpenBao's transit engine (at `VAULT_ADDR`, with `VAULT_TOKEN` or `VAULT_TOKEN_FILE`), or `awskms:arn:aws:kms:…` (with AWS's own settings; in a build with the feature `aws-kms`). Of several, comma-separated, the first one wraps and all open, so that one replaces another; those of Vault have one address and one token. `VAULT_CA` is a PEM file of the authorities of Vault's certificate. It is asked when a process starts and for a new data key once a day",
    },
    Setting {
        keys: &["REDIS_URI"],
        default: "none",
        meaning: "`redis://[USER:PASSWORD@]HOST[:PORT][/DB]` or `rediss://…`: the edge cache that several Envoys and control planes share (Redis 6.2 or newer, or Valkey; `maxmemory` set, `maxmemory-policy noeviction`). Nothing depends on its honesty: its content is sealed and encrypted with subkeys of `EDGE_ATTESTATION_KEYS`, and the filter believes no answer without the seal. [How large](#the-edge-caches-memory). Without it, the cache is in the control plane's memory. Control planes, and workers that have it, also tell each other over it that there are new events (Pub/Sub, channel `edge:moved:1:DB`); without such word, events of others are found 100 ms later",
    },
    Setting {
        keys: &["REDIS_CA", "REDIS_CERTIFICATE", "REDIS_PRIVATE_KEY"],
        default: "the machine's authorities, none, none",
        meaning: "for `rediss://…`: PEM files of the authorities of Redis's certificate, and of the certificate and key with which this process proves itself (Redis asks for one unless `tls-auth-clients no`). Read when the process starts",
    },
    Setting {
        keys: &["EDGE_CACHE_ANSWERS_SECONDS"],
        default: "300",
        meaning: "how long the edge cache keeps an answer, 1 to 86400; later repeats are answered from the database, in the same bytes",
    },
    Setting {
        keys: &["EDGE_CACHE_CLIENT_MB"],
        default: "64",
        meaning: "how many MiB of it one client's answers may take within that time, 1 to 65536; beyond that, the database answers",
    },
    Setting {
        keys: &["EDGE_CACHE_LISTEN"],
        default: "`127.0.0.1:8082`",
        meaning: "where Envoy asks about keys; `off` where `control-plane edge-cache` runs as a separate process on the same Redis",
    },
    Setting {
        keys: &["AMQP_URI", "AMQP_QUEUE_PREFIX"],
        default: "none, `gateway`",
        meaning: "`amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST]` or `amqps://…` (RabbitMQ 3.10 or newer), and the prefix of its queues' names: brings due work to whichever process is free. Without it, processes poll the database for due work",
    },
    Setting {
        keys: &["AMQP_CA", "AMQP_CERTIFICATE", "AMQP_PRIVATE_KEY"],
        default: "the machine's authorities, none, none",
        meaning: "the same for `amqps://…`; these authorities come on top of the machine's",
    },
    Setting {
        keys: &["WORKERS"],
        default: "16",
        meaning: "how many pieces of due work a process does at the same time, up to 256; with 0, `serve` leaves due work to `control-plane worker`. With 4 or more, a slow provider leaves capacity for its own events and for the other provider",
    },
    Setting {
        keys: &["WORKER_LISTEN"],
        default: "`127.0.0.1:8083`",
        meaning: "the worker's port: `/healthz`, `/readyz`, `/metrics`",
    },
    Setting {
        keys: &["STRIPE_SECRET_KEY", "STRIPE_API_BASE"],
        default: "none, `https://api.stripe.com`",
        meaning: "a provider without credentials is off. Live keys never travel over plain HTTP, other real keys only to this machine. Only credentials made up for your own sandbox travel over a network in clear: `sk_test_sandbox_…`, and for PayPal a client id `sandbox-…`",
    },
    Setting {
        keys: &["PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET", "PAYPAL_API_BASE"],
        default: "none, none, `https://api-m.sandbox.paypal.com`",
        meaning: "the same for PayPal: the app's client id and secret, and which of PayPal's systems it belongs to; a live app needs `https://api-m.paypal.com`",
    },
    Setting {
        keys: &["OUTGOING_PROXY", "OUTGOING_CA"],
        default: "none, the machine's authorities",
        meaning: "the way to the providers and to the witness of the audit trail (`AUDIT_WITNESS_URL`): `http://[USER:PASSWORD@]HOST:PORT` or `https://…` of a proxy that HTTPS goes through (`CONNECT`; it sees names of hosts and nothing else), and a PEM file of the authorities that are trusted instead of the machine's. `HTTPS_PROXY`, `SSL_CERT_FILE` and their like are ignored. Plain HTTP, to a sandbox, goes directly, and so does Envoy's fetch of PayPal's certificates (`PAYPAL_TLS_CA`)",
    },
    Setting {
        keys: &["PAYMENT_RETURN_URL"],
        default: "none",
        meaning: "where payers go after 3-D Secure or approval when a charge names no `returnUrl`: https, or http to the machine itself",
    },
    Setting {
        keys: &["RETURN_URL_HOSTS"],
        default: "any",
        meaning: "the hosts that a charge's `returnUrl` may lead to, a comma list of names. The control plane and `control-plane envoy-bootstrap` both read it",
    },
    Setting {
        keys: &["GRAPHQL_INTROSPECTION"],
        default: "`off`",
        meaning: "`on` lets clients of `/graphql` ask for the schema, which is in `docs/schema.graphql` too",
    },
    Setting {
        keys: &["GRAPHQL_DOCUMENTS"],
        default: "any document",
        meaning: "a folder of registered documents, files that end with `.graphql`: `/graphql` then executes no others. Clients send `documentId`, the file's SHA-256 in lower-case hex, or the same text",
    },
    Setting {
        keys: &["WALLET_LIABILITY_SHIFT"],
        default: "`POSSIBLE,UNKNOWN`",
        meaning: "a PayPal order that a wallet's card pays is captured only with one of these results of the authentication by the payer's bank (PayPal's `liability_shift`; a card without a result is `UNKNOWN`); with another, the charge fails with the `declineCode` `authentication_failed`. Clients may have exceptions: with `POSSIBLE,UNKNOWN,shop=POSSIBLE,batch=NO+POSSIBLE`, `shop` takes `POSSIBLE` only, `batch` also `NO`, and every other client what stands before them ([whose policy is asked](wallets.md#paypal)). The same for every `serve` and `worker`",
    },
    Setting {
        keys: &["STRIPE_PUBLISHABLE_KEY"],
        default: "none",
        meaning: "`pk_test_…` or `pk_live_…`: what `GET /wallets/config` gives to a client's page for Stripe's script. No secret",
    },
    Setting {
        keys: &["WALLET_DOMAINS"],
        default: "none",
        meaning: "the domains on which clients show wallets, as `client:domain` in a comma list (`demo:shop.example`): `GET /wallets/config` answers a client for its own domains only",
    },
    Setting { keys: &["PROVIDER_TIMEOUT_SECONDS"], default: "10", meaning: "for one call to a provider" },
    Setting {
        keys: &["RETRY_BASE_MS", "RETRY_CAP_SECONDS"],
        default: "1000, 30",
        meaning: "undecided work is retried after a random pause below a bound that doubles from base to cap (full jitter); after 30 attempts the bound grows further, to five minutes",
    },
    Setting {
        keys: &["RETRY_FOR_SECONDS"],
        default: "86400",
        meaning: "for how long an operation that was certainly never executed is retried; then it fails",
    },
    Setting {
        keys: &["CHARGE_EXPIRES_SECONDS"],
        default: "900",
        meaning: "the same for charges that name no `expiresIn`: their clients do not wait that long",
    },
    Setting {
        keys: &["WATCH_AFTER_SECONDS"],
        default: "60",
        meaning: "a payment that waits for its payer or its capture is looked up after this, and again after pauses that double up to six hours, in case the provider's event is lost",
    },
    Setting {
        keys: &["RETRY_BUDGET_PER_SECOND"],
        default: "50",
        meaning: "repeated calls to one provider; with 0, nothing is repeated automatically",
    },
    Setting {
        keys: &["LOOK_BUDGET_PER_SECOND"],
        default: "20",
        meaning: "look-ups at one provider for payments that wait for their payer or their capture, 1 to 10000",
    },
    Setting {
        keys: &["INLINE_REPEAT_WITHIN_MS"],
        default: "5000",
        meaning: "a call whose answer is lost this soon is repeated once while its client waits; 0: never",
    },
    Setting {
        keys: &["CIRCUIT_BREAKERS"],
        default: "`on`",
        meaning: "when more than half of the last 20 calls of one operation failed through the provider's fault, the provider is left alone for 2 to 16 s at a time, and new calls are queued. Then a read probes it before a charge is risked. Due work has separate circuits: its failed retries stop no client's call, and while its circuit is open, due work stays in the database untouched",
    },
    Setting {
        keys: &["REVIEW_AFTER_SECONDS"],
        default: "900",
        meaning: "payments and refunds that are undecided for longer raise the alarm",
    },
    Setting {
        keys: &["RECONCILE_EVERY"],
        default: "`off`",
        meaning: "how often the records are compared with the providers' automatically (5m to 30d), in one process at a time, resuming where it was interrupted",
    },
    Setting {
        keys: &["RECONCILE_PER_SECOND"],
        default: "10",
        meaning: "payments that the reconciliation compares in a second, 1 to 1000",
    },
    Setting {
        keys: &["WEBHOOK_PARK_AFTER_SECONDS"],
        default: "86400",
        meaning: "a provider's event that could not be processed for this long, 1 s to 30 days, and has failed at least five times, is parked for an operator",
    },
    Setting {
        keys: &["RETENTION_PAYMENTS_DAYS", "RETENTION_WEBHOOKS_DAYS"],
        default: "730, 90",
        meaning: "days after which [`control-plane retention run`](operations.md#the-end-of-data) ends what payments hold of payers (180 to 36500), and providers' events (35 to 36500: a provider may send one again for 30 days); `off`: never. Nothing ends by itself",
    },
    Setting {
        keys: &["RETENTION_IDEMPOTENCY_DAYS", "RETENTION_EVENTS_DAYS"],
        default: "90, 90",
        meaning: "days after which it ends idempotency keys with their answers (46 to 36500, no more than RETENTION_PAYMENTS_DAYS: a repeat after that is a new request), and how far back `/events` serves (7 to 36500); `off`: never",
    },
    Setting {
        keys: &["EVENT_STREAM_SECONDS"],
        default: "55",
        meaning: "a stream or socket of events ends after this at the latest, and its client connects again after its last event, with its key checked again: a removed key receives events for at most this long. 1 to 86400; the last fifth is random",
    },
    Setting {
        keys: &["AUDIT_SIGNING_KEY"],
        default: "none",
        meaning: "`NAME:SEED`: seals the audit trail. The name of the log, like `shop.example/audit`, and 32 random bytes in hexadecimal digits (`openssl rand -hex 32`), from which the Ed25519 key is made. The same for every `serve` and `worker`. Without it nothing is sealed",
    },
    Setting {
        keys: &["AUDIT_ANCHOR_FILE"],
        default: "none",
        meaning: "a file to which each process appends signed checkpoints of the audit trail: the last one of each sealing pass, which covers the others of the pass; the database has all of them. It proves later what was there: keep it, or copies of it, where nobody who can change the database can change it",
    },
    Setting {
        keys: &["AUDIT_WITNESS_URL"],
        default: "none",
        meaning: "the base address of a witness (`c2sp.org/tlog-witness`) that signs each checkpoint which continues the last one it signed, after which the anchor file has its signature, too. HTTPS goes by `OUTGOING_PROXY` and trusts `OUTGOING_CA`, where they are set. While it cannot be asked, checkpoints have none, and `audit_witness_failures_total` counts them",
    },
    Setting {
        keys: &["AUDIT_SEAL_SECONDS"],
        default: "10",
        meaning: "the time between two checkpoints, 1 to 3600. Records that are younger are not sealed yet",
    },
    Setting {
        keys: &["SHUTDOWN_GRACE_SECONDS"],
        default: "30",
        meaning: "how long payments in flight may take after SIGTERM",
    },
    Setting {
        keys: &["LOG_LEVEL", "LOG_FORMAT"],
        default: "`info`, `json`",
        meaning: "`off`, `error`, `warn`, `info`, `debug` or `trace`, followed by others for parts of the program or its libraries (`info,payments_stores=debug,sqlx=warn`); `json` for machines, `human` for people. Lines go to standard error; lines that nobody reads are dropped and counted (`log_lines_dropped_total`), and nothing waits for them",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::setting_names::CRASH_POINTS;
    use super::*;

    #[test]
    fn each_setting_that_the_sources_read_is_explained_and_none_twice() {
        let mut seen = HashSet::new();
        for setting in &SETTINGS {
            for key in setting.keys {
                assert!(seen.insert(*key), "{key} is explained twice");
            }
        }
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            // The table itself, the names, and what reads the sources of settings.
            if ["settings.rs", "setting_names.rs", "explain.rs", "source.rs"]
                .iter()
                .any(|name| file.ends_with(name))
            {
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap();
            let code = source.split("#[cfg(test)]").next().unwrap();
            let is_name = |text: &&str| {
                text.len() > 5
                    && text.contains('_')
                    && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
            };
            for key in code.split('"').filter(is_name).filter(|key| *key != CRASH_POINTS) {
                assert!(seen.contains(key), "{key} is not explained");
            }
        }
    }
}
