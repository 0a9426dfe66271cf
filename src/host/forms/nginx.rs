//! nginx.org, ngx_http_core_module: `server_name`.

use super::statements::statements;
use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;

/// The names of `server_name`. Wildcards and regular expressions are not complete names, so they stay.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for statement in statements(text) {
        let Some((directive, values)) = statement.split_first() else { continue };
        if text[directive.range.clone()] == *b"server_name" {
            for value in values {
                found.token(value.range.clone());
            }
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn server_names() {
        check(
            rewrite,
            "server { # server_name tmpl;\n\tserver_name tmpl.example.org\n\t\t\"tmpl\" www.tmpl.example.org ~^tmpl$ tmpl.*;\n\troot /srv/tmpl; proxy_pass http://tmpl;\n}\n",
            "server { # server_name tmpl;\n\tserver_name web01.example.org\n\t\t\"web01\" www.tmpl.example.org ~^tmpl$ tmpl.*;\n\troot /srv/tmpl; proxy_pass http://tmpl;\n}\n",
        );
        check(rewrite, "server_name tmpl", "server_name tmpl");
        check(rewrite, "x \"tmpl\\", "x \"tmpl\\");
    }
}
