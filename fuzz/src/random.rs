//! Numbers that are the same for the same seed, now and in ten years, which no library promises.

/// SplitMix64, as its authors published it.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of one input: each is drawn from its own place, so that any can be made again alone.
    pub fn of_input(seed: u64, index: u64) -> Self {
        let mut random = Self(seed);
        let start = random.next().wrapping_add(index);
        let mut random = Self(start);
        random.next();
        random
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }

    /// One of them.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> Option<&'a T> {
        from.get(self.below(from.len())).copied()
    }

    /// A stretch of something that is so long; half of them are short.
    pub fn stretch(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let most = if self.below(2) == 0 { (length - start).min(16) } else { length - start };
        start..start + self.below(most + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_were_published() {
        let mut random = Random(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn an_input_has_its_own_numbers() {
        let first = |seed, index| Random::of_input(seed, index).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 2));
    }

    #[test]
    fn a_stretch_stays_inside() {
        let mut random = Random(7);
        for length in 0..200 {
            let stretch = random.stretch(length);
            assert!(stretch.start <= stretch.end && stretch.end <= length, "{stretch:?} of {length}");
        }
    }
}
