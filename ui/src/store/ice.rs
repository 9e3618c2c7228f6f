//! STUN and TURN servers as a relay names them in `Link` headers (RFC 9725 section 4.6, RFC 8288).

/// One server, as `RTCIceServer` takes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Server {
    pub url: String,
    pub username: Option<String>,
    pub credential: Option<String>,
}

/// The servers of a `Link` header; a browser gives several headers as one, with commas between.
pub fn servers(link: &str) -> Vec<Server> {
    split(link, ',').iter().filter_map(|link| server(link)).collect()
}

fn server(link: &str) -> Option<Server> {
    let parts = split(link, ';');
    let (url, parameters) = parts.split_first()?;
    let url = url.trim().strip_prefix('<')?.strip_suffix('>')?;
    let known = ["stun:", "stuns:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme));
    let value = |wanted: &str| {
        parameters.iter().find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| unquoted(value.trim()))
        })
    };
    let is_ice = value("rel").is_some_and(|rel| rel.split_whitespace().any(|rel| rel == "ice-server"));
    (known && is_ice).then(|| Server {
        url: url.to_owned(),
        username: value("username"),
        credential: value("credential"),
    })
}

/// Splits where the separator stands outside of quotation marks and brackets.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut quoted, mut escaped, mut inside) = (false, false, false);
    for letter in text.chars() {
        if letter == separator && !quoted && !inside {
            parts.push(String::new());
            continue;
        }
        match letter {
            '"' if !escaped => quoted = !quoted,
            '<' if !quoted => inside = true,
            '>' if !quoted => inside = false,
            _ => {}
        }
        escaped = quoted && letter == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    inner
        .chars()
        .filter(|letter| {
            escaped = *letter == '\\' && !escaped;
            !escaped
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, login: Option<(&str, &str)>) -> Server {
        let (username, credential) = login.map(|(a, b)| (a.to_owned(), b.to_owned())).unzip();
        Server { url: url.to_owned(), username, credential }
    }

    #[test]
    fn link_headers_name_servers() {
        for (link, found) in [
            ("<stun:stun.example.net>; rel=\"ice-server\"", vec![server("stun:stun.example.net", None)]),
            (
                "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; username=\"43200:a,b;c\"; \
                 credential=\"p\\\"w\\\\\"; credential-type=\"password\", <stun:[2001:db8::1]:3478>; rel=ice-server",
                vec![
                    server("turn:turn.example.net?transport=udp", Some(("43200:a,b;c", "p\"w\\"))),
                    server("stun:[2001:db8::1]:3478", None),
                ],
            ),
            ("</style.css>; rel=preload, <turns:x>; REL=\"other ice-server\"", vec![server("turns:x", None)]),
            ("<https://example.net>; rel=\"ice-server\"", vec![]),
            ("<stun:x>", vec![]),
            ("stun:x; rel=\"ice-server\"", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(servers(link), found, "{link}");
        }
    }
}
