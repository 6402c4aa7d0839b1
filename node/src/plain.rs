//! Words of strangers as they may reach a terminal: what would steer it, hide or turn text around is written out.

/// One line: every character that is not shown as itself is written as its number, `\u{1b}`.
#[must_use]
pub fn line(text: &str) -> String {
    written(text, |_| false)
}

/// The same of text that has lines of its own.
#[must_use]
pub fn lines(text: &str) -> String {
    written(text, |one| one == '\n')
}

fn written(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text.chars() {
        if is_unseen(one) && !is_kept(one) {
            plain.extend(one.escape_unicode());
        } else {
            plain.push(one);
        }
    }
    plain
}

/// Control characters, separators of lines, and what is not seen or changes the direction of what is.
fn is_unseen(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(one, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(one, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_turns_text_around_is_written_out() {
        let evil = "a\u{1b}[2Jb\r\u{9b}1mc\u{7}\u{202e}d\u{2066}\u{200f}\nSign this? é✓";
        let one = line(evil);
        assert_eq!(
            one,
            r"a\u{1b}[2Jb\u{d}\u{9b}1mc\u{7}\u{202e}d\u{2066}\u{200f}\u{a}Sign this? é✓"
        );
        assert_eq!(lines(evil), one.replace(r"\u{a}", "\n"));
    }
}
