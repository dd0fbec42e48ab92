//! Seeds through the whole engine.

use frontdesk_sim::run::{Profile, Setup, run};

#[test]
fn smoke() {
    let from: u64 = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let count: u64 = std::env::var("COUNT").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut bad = 0;
    for seed in from..from + count {
        let started = std::time::Instant::now();
        let report =
            run(&Setup { keep_trace: std::env::var("TRACE").is_ok(), ..Setup::of(seed, Profile::Short) });
        if !report.broken.is_empty() {
            bad += 1;
            println!(
                "seed {seed}: people {} plan {:?}",
                report.people,
                report.plan.rates.keys().collect::<Vec<_>>()
            );
            for broken in report.broken.iter().take(3) {
                println!("   {} {}", broken.promise, broken.what);
            }
            if count == 1 {
                for line in &report.tail {
                    println!("{line}");
                }
            }
        }
        println!("seed {seed} {:?} {}", started.elapsed(), report.trace);
    }
    assert_eq!(bad, 0);
}
