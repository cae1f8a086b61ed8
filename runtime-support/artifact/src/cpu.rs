//! Which features the processor of this machine has.

use evmc_abi::CpuFeatures;

/// The features of this machine.
pub fn detect() -> CpuFeatures {
    present()
        .into_iter()
        .filter(|&(_, has)| has)
        .fold(CpuFeatures::BASELINE, |set, (feature, _)| set | feature)
}

/// Every feature, and whether this processor has it.
#[cfg(target_arch = "x86_64")]
fn present() -> [(CpuFeatures, bool); 20] {
    use std::is_x86_feature_detected as has;
    [
        (CpuFeatures::CMPXCHG16B, has!("cmpxchg16b")),
        (CpuFeatures::SSE3, has!("sse3")),
        (CpuFeatures::SSSE3, has!("ssse3")),
        (CpuFeatures::SSE4_1, has!("sse4.1")),
        (CpuFeatures::SSE4_2, has!("sse4.2")),
        (CpuFeatures::POPCNT, has!("popcnt")),
        (CpuFeatures::AVX, has!("avx")),
        (CpuFeatures::AVX2, has!("avx2")),
        (CpuFeatures::BMI1, has!("bmi1")),
        (CpuFeatures::BMI2, has!("bmi2")),
        (CpuFeatures::F16C, has!("f16c")),
        (CpuFeatures::FMA, has!("fma")),
        (CpuFeatures::LZCNT, has!("lzcnt")),
        (CpuFeatures::MOVBE, has!("movbe")),
        (CpuFeatures::AVX512F, has!("avx512f")),
        (CpuFeatures::AVX512BW, has!("avx512bw")),
        (CpuFeatures::AVX512CD, has!("avx512cd")),
        (CpuFeatures::AVX512DQ, has!("avx512dq")),
        (CpuFeatures::AVX512VL, has!("avx512vl")),
        (CpuFeatures::ADX, has!("adx")),
    ]
}

/// Every feature, and whether this processor has it: none, since the table holds x86-64 features.
#[cfg(not(target_arch = "x86_64"))]
fn present() -> [(CpuFeatures, bool); 0] {
    []
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn every_feature_is_detected_once() {
        let detected: Vec<_> = super::present().into_iter().map(|(feature, _)| feature).collect();
        let table: Vec<_> = evmc_abi::CpuFeatures::ALL.iter().map(|&(feature, _)| feature).collect();
        assert_eq!(detected, table);
    }
}
