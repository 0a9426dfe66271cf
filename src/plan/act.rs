//! An act of one kind of change. Only that kind knows its content.

use std::fmt;

use anyhow::{Context, Result};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// The act. In JSON, it is an object with `step`, its name, `change`, the number of its change in the plan
/// (omitted for the first one), and the fields that the kind wrote, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// Its name: `rename-group`.
    pub step: String,
    /// The number of its change in the plan.
    pub change: usize,
    /// The fields of the kind.
    about: Vec<(String, Value)>,
}

const STEP: &str = "step";
const CHANGE: &str = "change";

impl Act {
    /// The act as a type of its kind: an enum with the tag `step`.
    ///
    /// # Errors
    /// If the kind does not know the act, for example one from a later postclone.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let mut about: Map<String, Value> = self.about.iter().cloned().collect();
        about.insert(STEP.to_owned(), Value::String(self.step.clone()));
        serde_json::from_value(Value::Object(about))
            .with_context(|| format!("reading the step `{}`", self.step.escape_debug()))
    }

    /// Makes an act from a value of its kind: an enum with the tag `step`.
    ///
    /// # Panics
    /// If it is not such an enum. That is a bug in the kind.
    pub fn write<T: Serialize>(act: &T) -> Self {
        let text = serde_json::to_string(act).expect("an act is plain data");
        serde_json::from_str(&text).expect("an act is an enum with the tag `step`")
    }
}

impl Serialize for Act {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(STEP, &self.step)?;
        if self.change != 0 {
            map.serialize_entry(CHANGE, &self.change)?;
        }
        for (key, value) in &self.about {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Act {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Act;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a step")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Act, M::Error> {
        let (mut step, mut change, mut about) = (None, 0, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                STEP => step = Some(map.next_value()?),
                CHANGE => change = map.next_value()?,
                _ => about.push((key, map.next_value()?)),
            }
        }
        let step = step.ok_or_else(|| M::Error::missing_field(STEP))?;
        Ok(Act { step, change, about })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kind_wrote_keeps_its_order_and_its_kind_reads_it() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "step", rename_all = "kebab-case")]
        enum Own {
            MakeTea { water: u32, about: String },
        }
        let own = Own::MakeTea { water: 2, about: "x".to_owned() };
        let mut act = Act::write(&own);
        act.change = 1;
        let text = serde_json::to_string(&act).unwrap();
        assert_eq!(text, r#"{"step":"make-tea","change":1,"water":2,"about":"x"}"#);
        let again: Act = serde_json::from_str(&text).unwrap();
        assert_eq!((&again, again.read::<Own>().unwrap()), (&act, own));
        assert!(serde_json::from_str::<Act>(r#"{"water":2}"#).is_err());
    }
}
