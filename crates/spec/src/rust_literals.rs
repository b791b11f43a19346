//! The string literals of a Rust source, with their lines.
//!
//! A small lexer, because a search for quotation marks would read comments and characters as text. It knows strings, raw strings, byte and
//! C strings, characters, lifetimes, line comments and nested block comments, which is all that may hide a quotation mark.

/// One string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The line on which it opens, counted from one.
    pub line: usize,
    /// Its value. Escapes other than `\"`, `\\`, `\n`, `\t` and a line continuation stand as they were written.
    pub value: String,
}

/// All string literals of `source` outside comments, in their order.
pub fn literals(source: &str) -> Vec<Literal> {
    let mut lexer = Lexer { rest: source.chars().collect(), at: 0, line: 1, found: Vec::new() };
    lexer.run();
    lexer.found
}

struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Literal>,
}

impl Lexer {
    fn run(&mut self) {
        while let Some(next) = self.peek(0) {
            match next {
                '/' if self.peek(1) == Some('/') => self.skip_while(|character| character != '\n'),
                '/' if self.peek(1) == Some('*') => self.block_comment(),
                '"' => self.string(),
                'r' if self.opens_raw_string() => self.raw_string(),
                '\'' => self.character_or_lifetime(),
                letter if is_word(letter) => self.word(),
                _ => self.step(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn step(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip_while(&mut self, keep: impl Fn(char) -> bool) {
        while self.peek(0).is_some_and(&keep) {
            self.step();
        }
    }

    // A whole identifier at once, so that the `r` at the end of `for"` is not taken for a raw string; `b` and `c` prefixes stop before
    // the quotation mark and the string follows as usual, `br` and `cr` before the `r`.
    fn word(&mut self) {
        if matches!(self.peek(0), Some('b' | 'c')) && self.peek(1) == Some('r') {
            self.at += 1;
            if self.opens_raw_string() {
                return self.raw_string();
            }
        }
        self.skip_while(is_word);
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (None, _) => return,
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.step(),
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        let mut value = String::new();
        self.step();
        while let Some(next) = self.peek(0) {
            match next {
                '"' => {
                    self.step();
                    break;
                }
                '\\' => self.escape(&mut value),
                other => {
                    value.push(other);
                    self.step();
                }
            }
        }
        self.found.push(Literal { line, value });
    }

    fn escape(&mut self, value: &mut String) {
        self.step();
        match self.peek(0) {
            Some('\n') => return self.skip_while(char::is_whitespace),
            Some('n') => value.push('\n'),
            Some('t') => value.push('\t'),
            Some(quoted @ ('"' | '\\')) => value.push(quoted),
            Some(other) => value.extend(['\\', other]),
            None => return,
        }
        self.step();
    }

    fn opens_raw_string(&self) -> bool {
        let mut ahead = 1;
        while self.peek(ahead) == Some('#') {
            ahead += 1;
        }
        self.peek(0) == Some('r') && self.peek(ahead) == Some('"')
    }

    fn raw_string(&mut self) {
        let line = self.line;
        self.step();
        let mut hashes = 0;
        while self.peek(0) == Some('#') {
            hashes += 1;
            self.step();
        }
        self.step();
        let mut value = String::new();
        while let Some(next) = self.peek(0) {
            if next == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += 1 + hashes;
                break;
            }
            value.push(next);
            self.step();
        }
        self.found.push(Literal { line, value });
    }

    fn character_or_lifetime(&mut self) {
        self.step();
        if self.peek(0) == Some('\\') {
            // An escaped character: past the escape, then to its closing mark (`'\u{1F600}'` is the longest form).
            self.at += 2;
            self.skip_while(|character| character != '\'');
            self.step();
        } else if self.peek(1) == Some('\'') {
            self.step();
            self.step();
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
