//! TLS certificates.

use std::path::Path;

use super::lines::{files, name_of};
use crate::encoding::base64;
use crate::identity::{Found, Kind, View};

/// The rows of this file.
pub const KINDS: &[Kind] = &[
    Kind {
        id: "snakeoil-certificate",
        hurts: "whoever has one machine's key can pose as the other to every service that uses it, and the \
                certificate names the template",
        change: "`postclone renew snakeoil-certificate`, and restart the services that use it",
        find: snakeoil,
    },
    Kind {
        id: "service-certificate",
        hurts: "whoever has one machine's key can pose as the other's service, and the certificate names the \
                template",
        change: "make or order a new key and certificate for the service, and restart it",
        find: services,
    },
];

/// The certificate of Debian's package ssl-cert, and its key (make-ssl-cert(8)).
pub const SNAKEOIL: &str = "/etc/ssl/certs/ssl-cert-snakeoil.pem";
/// See [`SNAKEOIL`].
pub const SNAKEOIL_KEY: &str = "/etc/ssl/private/ssl-cert-snakeoil.key";

/// Certificates that packages make for their services when they are installed or first started.
const SERVICES: &[&str] = &[
    "/etc/cockpit/ws-certs.d/*.cert",
    "/etc/cockpit/ws-certs.d/*.crt",
    "/etc/webmin/miniserv.pem",
    "/etc/xrdp/cert.pem",
    "/etc/pve/local/pve-ssl.pem",
    "/etc/ssl/certs/vsftpd.pem",
    "/etc/dovecot/private/dovecot.pem",
    "/etc/pki/dovecot/certs/dovecot.pem",
    "/etc/pki/tls/certs/localhost.crt",
    "/etc/exim4/exim.crt",
];

/// The snakeoil certificate. The machine itself makes it, under its own name.
fn snakeoil(view: &View<'_>) -> Vec<Found> {
    let Some(body) = view.text(SNAKEOIL).as_deref().and_then(body) else { return Vec::new() };
    let name = base64(&body).and_then(|bytes| common_name(&bytes));
    let hint = name.and_then(|name| view.other_host(&name));
    vec![Found::one(SNAKEOIL, body).hinted(hint)]
}

/// The services' certificates. A link to the snakeoil certificate does not count, because that one is listed already.
/// Debian's xrdp and dovecot begin with such a link.
fn services(view: &View<'_>) -> Vec<Found> {
    let target = |path: &str| view.root.resolve(Path::new(path)).ok().flatten();
    let own = files(view, SERVICES).into_iter().filter(|(path, _)| {
        target(path).is_none_or(|file| name_of(&file) != "ssl-cert-snakeoil.pem")
    });
    own.filter_map(|(path, text)| Some(Found::one(path, body(&text)?))).collect()
}

/// The base64 text of the first certificate in a PEM file, without white space (RFC 7468). The file may also contain
/// keys and other certificates.
pub fn body(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("-----BEGIN CERTIFICATE-----")?;
    let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
    let body: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    (!body.is_empty()).then_some(body)
}

/// The last common name in a certificate. It is that of the subject, because the issuer comes first (RFC 5280, 4.1).
/// Names of 128 characters or more have another form, but no host has one.
fn common_name(certificate: &[u8]) -> Option<String> {
    // The object identifier 2.5.4.3. The string's tag, length and bytes follow.
    const NAME: [u8; 5] = [6, 3, 0x55, 4, 3];
    let at = certificate.windows(NAME.len()).rposition(|window| window == NAME)?;
    let (_tag, rest) = certificate.get(at + NAME.len()..)?.split_first()?;
    let (length, rest) = rest.split_first()?;
    let name = rest.get(..usize::from(*length)).filter(|_| *length < 128)?;
    Some(String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree;
    use super::*;

    /// Two names as they are in a certificate, in base64. The second is `web01.lan`.
    const NAMES: &str = "BgNVBAMMBHRtcGwGA1UEAwwJd2ViMDEubGFu";

    fn pem(body: &str) -> String {
        format!("subject=CN = x\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    }

    #[test]
    fn the_subject_hints_at_the_host_that_made_it() {
        for (own, hints) in [("web01", false), ("other", true)] {
            let tree = tree(&[
                ("etc/hostname", own),
                ("etc/ssl/certs/ssl-cert-snakeoil.pem", &pem(NAMES)),
                ("etc/ssl/private/ssl-cert-snakeoil.key", "key"),
            ]);
            let found = snakeoil(&tree.view());
            assert_eq!(found[0].values, [NAMES.as_bytes()]);
            assert_eq!(found[0].hint.as_ref().is_some_and(|hint| hint.contains("web01")), hints);
            assert_eq!(found.len(), 1);
        }
    }

    #[test]
    fn a_broken_certificate_has_no_name() {
        for bytes in [
            &b"\x06\x03\x55\x04\x03"[..],
            b"\x06\x03\x55\x04\x03\x0c",
            b"\x06\x03\x55\x04\x03\x0c\x09web",
        ] {
            assert_eq!(common_name(bytes), None);
        }
    }

    #[test]
    fn a_service_has_its_first_certificate() {
        let key = "-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----\n";
        let chain = format!("{key}{}{}", pem("AA\nBB"), pem("CC"));
        let tree = tree(&[
            ("etc/cockpit/ws-certs.d/0-self-signed.cert", &pem("DD")),
            ("etc/cockpit/ws-certs.d/0-self-signed.key", key),
            ("etc/cockpit/ws-certs.d/0-self-signed-ca.pem", &pem("EE")),
            ("etc/webmin/miniserv.pem", &chain),
            ("etc/pki/tls/certs/localhost.crt", "-----BEGIN CERTIFICATE-----\ncut"),
            ("etc/exim4/exim.crt", key),
        ]);
        let wanted = [
            Found::one("/etc/cockpit/ws-certs.d/0-self-signed.cert", "DD"),
            Found::one("/etc/webmin/miniserv.pem", "AABB"),
        ];
        assert_eq!(services(&tree.view()), wanted);
    }

    #[test]
    fn a_link_to_the_snakeoil_certificate_is_no_services() {
        let tree = tree(&[("etc/ssl/certs/ssl-cert-snakeoil.pem", &pem("AA"))]);
        tree.link("etc/xrdp/cert.pem", "/etc/ssl/certs/ssl-cert-snakeoil.pem");
        tree.link("etc/dovecot/private/dovecot.pem", "../../ssl/certs/none.pem");
        let view = tree.view();
        assert_eq!(services(&view), []);
        assert_eq!(snakeoil(&view).len(), 1);
    }
}
