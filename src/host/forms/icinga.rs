//! icinga.com, "Distributed monitoring": the constant `NodeName`, and the objects of that name.

use crate::host::found::Found;
use crate::host::names::HostNames;
use crate::rewrite::edit::Findings;
use crate::rewrite::fields::fields;
use crate::rewrite::lines::lines;

/// The strings of `const NodeName = "x"`, `object Endpoint "x"` and `object Zone "x"`.
pub fn rewrite(names: &HostNames, text: &[u8]) -> Findings {
    let mut found = Found::new(names, text);
    for line in lines(text) {
        let fields = fields(text, line);
        let field = |at: usize| fields.get(at).map(|field| &text[field.clone()]);
        let value = match (field(0), field(1)) {
            (Some(b"const"), Some(b"NodeName")) if field(2) == Some(b"=") => 3,
            (Some(b"object"), Some(b"Endpoint" | b"Zone")) => 2,
            _ => continue,
        };
        if let Some(value) = fields.get(value) {
            found.words(value.clone(), b"\"");
        }
    }
    found.done()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::check;

    #[test]
    fn names_of_the_node() {
        check(
            rewrite,
            "const NodeName = \"tmpl\"\nobject Endpoint \"tmpl.example.org\" {\n  host = \"tmpl\"\n}\n// const NodeName = \"tmpl\"\n",
            "const NodeName = \"web01\"\nobject Endpoint \"web01.example.org\" {\n  host = \"tmpl\"\n}\n// const NodeName = \"tmpl\"\n",
        );
    }
}
