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
                    "<button name=\"outcome\" value=\"{}\">{}</button>\n",
                    escape(button.value),
                    escape(button.label)
                )
            })
            .collect();
        let (title, text) = (escape(self.title), escape(self.text));
        let html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
             <body><h1>{title}</h1>\n<p>{text}</p>\n<form method=\"post\">\n{buttons}</form></body></html>\n"
        );
        HttpResponse::html(status, html)
    }
}

/// As text or an attribute of HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
