//! Checkpoints and restore notes that were kept outside the database, one signed note after another.

use audit_proof::{Checkpoint, Note, Restore, Trust, VerifyingKey};

/// What a file of checkpoints says.
#[derive(Debug, Default)]
pub struct Anchors {
    /// Those that a given key signed, in their order, each with the number of its first line.
    pub signed: Vec<(usize, Checkpoint)>,
    /// Restore notes that a given key signed, the same way.
    pub restores: Vec<(usize, Restore)>,
    /// The first line of one that names a given key, which did not sign it.
    pub forged: Option<usize>,
    /// How many were signed by other keys only.
    pub of_other_keys: usize,
    /// How many pieces are neither: a process died while it wrote, for example.
    pub unreadable: usize,
}

impl Anchors {
    #[must_use]
    pub fn read(text: &str, keys: &[VerifyingKey]) -> Self {
        let mut anchors = Self::default();
        for (line, piece) in pieces(text) {
            let Ok(note) = piece.parse::<Note>() else {
                anchors.unreadable += 1;
                continue;
            };
            match (note.trust(keys), note.text().parse::<Checkpoint>(), note.text().parse::<Restore>()) {
                (Trust::Forged, _, _) => anchors.forged = anchors.forged.or(Some(line)),
                (Trust::Signed, Ok(checkpoint), _) => anchors.signed.push((line, checkpoint)),
                (Trust::Signed, Err(_), Ok(restore)) => anchors.restores.push((line, restore)),
                (Trust::Unknown, Ok(_), _) | (Trust::Unknown, Err(_), Ok(_)) => anchors.of_other_keys += 1,
                (Trust::Signed | Trust::Unknown, Err(_), Err(_)) => anchors.unreadable += 1,
            }
        }
        anchors
    }
}

/// The notes in a text, each with the number of its first line. A note has one empty line, before its signatures, so
/// any other one ends what was not written to its end.
fn pieces(text: &str) -> Vec<(usize, String)> {
    let is_signature = |line: &str| line.starts_with('\u{2014}');
    let mut lines = (1..).zip(text.split_inclusive('\n')).peekable();
    let (mut pieces, mut piece, mut first) = (Vec::new(), String::new(), 0);
    while let Some((number, line)) = lines.next() {
        let is_empty = line == "\n";
        if piece.is_empty() {
            first = number;
        }
        if !(is_empty && piece.is_empty()) {
            piece.push_str(line);
        }
        let goes_on = lines.peek().is_some_and(|(_, next)| match (is_empty, is_signature(line)) {
            (false, false) => true,
            _ => is_signature(next),
        });
        if !goes_on && !piece.is_empty() {
            pieces.push((first, std::mem::take(&mut piece)));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use audit_proof::{Hash, SigningKey};

    use super::*;

    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn key(name: &str) -> SigningKey {
        format!("{name}:{SEED}").parse().unwrap()
    }

    fn note(size: u64, key: &SigningKey) -> String {
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size, root: Hash::of_nothing() };
        checkpoint.signed(key).to_string()
    }

    fn sizes(anchors: &Anchors) -> Vec<u64> {
        anchors.signed.iter().map(|(_, checkpoint)| checkpoint.size).collect()
    }

    #[test]
    fn one_checkpoint_or_many_are_read_with_the_lines_that_they_begin_in() {
        let key = key("a.example");
        let trusted = [key.public().clone()];
        assert_eq!(sizes(&Anchors::read(&note(5, &key), &trusted)), [5]);
        let many =
            Anchors::read(&format!("{}\n{}\n\n{}", note(5, &key), note(7, &key), note(9, &key)), &trusted);
        assert_eq!(sizes(&many), [5, 7, 9]);
        assert_eq!(many.signed.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 7, 14]);
        assert_eq!((many.forged, many.of_other_keys, many.unreadable), (None, 0, 0));
        assert!(Anchors::read("", &trusted).signed.is_empty());
    }

    #[test]
    fn what_was_written_in_part_hides_nothing_behind_it() {
        let key = key("a.example");
        let whole = note(5, &key);
        for end in 1..whole.len() {
            let Some(torn) = whole.get(..end) else { continue };
            let read = Anchors::read(&format!("{torn}\n\n{}\n", note(7, &key)), &[key.public().clone()]);
            assert_eq!(sizes(&read).last(), Some(&7), "{torn}");
            assert_eq!(read.forged, None, "{torn}");
        }
    }

    #[test]
    fn a_restore_note_stands_among_checkpoints_and_is_none() {
        let (own, other) = (key("a.example"), key("b.example"));
        let lost = Checkpoint { origin: "a.example".to_owned(), size: 9, root: Hash::of_nothing() };
        let restore = Restore { lost, kept_size: 5, kept_root: Hash::of_nothing(), at: 0 };
        let (signed, foreign) = (restore.signed(&own), restore.signed(&other));
        let text = format!("{}\n{signed}\n{foreign}\n{}", note(5, &own), note(6, &own));
        let read = Anchors::read(&text, &[own.public().clone()]);
        assert_eq!((sizes(&read), read.restores), (vec![5, 6], vec![(7, restore)]));
        assert_eq!((read.forged, read.of_other_keys, read.unreadable), (None, 1, 0));
    }

    #[test]
    fn a_forged_checkpoint_and_those_of_other_keys_are_told_apart() {
        let (own, other) = (key("a.example"), key("b.example"));
        let text = format!("{}\n{}\n{}", note(5, &own), note(6, &other), note(7, &own).replace('7', "8"));
        let read = Anchors::read(&text, &[own.public().clone()]);
        assert_eq!(sizes(&read), [5]);
        assert_eq!((read.forged, read.of_other_keys), (Some(13), 1));
    }
}
