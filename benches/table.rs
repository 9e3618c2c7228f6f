//! Figures for a person to read: medians, percentiles and aligned columns.

/// The value below which this share of the values lies; not a number where there are none.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let index = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// Prints rows under a heading; the first column is left, the others right aligned.
pub(crate) fn print(heading: &str, rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    println!("\n{heading}");
    for row in rows {
        let line: Vec<String> = (0..columns)
            .map(|column| {
                let cell = row.get(column).map_or("", String::as_str);
                let width = width(column).unwrap_or(0);
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            })
            .collect();
        println!("  {}", line.join("  ").trim_end());
    }
}

/// Milliseconds with one decimal.
pub(crate) fn ms(value: f64) -> String {
    format!("{value:.1}")
}
