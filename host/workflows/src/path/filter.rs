//! Operators that filters have in Jayway's JSONPath, which the service uses, and not in RFC 9535: `in`, `nin` and `=~`.

use super::dialect::bracket_end;

/// A filter with those operators in the words of RFC 9535: comparisons for each item of a list, and the function
/// `match`.
///
/// What can't be read stays as it is, and is refused by who parses it next.
pub(super) fn translate(step: &str) -> String {
    let (mut done, mut rest) = (String::with_capacity(step.len()), step);
    while let Some((at, operator)) = next_operator(rest) {
        let (before, after) = (&rest[..at], rest[at + operator.len()..].trim_start());
        let start = before.trim_end().rfind(|letter| "(&|!? ".contains(letter)).map_or(0, |at| at + 1);
        let operand = before[start..].trim_end();
        let test = if operator == "=~" { matching(operand, after) } else { listed(operand, after) };
        let Some((test, tail)) = test else { break };
        done.push_str(&before[..start]);
        done.push_str(if operator == "nin" { "!" } else { "" });
        done.push_str(&test);
        rest = tail;
    }
    done + rest
}

/// The first of the operators that is not within quotes, and where it is.
fn next_operator(text: &str) -> Option<(usize, &'static str)> {
    let operator = |(at, letter): (usize, char)| match letter {
        '=' => text[at..].starts_with("=~").then_some((at, "=~")),
        ' ' => {
            let is_next =
                |word: &&str| text[at + 1..].strip_prefix(*word).is_some_and(|rest| rest.starts_with([' ', '[']));
            ["in", "nin"].into_iter().find(is_next).map(|word| (at + 1, word))
        }
        _ => None,
    };
    unquoted(text).find_map(operator)
}

/// The letters that are not within quotes, and where they are.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut quote, mut is_escaped) = (None, false);
    text.char_indices().filter(move |(_, letter)| {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some(_) if *letter == '\\' => is_escaped = true,
            Some(open) if *letter == open => quote = None,
            Some(_) => {}
            None if matches!(letter, '\'' | '"') => quote = Some(*letter),
            None => return true,
        }
        false
    })
}

/// `operand in [a, b]`, and what follows the list.
fn listed<'a>(operand: &str, list: &'a str) -> Option<(String, &'a str)> {
    if !list.starts_with('[') {
        return None;
    }
    let (list, rest) = list.split_at(bracket_end(list));
    let items = items(list.strip_prefix('[')?.strip_suffix(']')?);
    let tests: Vec<_> = items.iter().map(|item| format!("{operand} == {item}")).collect();
    let test = if tests.is_empty() { "1 == 2".to_owned() } else { tests.join(" || ") };
    Some((format!("({test})"), rest))
}

/// The items of a list, without the spaces around them.
fn items(list: &str) -> Vec<&str> {
    let mut ends: Vec<_> = unquoted(list).filter(|(_, letter)| *letter == ',').map(|(at, _)| at).collect();
    ends.push(list.len());
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    starts.zip(&ends).map(|(start, end)| list[start..*end].trim()).filter(|item| !item.is_empty()).collect()
}

/// `operand =~ /expression/i`, which matches the whole value, and what follows it.
fn matching<'a>(operand: &str, text: &'a str) -> Option<(String, &'a str)> {
    let body = text.strip_prefix('/')?;
    let mut is_escaped = false;
    let end = body.find(|letter| {
        let ends = letter == '/' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let rest = body[end + 1..].trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let flags = &body[end + 1..body.len() - rest.len()];
    let ignores_case = if flags.contains('i') { "(?i)" } else { "" };
    let expression = body[..end].replace("\\/", "/").replace('\\', "\\\\").replace('\'', "\\'");
    Some((format!("match({operand}, '{ignores_case}{expression}')"), rest))
}
