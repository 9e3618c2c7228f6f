//! The sound that the test microphone hears, and how to tell a beep from silence in what comes out.

const RATE: usize = 48_000;
/// One beep a second, this long.
const BEEP_MS: usize = 200;

/// One second, 48 kHz stereo, 16 bit little endian: 880 Hz at half of full scale, then silence.
pub fn beep_second() -> Vec<u8> {
    let sample = |n: usize| {
        let on = n < RATE * BEEP_MS / 1000;
        let value =
            if on { (n as f64 * 880.0 / RATE as f64 * std::f64::consts::TAU).sin() * 0.5 } else { 0.0 };
        (value * f64::from(i16::MAX)) as i16
    };
    (0..RATE).flat_map(|n| [sample(n), sample(n)]).flat_map(i16::to_le_bytes).collect()
}

/// How often the level rises from silence to a beep, and how loud both are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beeps {
    pub count: usize,
    pub loudest: f64,
    pub softest: f64,
}

/// Counts the rises over the middle between the loudest and the softest, on a logarithmic scale, with a
/// band between the thresholds so that one beep's ripple is not counted as several.
pub fn beeps(levels: &[f64]) -> Beeps {
    /// Silence in decibels is not infinitely far away: 16 bit noise.
    const FLOOR: f64 = 1.0 / 32_768.0;
    let decibels: Vec<f64> = levels.iter().map(|level| 20.0 * level.max(FLOOR).log10()).collect();
    let loudest = decibels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let softest = decibels.iter().copied().fold(f64::INFINITY, f64::min);
    let (low, high) = (softest + (loudest - softest) / 3.0, loudest - (loudest - softest) / 3.0);
    let mut loud = false;
    let mut count = 0;
    for level in decibels {
        if !loud && level > high {
            count += 1;
            loud = true;
        } else if level < low {
            loud = false;
        }
    }
    Beeps { count, loudest, softest }
}
