//! How an overlay page is to look, as its address says it: `/overlay/main?least=100&chat=5&say=500&lang=zh-CN`.

/// Lines of chat that an overlay shows at most.
const MOST_CHAT: usize = 12;

/// The choices. What is missing or makes no sense is the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Gifts below this many coins are not shown.
    pub least: u64,
    /// Gifts from this many coins on are read out; none: silence.
    pub say: Option<u64>,
    /// Newest lines of the chat.
    pub chat: usize,
    /// BCP 47 tag; none: the browser's language.
    pub language: Option<String>,
}

impl Choices {
    /// Of the part of the address behind the question mark.
    pub fn of(query: &str) -> Self {
        let mut choices = Self::default();
        for (name, value) in query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='))
        {
            match name {
                "least" => choices.least = value.parse().unwrap_or(0),
                "say" => choices.say = value.parse().ok(),
                "chat" => choices.chat = value.parse().unwrap_or(0).min(MOST_CHAT),
                "lang" => choices.language = Some(value.to_owned()),
                _ => {}
            }
        }
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_it_looks() {
        assert_eq!(Choices::of(""), Choices::default());
        assert_eq!(
            Choices::of("?least=100&chat=5&say=500&lang=zh-CN&more=1"),
            Choices { least: 100, say: Some(500), chat: 5, language: Some("zh-CN".to_owned()) }
        );
        assert_eq!(
            Choices::of("?least=-1&chat=900&say=x&=&&"),
            Choices { chat: MOST_CHAT, ..Choices::default() }
        );
    }
}
