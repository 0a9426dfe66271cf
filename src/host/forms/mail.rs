//! Mail systems with simple settings.

use super::settings::{self, Known, Value};
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;

/// update-exim4.conf(8) and Debian's README.Debian of exim4: names of this host. `dc_smarthost` and
/// `dc_relay_domains` name other hosts.
pub fn exim(names: &HostNames, text: &[u8]) -> Findings {
    let keys = &[
        "dc_other_hostnames",
        "dc_visiblename",
        "dc_readhost",
        "MAIN_HARDCODE_PRIMARY_HOSTNAME",
        "primary_hostname",
    ];
    settings::rewrite(names, text, &Known { sections: &[], keys, value: Value::List })
}

/// ssmtp.conf(5): `Hostname`. `Mailhub` is another host.
pub fn ssmtp(names: &HostNames, text: &[u8]) -> Findings {
    let known = Known { sections: &[], keys: &["hostname"], value: Value::Name };
    settings::rewrite(names, text, &known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn lists_of_own_names() {
        check(
            exim,
            "dc_other_hostnames='tmpl.example.org : tmpl;tmpl2;localhost'\ndc_smarthost='tmpl'\n",
            "dc_other_hostnames='web01.example.org : web01;tmpl2;localhost'\ndc_smarthost='tmpl'\n",
        );
        check(
            exim,
            "MAIN_HARDCODE_PRIMARY_HOSTNAME = tmpl.example.org",
            "MAIN_HARDCODE_PRIMARY_HOSTNAME = web01.example.org",
        );
        check(exim, "dc_readhost='' # tmpl\n", "dc_readhost='' # tmpl\n");
        check(
            exim,
            "dc_readhost=tmpl # tmpl\ndc_visiblename=\"tmpl\" # tmpl",
            "dc_readhost=web01 # tmpl\ndc_visiblename=\"web01\" # tmpl",
        );
        check(ssmtp, "mailhub=tmpl\nhostname=tmpl\n", "mailhub=tmpl\nhostname=web01\n");
    }
}
