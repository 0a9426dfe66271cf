use std::fmt;

/// Why LVM would refuse a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// The name has no characters.
    Empty,
    /// A character outside `A-Z a-z 0-9 . _ + -`.
    Character(char),
    /// The first character is a hyphen.
    LeadingHyphen,
    /// The name is `.` or `..`.
    Dots,
    /// More bytes than LVM stores, or than vgrename accepts.
    TooLong {
        /// Bytes in the name.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The name of a volume begins with, or contains, a word that LVM reserves.
    Reserved(&'static str),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::Character(character) => write!(
                f,
                "the character {character:?} is not allowed: use letters, digits and . _ + -"
            ),
            Self::LeadingHyphen => f.write_str("the name starts with a hyphen"),
            Self::Dots => f.write_str("the names `.` and `..` are not allowed"),
            Self::TooLong { length, limit } => {
                write!(f, "the name has {length} characters; at most {limit} are allowed")
            }
            Self::Reserved(part) => write!(f, "`{part}` is reserved by LVM"),
        }
    }
}

impl std::error::Error for NameError {}
