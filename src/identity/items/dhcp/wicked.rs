//! wicked's files: XML with a few elements.

/// The texts of all elements of a name, except those that contain other elements.
pub fn elements(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    for part in text.split(open.as_str()).skip(1) {
        // `<addresses>` must not be taken for `<address>`.
        let is_whole = part.starts_with(|letter: char| letter == '>' || letter.is_whitespace());
        let Some((tag, rest)) = part.split_once('>').filter(|_| is_whole) else { continue };
        let Some((value, _)) = rest.split_once(close.as_str()) else { continue };
        if !tag.ends_with('/') && !value.contains('<') && !value.trim().is_empty() {
            found.push(value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_elements_text_is_found_with_and_without_attributes() {
        let text = "<duid>\n 00:04:AA </duid><duid device=\"eth0\">00:01</duid><duids>x</duids><duid/><duid/>\
                    <duid><a>1</a></duid><duid>open";
        assert_eq!(elements(text, "duid"), ["00:04:AA", "00:01"]);
        assert_eq!(elements("é<duid é", "duid"), Vec::<String>::new());
    }
}
