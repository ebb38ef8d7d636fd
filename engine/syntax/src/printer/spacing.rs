//! The blank between two neighbours on one line.

use super::roles::{Marks, Roles};
use crate::token::{Tok, Tokens};

/// True when a blank stands between token `i - 1` and token `i`.
pub(super) fn space_before(tokens: &Tokens, roles: &Roles, i: usize) -> bool {
    if i == 0 {
        return false;
    }
    let (prev, next) = (tokens.kinds[i - 1], tokens.kinds[i]);
    let (prev_marks, marks) = (roles.get(i - 1), roles.get(i));
    if prev == Tok::Minus && matches!(next, Tok::Minus | Tok::Undef) {
        return true;
    }
    if marks.has(Marks::SPACE_BEFORE) || prev_marks.has(Marks::SPACE_AFTER) {
        return true;
    }
    if marks.has(Marks::TIGHT) || prev_marks.has(Marks::TIGHT) {
        return false;
    }
    // What closes or separates.
    match next {
        Tok::Comma | Tok::Semi | Tok::RParen | Tok::RBracket | Tok::Colon | Tok::QDot | Tok::Eof => {
            return false;
        }
        Tok::RBrace => return prev != Tok::LBrace,
        _ => {}
    }
    // What clings to what follows.
    match prev {
        Tok::LParen
        | Tok::LBracket
        | Tok::QDot
        | Tok::At
        | Tok::Tilde
        | Tok::Dollar
        | Tok::Question
        | Tok::QQ
            if prev != Tok::QQ || prev_marks.has(Marks::PREFIX) =>
        {
            return false;
        }
        Tok::Dot => return false,
        Tok::Colon if i >= 2 && tokens.kinds[i - 2] == Tok::LBracket => return false,
        Tok::Comma | Tok::Semi | Tok::Colon | Tok::LBrace => return true,
        _ if prev_marks.has(Marks::PREFIX) || prev_marks.has(Marks::TIGHT_AFTER) => return false,
        _ if prev.is_range() => return matches!(next, Tok::LBrace | Tok::FatArrow),
        Tok::Bang if !prev_marks.has(Marks::UNWRAP) && next.is_name() => return false,
        _ => {}
    }
    let operand = ends_operand(tokens, i - 1);
    match next {
        Tok::Dot if prev == Tok::ErrorKw => false,
        // `1 .0` is an index, `1.0` a number.
        Tok::Dot if prev == Tok::Int && tokens.kinds[i + 1] == Tok::Int => {
            i < 2 || tokens.kinds[i - 2] != Tok::Dot
        }
        Tok::Dot => marks.has(Marks::LEADING) || !operand,
        Tok::LParen if matches!(prev, Tok::Cast | Tok::Abi | Tok::Protocol | Tok::DAlign) => false,
        Tok::LParen | Tok::LBracket => !operand,
        Tok::Bang => !marks.has(Marks::UNWRAP),
        Tok::Star if i >= 1 && prev == Tok::Dot => false,
        _ if next.is_range() && !marks.has(Marks::PREFIX) => !operand,
        _ => true,
    }
}

/// True for a token that can be the last of an operand.
fn ends_operand(tokens: &Tokens, i: usize) -> bool {
    let kind = tokens.kinds[i];
    let member = i > 0 && matches!(tokens.kinds[i - 1], Tok::Dot | Tok::QDot);
    match kind {
        Tok::RParen | Tok::RBracket | Tok::RBrace | Tok::Bang | Tok::DCallerLocation => true,
        Tok::Null | Tok::True | Tok::False | Tok::Undef => true,
        Tok::Star => member,
        _ if kind.is_keyword() => member,
        _ => kind.is_word() || (kind >= Tok::Int && kind <= Tok::RawStr),
    }
}
