use super::*;

/// Checks that these models have the instruction: `from..` stands for a model and all newer ones.
#[track_caller]
fn check(code: Code, models: &str) {
    let have: Vec<_> = MODELS
        .iter()
        .filter(|m| m.supports(code))
        .map(|m| m.name)
        .collect();
    let mut want = Vec::new();
    for name in models.split_whitespace() {
        let first = name.trim_end_matches("..");
        let at = MODELS.iter().position(|model| model.name == first).unwrap();
        let all = if name.ends_with("..") {
            MODELS.len()
        } else {
            at + 1
        };
        want.extend(MODELS[at..all].iter().map(|model| model.name));
    }
    assert_eq!(have, want, "{code:?}");
}

#[test]
fn each_generation_adds_its_instructions() {
    check(Code::Add_rm32_r32, "386..");
    check(Code::Bound_r32_m3232, "386..");
    check(Code::Salc, "386..");
    check(Code::Int1, "386..");
    check(Code::Bswap_r32, "486sx..");
    check(Code::Cmpxchg_rm32_r32, "486sx..");
    check(Code::Xadd_rm8_r8, "486sx..");
    check(Code::Invlpg_m, "486sx..");
    check(Code::Wbinvd, "486sx..");
    check(Code::Mov_tr_r32, "386 386+387 486sx 486");
    check(Code::Cpuid, "pentium..");
    check(Code::Rdtsc, "pentium..");
    check(Code::Wrmsr, "pentium..");
    check(Code::Cmpxchg8b_m64, "pentium..");
    check(Code::Mov_r32_cr, "386..");
    check(Code::Rsm, "");
    check(Code::Rdpmc, "pentium-mmx..");
    check(Code::Cmovne_r32_rm32, "p6..");
    check(Code::Nop_rm32, "p6..");
    check(Code::Ud2, "386..");
    check(Code::Sysenter, "p2..");
    check(Code::Pause, "p4..");
    check(Code::Monitord, "core");
    check(Code::Mwait, "core");
    check(Code::Popcnt_r32_rm32, "core");
    check(Code::Movbe_r32_m32, "");
    check(Code::INVALID, "");
    let with = CpuModel::parse("p6,+movbe,-cmov").unwrap();
    assert!(with.supports(Code::Movbe_r32_m32) && !with.supports(Code::Cmovne_r32_rm32));
}

#[test]
fn without_an_x87_all_its_opcodes_are_esc() {
    check(Code::Fninit, "386..");
    check(Code::Fsincos, "386..");
    check(Code::Fcmovb_st0_sti, "386 486sx p6..");
}

#[test]
fn cpuid_claims_what_is_emulated_and_nothing_else() {
    for model in &MODELS {
        let Some(leaf) = model.cpuid(1, 0) else {
            assert!(!model.supports(Code::Cpuid));
            continue;
        };
        assert_eq!(leaf.eax, model.reset_edx);
        assert_eq!(leaf.edx & 1 != 0, model.fpu);
        assert_eq!(leaf.edx, (model.features & EMULATED).edx());
        assert_eq!(leaf.ecx, (model.features & EMULATED).ecx());
        assert!(!model.features.intersects(model.lacking));
    }
}

#[test]
fn the_default_lacks_nothing() {
    let model = CpuModel::newest_complete();
    assert!(model.lacking.is_empty());
    let at = MODELS.iter().position(|other| other.name == model.name).unwrap();
    assert!(MODELS[at + 1..].iter().all(|newer| !newer.lacking.is_empty()));
}

#[test]
fn leaves_beyond_the_last_show_the_last_basic_one() {
    let p6 = CpuModel::parse("p6").unwrap();
    assert_eq!(p6.cpuid(0, 0).unwrap().eax, 2);
    assert_eq!(p6.cpuid(7, 0), p6.cpuid(2, 0));
    assert_eq!(p6.cpuid(0x8000_0000, 0), p6.cpuid(2, 0));
    let core = CpuModel::parse("core").unwrap();
    assert_eq!(core.cpuid(0x8000_0000, 0).unwrap().eax, 0x8000_0008);
    assert_eq!(core.cpuid(0x8000_0001, 0).unwrap().edx, 1 << 20);
    assert_eq!(core.cpuid(0x8000_0008, 0).unwrap().eax, 0x2024);
    assert_eq!(core.cpuid(0x8000_0009, 0), core.cpuid(5, 0));
    assert_eq!(core.cpuid(4, 3).unwrap().ebx, 15 << 22 | 63);
    assert_eq!(core.cpuid(4, 4).unwrap(), CpuidLeaf::default());
}

#[test]
fn the_brand_string_has_48_bytes_and_ends_with_zero() {
    let model = CpuModel::parse("p4").unwrap();
    let mut text = Vec::new();
    for leaf in 0x8000_0002..=0x8000_0004 {
        let leaf = model.cpuid(leaf, 0).unwrap();
        for word in [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx] {
            text.extend(word.to_le_bytes());
        }
    }
    assert_eq!(text.len(), 48);
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.trim_start(), "Intel(R) Pentium(R) 4 CPU\0");
}

#[test]
fn features_are_added_and_taken_away_by_name() {
    assert!(core::ptr::eq(
        CpuModel::parse("P6").unwrap(),
        CpuModel::parse("p6,+pge").unwrap()
    ));
    let changed = CpuModel::parse("p6,-pge,+sep").unwrap();
    assert_eq!(changed.name, "p6,+sep,-pge");
    assert!(changed.has(Features::SEP) && !changed.has(Features::PGE));
    assert!(!changed.cr4.contains(Cr4::PGE));
    assert_eq!(CpuModel::parse(changed.name).unwrap().name, changed.name);
    assert!(CpuModel::parse("386,+fpu").unwrap().fpu);
    assert!(!CpuModel::parse("486,-fpu").unwrap().fpu);
}

#[test]
fn impossible_processors_are_refused_in_words() {
    let error = |spec: &str| CpuModel::parse(spec).unwrap_err().to_string();
    assert!(error("z80").starts_with("no model 'z80'; there are 386, 386+387, "));
    assert_eq!(
        error("p6,pge"),
        "'pge': a feature is added as +pge or taken away as -pge"
    );
    assert!(error("p6,+avx").starts_with("no feature 'avx'; there are fpu, vme, "));
    assert_eq!(error("p6,+sep,-sep"), "+sep and -sep contradict each other");
    assert!(error("486,+cmov").contains("has no CPUID"));
    assert_eq!(error("p6,+nx,-pae"), "nx needs pae: add +pae or take away -nx");
    assert!(error("pentium,+sep,-msr").starts_with("sep needs msr"));
    assert!(error("p6,").contains("a feature is added as"));
}
