//! The parts of a certificate that matter for trust.

use rsa::pkcs1::RsaPublicKeyRef;
use x509_cert::TbsCertificate;
use x509_cert::certificate::Version;
use x509_cert::der::asn1::{BitStringRef, Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned};

use crate::webhook::rsa::Hash;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const SHA384_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const SHA512_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.32");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");
const TLS_SERVER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const TLS_CLIENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

#[derive(Debug)]
pub(super) struct Certificate {
    /// The signed bytes.
    pub(super) signed: Vec<u8>,
    /// `None`: an untrusted algorithm.
    pub(super) algorithm: Option<Hash>,
    pub(super) signature: Vec<u8>,
    /// In DER, for comparison with the issuer field of another certificate.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) not_before_s: u64,
    pub(super) not_after_s: u64,
    /// `SubjectPublicKeyInfo` in DER.
    pub(super) key: Vec<u8>,
    /// `None`: the key is not RSA.
    pub(super) key_bits: Option<usize>,
    /// All common names of the subject; `None` stands for an unreadable one.
    pub(super) common_names: Vec<Option<String>>,
    pub(super) extensions: Extensions,
}

#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) authority: bool,
    /// How many more authorities may follow.
    pub(super) path_length: Option<u8>,
    /// For both usages, `None` means that the extension is absent, which allows the usage.
    pub(super) may_sign_certificates: Option<bool>,
    pub(super) may_sign_messages: Option<bool>,
    /// Whether an extended key usage excludes the TLS usages, with which PayPal's certificates are issued.
    pub(super) for_something_else: bool,
    /// `None`: there are no alternative names at all.
    pub(super) host_names: Option<Vec<String>>,
    pub(super) unknown_critical: bool,
}

impl Certificate {
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let (signed, outer, signature) = reader
            .sequence(|inner| {
                let signed = inner.tlv_bytes()?;
                let algorithm = AlgorithmIdentifierRef::decode(inner)?;
                let signature =
                    BitStringRef::decode(inner)?.as_bytes().ok_or(Tag::BitString.value_error())?;
                x509_cert::der::Result::Ok((signed, algorithm, signature))
            })
            .ok()?;
        reader.finish().ok()?;
        let body = TbsCertificate::from_der(signed).ok()?;
        // The signed algorithm must equal the one beside the signature.
        if outer.to_der().ok()? != body.signature().to_der().ok()? || body.version() != Version::V3 {
            return None;
        }
        let spki = body.subject_public_key_info();
        Some(Self {
            signed: signed.to_vec(),
            algorithm: hash(body.signature()),
            signature: signature.to_vec(),
            subject: body.subject().to_der().ok()?,
            issuer: body.issuer().to_der().ok()?,
            not_before_s: body.validity().not_before.to_unix_duration().as_secs(),
            not_after_s: body.validity().not_after.to_unix_duration().as_secs(),
            key: spki.to_der().ok()?,
            key_bits: rsa_bits(spki),
            common_names: common_names(body.subject()),
            extensions: Extensions::parse(body.extensions().map_or(&[], Vec::as_slice))?,
        })
    }

    pub(super) fn is_its_own_issuer(&self) -> bool {
        self.subject == self.issuer
    }

    pub(super) const fn is_valid_at(&self, now_s: u64) -> bool {
        self.not_before_s <= now_s && now_s <= self.not_after_s
    }
}

impl Extensions {
    fn parse(extensions: &[Extension]) -> Option<Self> {
        let mut read = Self::default();
        for (i, extension) in extensions.iter().enumerate() {
            if extensions.iter().take(i).any(|other| other.extn_id == extension.extn_id) {
                return None;
            }
            read.take(extension)?;
        }
        Some(read)
    }

    fn take(&mut self, extension: &Extension) -> Option<()> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            BASIC_CONSTRAINTS => {
                let constraints = BasicConstraints::from_der(value).ok()?;
                self.authority = constraints.ca;
                self.path_length = constraints.path_len_constraint;
            }
            KEY_USAGE => {
                let usage = KeyUsage::from_der(value).ok()?;
                self.may_sign_certificates = Some(usage.key_cert_sign());
                self.may_sign_messages = Some(usage.digital_signature());
            }
            EXTENDED_KEY_USAGE => {
                let purposes = ExtendedKeyUsage::from_der(value).ok()?.0;
                self.for_something_else =
                    !purposes.iter().any(|purpose| [ANY_PURPOSE, TLS_SERVER, TLS_CLIENT].contains(purpose));
            }
            ALTERNATIVE_NAME => {
                let names = SubjectAltName::from_der(value).ok()?.0;
                let hosts = names.into_iter().filter_map(|name| match name {
                    GeneralName::DnsName(host) => Some(host.to_string()),
                    _ => None,
                });
                self.host_names = Some(hosts.collect());
            }
            // Name constraints are not implemented, so a certificate under them is not trusted.
            NAME_CONSTRAINTS => self.unknown_critical = true,
            // Any policy is acceptable.
            POLICIES => {}
            _ => self.unknown_critical |= extension.critical,
        }
        Some(())
    }
}

fn hash(algorithm: &AlgorithmIdentifierOwned) -> Option<Hash> {
    if algorithm.parameters.as_ref().is_some_and(|parameters| parameters.tag() != Tag::Null) {
        return None;
    }
    match algorithm.oid {
        SHA256_WITH_RSA => Some(Hash::Sha256),
        SHA384_WITH_RSA => Some(Hash::Sha384),
        SHA512_WITH_RSA => Some(Hash::Sha512),
        _ => None,
    }
}

fn rsa_bits(key: &SubjectPublicKeyInfoOwned) -> Option<usize> {
    if key.algorithm.oid != RSA {
        return None;
    }
    let key = RsaPublicKeyRef::try_from(key.subject_public_key.as_bytes()?).ok()?;
    let modulus = key.modulus.as_bytes();
    let leading = modulus.first()?.leading_zeros() as usize;
    (modulus.len() * 8).checked_sub(leading)
}

fn common_names(subject: &Name) -> Vec<Option<String>> {
    subject
        .iter()
        .filter(|attribute| attribute.oid == COMMON_NAME)
        .map(|attribute| {
            let value = &attribute.value;
            let text = value
                .decode_as::<Utf8StringRef<'_>>()
                .map(|text| text.as_str())
                .or_else(|_| value.decode_as::<PrintableStringRef<'_>>().map(|text| text.as_str()))
                .or_else(|_| value.decode_as::<Ia5StringRef<'_>>().map(|text| text.as_str()));
            text.ok().map(str::to_owned)
        })
        .collect()
}
