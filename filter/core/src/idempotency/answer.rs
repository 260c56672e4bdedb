//! A final answer: every retry of the request gets the same bytes.

use serde::Serialize;

/// The longest body that is stored for replay, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// A definite answer of the control plane, as the client receives it: 2xx, 402, 404, 409 or 422.
///
/// A rejection before anything was executed (400, 401, 429 and so on) is not one: the client may correct the request
/// and reuse the key. Nor is a 5xx: the outcome is not known yet, and storing it would make the uncertainty final. The
/// few of them that are final (a provider's refusal of the request, a charge that was given up) are answered from the
/// control plane's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

/// Why an answer cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("the status {0} is not definite; it must be 2xx, 402, 404, 409 or 422")]
    Status(u16),
    #[error("the content type must be 1 to 128 characters of printable ASCII")]
    ContentType,
    #[error("the body is longer than 65536 bytes")]
    TooLong,
}

impl Answer {
    /// # Errors
    /// A status that is not definite, a content type that is invalid in a header, or a body over
    /// [`BODY_BYTES_MAX`].
    pub fn new(status: u16, content_type: String, body: String) -> Result<Self, AnswerError> {
        if !matches!(status, 200..=299 | 402 | 404 | 409 | 422) {
            return Err(AnswerError::Status(status));
        }
        let printable = content_type.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !printable || !(1..=128).contains(&content_type.len()) {
            return Err(AnswerError::ContentType);
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(AnswerError::TooLong);
        }
        Ok(Self { status, content_type, body })
    }

    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Status, content type and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, String, String) {
        (self.status, self.content_type, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn answer(status: u16, content_type: &str, length: usize) -> Result<Answer, AnswerError> {
        Answer::new(status, content_type.to_owned(), "x".repeat(length))
    }

    #[test]
    fn only_definite_answers_are_kept() {
        for status in [200, 202, 299, 402, 404, 409, 422] {
            assert!(answer(status, "application/json", 1).is_ok(), "{status}");
        }
        for status in [0, 100, 301, 400, 401, 403, 413, 429, 500, 502, 503, 504] {
            assert_eq!(answer(status, "application/json", 1), Err(AnswerError::Status(status)));
        }
    }

    #[test]
    fn a_content_type_that_could_break_a_header_is_refused() {
        for content_type in ["", "a\r\nset-cookie: b", "é", &"a".repeat(129)] {
            assert_eq!(answer(200, content_type, 1), Err(AnswerError::ContentType));
        }
    }

    #[test]
    fn the_body_is_bounded() {
        assert!(answer(200, "application/json", BODY_BYTES_MAX).is_ok());
        assert_eq!(answer(200, "application/json", BODY_BYTES_MAX + 1), Err(AnswerError::TooLong));
    }
}
