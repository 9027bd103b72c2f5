//! Inputs of a seeded generator, for tests of what is drawn from them.

/// So many inputs of so many bytes, always the same.
pub(crate) fn inputs(count: usize, length: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    (0..count).map(move |_| (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).collect())
}
