//! The plain HTML pages where a payer approves or declines.

use axum::http::StatusCode;

use crate::http_response::HttpResponse;

pub(crate) struct Button<'a> {
    /// Sent as `outcome`.
    pub(crate) value: &'a str,
    pub(crate) label: &'a str,
}

/// A question with one button per answer, posted to the page's own URL.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) buttons: &'a [Button<'a>],
}

impl<'a> Page<'a> {
    /// A page with only a message.
    pub(crate) fn notice(title: &'a str) -> Self {
        Self { title, text: "", buttons: &[] }
    }

    pub(crate) fn response(&self, status: StatusCode) -> HttpResponse {
        let buttons: String = self
            .buttons
            .iter()
            .map(|button| {
                format!(
                    "<button class=\"method primary\" name=\"outcome\" value=\"{}\">{}</button>\n",
                    escape(button.value),
                    escape(button.label)
                )
            })
            .collect();
        let (title, text) = (escape(self.title), escape(self.text));
        let form = if buttons.is_empty() {
            String::new()
        } else {
            format!("<form method=\"post\">\n{buttons}</form>\n")
        };
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
             <link rel=\"icon\" href=\"data:,\">\n\
             <link rel=\"stylesheet\" href=\"/_sandbox/checkout/checkout.css\">\n</head>\n\
             <body class=\"payer\">\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n{form}</main>\n</body>\n</html>\n"
        );
        HttpResponse::html(status, html)
    }
}

/// Escapes text or an attribute of HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payers_page_is_made_for_screen_readers_small_screens_and_the_dark() {
        let page = Page { title: "Pay?", text: "a < b", buttons: &[Button { value: "yes", label: "Yes" }] };
        let html = String::from_utf8(page.response(StatusCode::OK).body.to_vec()).unwrap();
        for part in [
            "<html lang=\"en\">",
            "name=\"viewport\"",
            "content=\"light dark\"",
            "<title>Pay?</title>",
            "<main>\n<h1>Pay?</h1>\n<p>a &lt; b</p>\n<form method=\"post\">",
            "value=\"yes\">Yes</button>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!Page::notice("Done.").response(StatusCode::OK).body.windows(5).any(|part| part == b"<form"));
    }
}
