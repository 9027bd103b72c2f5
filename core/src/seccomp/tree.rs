//! The shape of the search over numbers: which test comes first, so that the longest way is as short as it can be.
//!
//! One test tells two spans apart, or three where a single number lies between two of equal replies: the lone call that
//! a profile leaves out, and every other call of a chequered one.
//!
//! The lower part of a tree lies right behind its test, and the upper one behind that. A test jumps over 255
//! instructions; over more it needs a trampoline, which makes the way to all above one step longer. So the steps are
//! shared out, and where that saves one, the upper part gets fewer spans than the lower one, or the lower one as many
//! as a test can jump over.
//!
//! All spans are worth the same, unless native calls would then need more than [`NATIVE`] steps. Then x32's, where a
//! profile governs it, may lie deeper: native calls are those that are made.

use super::rule::Reply;

/// The calls from `first` to the next span's.
pub(super) struct Span<'a> {
    pub(super) first: u32,
    pub(super) reply: &'a Reply,
    /// Whether they are x32's alone.
    pub(super) is_x32: bool,
}

/// The first test over some spans.
pub(super) enum Test {
    /// Whether the number is at least the first of this span.
    AtLeast(usize),
    /// Whether it is the one number of the middle one of three.
    Middle,
}

/// How deep native spans lie at most, in tests and trampolines. It is enough for 576 of them.
const NATIVE: i32 = 10;

/// As many spans as take 255 instructions at most: a test for each but the first, and for each a return of its own, or a
/// trampoline to its checks.
const NEAR: usize = 128;

/// A way to order tests.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// How much deeper than native spans those of x32 may lie.
    slack: i32,
}

impl Shape {
    pub(super) fn of(spans: &[Span<'_>]) -> Shape {
        // x32 has no more calls than 2^9.
        let slacks = (0..9).map(|slack| Shape { slack });
        let mut enough = slacks.skip_while(|shape| !shape.fits(spans, NATIVE));
        enough.next().unwrap_or(Shape { slack: 0 })
    }

    /// The first test over at least two spans: near the middle, if no way grows longer by it.
    pub(super) fn first_test(self, spans: &[Span<'_>]) -> Test {
        if spans.len() == 3 && is_lone(spans) {
            return Test::Middle;
        }
        let below = self.needed(spans) - 1;
        let (middle, most) = (spans.len() / 2, self.reach(spans, below));
        let parts = |index: &usize| {
            let (lower, upper) = spans.split_at(*index);
            self.fits(lower, below) && self.fits(upper, below - trampoline(*index))
        };
        Test::AtLeast([middle, most].into_iter().find(parts).unwrap_or(NEAR))
    }

    /// The fewest steps on the longest way to a native span; negative for spans of x32 alone.
    fn needed(self, spans: &[Span<'_>]) -> i32 {
        (-self.slack..).find(|&steps| self.fits(spans, steps)).unwrap_or(i32::MAX)
    }

    fn fits(self, spans: &[Span<'_>], steps: i32) -> bool {
        self.reach(spans, steps) == spans.len()
    }

    /// How many spans, from the first on, can be told apart if native ones lie `steps` steps deep at most.
    fn reach(self, spans: &[Span<'_>], steps: i32) -> usize {
        let Some(first) = spans.first() else { return 0 };
        let left = steps + if first.is_x32 { self.slack } else { 0 };
        if left <= 0 {
            return usize::from(left == 0);
        }
        if left == 1 && is_lone(spans) {
            return 3;
        }
        let above = |lower: usize| lower + self.reach(&spans[lower..], steps - 1 - trampoline(lower));
        let most = self.reach(spans, steps - 1);
        above(most).max(above(most.min(NEAR)))
    }
}

/// How many steps it takes to jump over so many spans.
fn trampoline(spans: usize) -> i32 {
    i32::from(spans > NEAR)
}

/// Whether the second span is a single number between two of equal replies.
fn is_lone(spans: &[Span<'_>]) -> bool {
    let [before, lone, after, ..] = spans else { return false };
    let same = before.reply == after.reply && before.is_x32 == after.is_x32;
    same && lone.is_x32 == after.is_x32 && after.first - lone.first == 1
}
