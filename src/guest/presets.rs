//! mkinitcpio's presets: which images exist, and how each one is built (mkinitcpio(8), PRESETS).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::guest::root::Root;

/// An image of a preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// The name of the preset, which is that of its kernel package: `linux`.
    pub name: String,
    /// The image, absolute.
    pub image: PathBuf,
    /// A version, or the path of a kernel.
    pub kernel: String,
    /// Another configuration file than /etc/mkinitcpio.conf.
    pub config: Option<String>,
    /// More arguments, such as `-S autodetect`.
    pub options: Vec<String>,
}

/// The images of all presets, in order. Images whose values only a shell can evaluate are left out.
pub fn presets(root: &Root) -> Vec<Preset> {
    let paths = root.glob("etc/mkinitcpio.d/*.preset").unwrap_or_default();
    paths
        .iter()
        .flat_map(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            of_file(&name, &root.read_text(path).unwrap_or_default())
        })
        .collect()
}

/// The preset that builds the image at a path.
pub fn preset_of(root: &Root, image: &Path) -> Option<Preset> {
    let resolved = |path: &Path| root.resolve(path).ok().flatten();
    let wanted = resolved(image)?;
    presets(root).into_iter().find(|preset| resolved(&preset.image).as_ref() == Some(&wanted))
}

fn of_file(name: &str, text: &str) -> Vec<Preset> {
    let values = assignments(text);
    let one = |key: String| values.get(&key).and_then(|words| words.first()).cloned();
    let own_or_all =
        |own: &str, key: &str| one(format!("{own}_{key}")).or_else(|| one(format!("ALL_{key}")));
    let names = values.get("PRESETS").cloned().unwrap_or_default();
    names
        .iter()
        .filter_map(|own| {
            Some(Preset {
                name: name.to_owned(),
                image: one(format!("{own}_image"))
                    .map(PathBuf::from)
                    .filter(|image| image.is_absolute())?,
                kernel: own_or_all(own, "kver")?,
                config: own_or_all(own, "config"),
                options: values.get(&format!("{own}_options")).map_or_else(Vec::new, |options| {
                    options
                        .iter()
                        .flat_map(|option| option.split_whitespace())
                        .map(str::to_owned)
                        .collect()
                }),
            })
        })
        .collect()
}

/// `KEY=value` and `KEY=(one two)` in a shell script, without values that only a shell can evaluate.
fn assignments(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((key, value)) = line.trim().split_once('=') else { continue };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if key.is_empty() || !key.chars().all(is_name) {
            continue;
        }
        let mut value = value.to_owned();
        if value.starts_with('(') {
            while !value.contains(')') {
                let Some(more) = lines.next() else { break };
                value.push('\n');
                value.push_str(more);
            }
            value = value[1..].split(')').next().unwrap_or_default().to_owned();
        }
        match words(&value) {
            Some(words) => found.insert(key.to_owned(), words),
            None => found.remove(key),
        };
    }
    found
}

/// The words, without their quotes. None if a shell would expand something.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (quote, c) {
            (_, '$' | '`' | '\\') => return None,
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => break,
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of mkinitcpio's own template (mkinitcpio.d/hook.preset).
    const LINUX: &str = "# mkinitcpio preset file for the 'linux' package\n\n\
        #ALL_config=\"/etc/mkinitcpio.conf\"\nALL_kver=\"/boot/vmlinuz-linux\"\n\n\
        PRESETS=('default'\n  'fallback') # both\n\n#default_config=\"/etc/x\"\n\
        default_image=\"/boot/initramfs-linux.img\"\n#default_uki=\"/efi/EFI/Linux/arch-linux.efi\"\n\
        fallback_image=/boot/initramfs-linux-fallback.img\nfallback_kver=6.1.2-arch1-1\n\
        fallback_options=\"-S autodetect\"\n";

    #[test]
    fn the_templates_form_is_read() {
        let read = of_file("linux", LINUX);
        let kernels: Vec<_> = read.iter().map(|preset| preset.kernel.as_str()).collect();
        assert_eq!(kernels, ["/boot/vmlinuz-linux", "6.1.2-arch1-1"]);
        assert_eq!(read[1].image, Path::new("/boot/initramfs-linux-fallback.img"));
        assert_eq!(read[1].options, ["-S", "autodetect"]);
        assert!(read.iter().all(|preset| preset.config.is_none() && preset.name == "linux"));
        let array = "PRESETS=(a)\na_kver=1\na_image=/a\na_config=/c\na_options=(-S 'x y')\n";
        let read = of_file("x", array);
        assert_eq!((read[0].config.as_deref(), read[0].options.len()), (Some("/c"), 3));
    }

    #[test]
    fn what_only_a_shell_can_tell_is_no_image() {
        for image in ["\"/boot/initramfs-$kver.img\"", "`mktemp`", "relative.img", "", "\"\""] {
            let text = format!("PRESETS=(a)\na_kver=1\na_image={image}\n");
            assert_eq!(of_file("x", &text), [], "{image}");
        }
        assert_eq!(of_file("x", "PRESETS=(a\na_image=/b"), []);
    }
}
