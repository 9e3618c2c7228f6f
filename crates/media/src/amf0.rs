//! AMF0, the values in which RTMP's commands and FLV's metadata are said (Adobe, AMF 0, 2007).
//!
//! Reading is bounded in depth, in number and in length, and ends at the first value that is damaged, so that
//! damage yields less, never more.

use crate::cursor::Cursor;

/// Objects within objects. Commands nest two deep.
const MAX_DEPTH: usize = 8;
/// Values of one message, those within objects and their names included. A `connect` has 30, metadata 60.
const MAX_VALUES: usize = 1024;
/// Longest text in bytes. The longest in use are URLs with tokens.
const MAX_TEXT: usize = 16 << 10;

mod marker {
    pub(super) const NUMBER: u8 = 0;
    pub(super) const BOOLEAN: u8 = 1;
    pub(super) const STRING: u8 = 2;
    pub(super) const OBJECT: u8 = 3;
    pub(super) const NULL: u8 = 5;
    pub(super) const UNDEFINED: u8 = 6;
    pub(super) const ECMA_ARRAY: u8 = 8;
    pub(super) const OBJECT_END: u8 = 9;
    pub(super) const STRICT_ARRAY: u8 = 10;
    pub(super) const DATE: u8 = 11;
    pub(super) const LONG_STRING: u8 = 12;
    pub(super) const UNSUPPORTED: u8 = 13;
    pub(super) const XML: u8 = 15;
    pub(super) const TYPED_OBJECT: u8 = 16;
}

/// One value. References, which only mean something with a table of all that came before, are not read.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Boolean(bool),
    /// Also a long string and XML. What is not UTF-8 is replaced.
    Text(String),
    /// Names and values in the order in which they came. Also a typed object, without its type.
    Object(Vec<(String, Value)>),
    /// An associative array, which is an object by another name.
    Map(Vec<(String, Value)>),
    List(Vec<Value>),
    /// Milliseconds since the Unix epoch.
    Date(f64),
    Null,
    Undefined,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Of names and values.
    pub fn object<const N: usize>(members: [(&str, Value); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Names and values of an object or associative array; none of anything else.
    pub fn members(&self) -> &[(String, Value)] {
        match self {
            Self::Object(members) | Self::Map(members) => members,
            _ => &[],
        }
    }

    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Appends it. A name or text beyond what its length field can say is cut at a character.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => {
                out.push(marker::NUMBER);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Boolean(yes) => out.extend_from_slice(&[marker::BOOLEAN, u8::from(*yes)]),
            Self::Text(text) => match u16::try_from(text.len()) {
                Ok(_) => {
                    out.push(marker::STRING);
                    write_name(text, out);
                }
                Err(_) => {
                    out.push(marker::LONG_STRING);
                    let text = &text[..text.floor_char_boundary(u32::MAX as usize)];
                    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                    out.extend_from_slice(text.as_bytes());
                }
            },
            Self::Object(members) => {
                out.push(marker::OBJECT);
                write_members(members, out);
            }
            Self::Map(members) => {
                out.push(marker::ECMA_ARRAY);
                out.extend_from_slice(&(members.len() as u32).to_be_bytes());
                write_members(members, out);
            }
            Self::List(values) => {
                out.push(marker::STRICT_ARRAY);
                out.extend_from_slice(&(values.len() as u32).to_be_bytes());
                for value in values {
                    value.write(out);
                }
            }
            Self::Date(millis) => {
                out.push(marker::DATE);
                out.extend_from_slice(&millis.to_be_bytes());
                out.extend_from_slice(&[0, 0]);
            }
            Self::Null => out.push(marker::NULL),
            Self::Undefined => out.push(marker::UNDEFINED),
        }
    }
}

/// The values of a message, up to its end or to the first that is damaged or beyond the bounds.
pub fn values(data: &[u8]) -> Vec<Value> {
    let mut decoder = Decoder { data: Cursor(data), left: MAX_VALUES };
    std::iter::from_fn(|| decoder.value(0)).collect()
}

struct Decoder<'a> {
    data: Cursor<'a>,
    /// Values that may still come.
    left: usize,
}

impl Decoder<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        let data = &mut self.data;
        Some(match data.u8()? {
            marker::NUMBER => Value::Number(data.f64()?),
            marker::BOOLEAN => Value::Boolean(data.u8()? != 0),
            marker::STRING => Value::Text(self.name()?),
            marker::LONG_STRING | marker::XML => {
                let length = data.u32()? as usize;
                Value::Text(self.text(length)?)
            }
            marker::OBJECT => Value::Object(self.members(depth)?),
            marker::TYPED_OBJECT => {
                self.name()?;
                Value::Object(self.members(depth)?)
            }
            marker::ECMA_ARRAY => {
                // The count is a hint that encoders get wrong; the end marker counts.
                data.u32()?;
                Value::Map(self.members(depth)?)
            }
            marker::STRICT_ARRAY => {
                let count = data.u32()? as usize;
                // Checked before anything is reserved for them.
                if count > self.left {
                    return None;
                }
                Value::List((0..count).map(|_| self.value(depth + 1)).collect::<Option<_>>()?)
            }
            marker::DATE => {
                let millis = data.f64()?;
                data.u16()?; // a time zone that must be zero
                Value::Date(millis)
            }
            marker::NULL => Value::Null,
            marker::UNDEFINED | marker::UNSUPPORTED => Value::Undefined,
            _ => return None,
        })
    }

    fn members(&mut self, depth: usize) -> Option<Vec<(String, Value)>> {
        let mut members = Vec::new();
        loop {
            let name = self.name()?;
            if name.is_empty() && self.data.0.first() == Some(&marker::OBJECT_END) {
                self.data.u8()?;
                return Some(members);
            }
            members.push((name, self.value(depth + 1)?));
        }
    }

    fn name(&mut self) -> Option<String> {
        let length = usize::from(self.data.u16()?);
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Option<String> {
        if length > MAX_TEXT {
            return None;
        }
        Some(String::from_utf8_lossy(self.data.take(length)?).into_owned())
    }
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    let name = &name[..name.floor_char_boundary(usize::from(u16::MAX))];
    out.extend_from_slice(&(name.len() as u16).to_be_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn write_members(members: &[(String, Value)], out: &mut Vec<u8>) {
    for (name, value) in members {
        write_name(name, out);
        value.write(out);
    }
    out.extend_from_slice(&[0, 0, marker::OBJECT_END]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Noise;

    fn written(values: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in values {
            value.write(&mut out);
        }
        out
    }

    fn everything() -> Vec<Value> {
        vec![
            Value::text("connect"),
            Value::Number(1.0),
            Value::object([
                ("app", Value::text("live")),
                ("fourCcList", Value::List(vec![Value::text("hvc1"), Value::Null])),
                ("inner", Value::object([("yes", Value::Boolean(true))])),
            ]),
            Value::Map(vec![("width".into(), Value::Number(1280.0)), ("琳".into(), Value::text("晚上好"))]),
            Value::Date(1_795_375_970_000.0),
            Value::Undefined,
            Value::text("x".repeat(70_000)),
        ]
    }

    #[test]
    fn values_come_back_as_they_were() {
        let mut values = everything();
        values.truncate(6);
        assert_eq!(super::values(&written(&values)), values);
        assert_eq!(values[2].get("app").and_then(Value::as_text), Some("live"));
        assert_eq!(values[2].get("none"), None);
        assert_eq!(values[0].get("app"), None);
    }

    #[test]
    fn bytes_of_other_programs_are_read() {
        let cases: [(&[u8], &[Value]); 7] = [
            (&[2, 0, 1, b'a', 0, 0x40, 0x08, 0, 0, 0, 0, 0, 0], &[Value::text("a"), Value::Number(3.0)]),
            // An array that counts none and has one.
            (
                &[8, 0, 0, 0, 0, 0, 1, b'a', 1, 1, 0, 0, 9],
                &[Value::Map(vec![("a".into(), Value::Boolean(true))])],
            ),
            (&[16, 0, 1, b'T', 0, 1, b'a', 5, 0, 0, 9], &[Value::object([("a", Value::Null)])]),
            (&[13, 15, 0, 0, 0, 1, b'x'], &[Value::Undefined, Value::text("x")]),
            // A member without a name is a member, not the end.
            (&[3, 0, 0, 5, 0, 0, 9], &[Value::object([("", Value::Null)])]),
            (&[5, 7, 0, 1, 5], &[Value::Null]), // a reference ends it
            (&[2, 0, 2, 0xff, b'a'], &[Value::text("\u{fffd}a")]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(values(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn depth_number_and_length_are_bounded() {
        let mut deep = Vec::new();
        for _ in 0..100_000 {
            deep.extend_from_slice(&[3, 0, 1, b'a']);
        }
        assert_eq!(values(&deep), []);
        assert_eq!(values(&[10, 0xff, 0xff, 0xff, 0xff, 5, 5]), []);
        assert_eq!(values(&vec![5; 100_000]).len(), MAX_VALUES);
        assert_eq!(values(&written(&everything())).len(), 6, "the text of 70 kB is not taken");
    }

    #[test]
    fn noise_yields_less_never_a_panic() {
        let mut noise = Noise(11);
        let valid = written(&everything()[..6]);
        for _ in 0..50_000 {
            let values = values(&noise.spoil(&valid));
            assert!(values.len() <= MAX_VALUES);
        }
    }
}
