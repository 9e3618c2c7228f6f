//! The sound that the test microphone hears, and how to tell a beep from silence in what comes out.

const RATE: usize = 48_000;
/// One beep a second, this long.
const BEEP_MS: usize = 200;

/// What the beep is made of.
pub const BEEP_HERTZ: f64 = 880.0;

/// One second, 48 kHz stereo, 16 bit little endian: the beep at half of full scale, then silence.
pub fn beep_second() -> Vec<u8> {
    second(|n| if n < RATE * BEEP_MS / 1000 { 0.5 * wave(n, BEEP_HERTZ) } else { 0.0 })
}

/// One second of a tone that goes on where it began, if it has a whole number of waves.
pub fn tone_second(hertz: f64, amplitude: f64) -> Vec<u8> {
    second(|n| amplitude * wave(n, hertz))
}

fn wave(n: usize, hertz: f64) -> f64 {
    (n as f64 * hertz / RATE as f64 * std::f64::consts::TAU).sin()
}

fn second(sample: impl Fn(usize) -> f64) -> Vec<u8> {
    let sample = |n: usize| (sample(n) * f64::from(i16::MAX)) as i16;
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
