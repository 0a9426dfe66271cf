//! Names of groups and volumes, dm names, unit names, host name patterns.

use postclone::names::{LvName, Pattern, VgName, dm, path, unit};

/// An input is names in lines: group, volume, host.
pub fn check(input: &[u8]) {
    if let Some(decoded) = unit::unescape(input) {
        let bytes: Vec<u8> = decoded.iter().map(|(byte, _)| *byte).collect();
        let mut from = 0;
        for (_, range) in &decoded {
            assert_eq!(range.start, from, "every byte of the name stands for something");
            from = range.end;
        }
        assert_eq!(from, input.len());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let is_plain = !text.contains("//") && !text.ends_with('/') && !text.contains("/.");
            if is_plain && !text.contains('\0') {
                let escaped = unit::escape_path(text);
                let again = unit::unescape(escaped.as_bytes()).expect("it was escaped here");
                let again: Vec<u8> = again.into_iter().map(|(byte, _)| byte).collect();
                assert_eq!(again, text.as_bytes(), "{escaped}");
            }
        }
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = dm::split(text);
    let mut lines = text.lines();
    let (Some(group), volume, host) = (lines.next(), lines.next(), lines.next()) else { return };
    let Ok(group) = VgName::new(group) else { return };
    if let Some(Ok(volume)) = volume.map(LvName::new) {
        let name = dm::dm_name(&group, &volume);
        let parts = dm::split(&name).expect("a dm name was made");
        assert_eq!((parts.vg.as_str(), parts.lv.as_str()), (group.as_str(), volume.as_str()));
        assert_eq!(parts.layer, None);
        let mapper = path::mapper_path(&group, &volume);
        let escaped = unit::escape_path(&mapper);
        let decoded = unit::unescape(escaped.as_bytes()).expect("it was escaped here");
        let decoded: Vec<u8> = decoded.into_iter().map(|(byte, _)| byte).collect();
        assert_eq!(decoded, mapper.as_bytes());
    }
    let renamed = host.and_then(|host| Pattern::of(&group, &[host])?.with(host).ok());
    if let Some(new) = renamed {
        assert!(VgName::new(new.as_str()).is_ok(), "{new} is no name");
    }
}
