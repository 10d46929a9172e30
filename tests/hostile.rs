//! Everything that may be put in a scan's way: each is a gap that says what it was, and the sound file beside it is
//! found all the same, in bounded time and memory.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, clippy::disallowed_methods)]

mod forge;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use blastmap::model::{Cause, Locator, Presence, Stage};
use blastmap::scan::{Limits, Place as Where, Plan, Sniff};
use forge::place::{
    Place, SOUND, assert_gap, assert_sound, asset, gaps, inventory, plan, scan_in_a_process, scan_in_this_process,
};
use forge::tar::Tar;
use forge::zip::Entry;
use forge::{Body, Wrap, codec, safetensors, sevenz, tar, zip};

/// No scan of anything hostile needs more, in KiB.
const MEMORY: u64 = 150 << 10;

/// Scans in a process of its own, and holds the peak of its memory against [`MEMORY`].
fn assert_bounded_memory(place: &Place) {
    let outcome = scan_in_a_process(place.root(), &[]).unwrap();
    assert!(outcome.jsonl.contains(SOUND), "the sound file is found");
    assert!(outcome.peak_kib < MEMORY, "{} KiB at its peak, {MEMORY} allowed", outcome.peak_kib);
}

#[test]
#[ignore = "other tests call it, in a process whose memory and user are its own"]
fn in_its_own_process() {
    scan_in_this_process();
}

// Bombs.

#[test]
fn ten_gigabytes_in_a_gzip_are_stopped_by_their_ratio() {
    let place = Place::new();
    codec::gzip_of_zeros(&place.path("zeros.gz"), 10 << 10);
    let inventory = place.expect("zeros.gz", Stage::Budget, Cause::OverBudget, "--max-ratio");
    assert!(inventory.coverage.bytes_inflated < 64 << 20, "{} inflated", inventory.coverage.bytes_inflated);
    assert_bounded_memory(&place);
}

#[test]
fn a_zip_member_that_declares_too_much_is_not_inflated() {
    let packed = codec::deflated_zeros(4 << 10);
    let bomb = zip::archive(&[Entry::deflated("zeros", &packed, 4 << 30)]);
    let place = Place::with("bomb.zip", &bomb);
    let inventory = place.expect("bomb.zip!/zeros", Stage::Budget, Cause::OverBudget, "--max-ratio");
    assert_eq!(inventory.coverage.bytes_inflated, 0);
}

#[test]
fn a_zip_member_that_declares_too_little_is_metered_all_the_same() {
    // Named and shaped like a model of a size it does not have: its parser asks for all of it.
    let packed = codec::deflated_zeros(4 << 10);
    let inner = zip::archive(&[Entry::deflated("inner.gz", &packed, 1000)]);
    let place = Place::with("bomb.zip", &inner);
    let inventory = place.scan();
    assert!(inventory.coverage.bytes_inflated < 64 << 20, "{} inflated", inventory.coverage.bytes_inflated);
}

#[test]
fn a_zip_bomb_of_zip_bombs_is_stopped_by_the_purse_of_its_file() {
    // Sixteen in sixteen in sixteen in sixteen, as 42.zip is: 64 TiB at the bottom, some kilobytes on disk.
    let mut level = zip::archive(&[Entry::deflated("0.dll", &codec::deflated_zeros(1 << 10), 1 << 30)]);
    for _ in 0..4 {
        let packed = codec::deflate(&level);
        let names: Vec<String> = (0..16).map(|n| format!("{n}.zip")).collect();
        let size = level.len() as u64;
        level = zip::archive(&names.iter().map(|name| Entry::deflated(name, &packed, size)).collect::<Vec<_>>());
    }
    let mut place = Place::with("42.zip", &level);
    place.within = std::time::Duration::from_secs(20);
    let inventory = place.scan();
    let gap = inventory.gaps.iter().find(|gap| gap.cause == Cause::OverBudget).unwrap();
    assert!(gap.stage == Stage::Budget && gap.locator.to_string().starts_with("42.zip"), "{gap:?}");
    assert!(inventory.coverage.bytes_inflated <= 2 << 30, "{} inflated", inventory.coverage.bytes_inflated);
    assert_bounded_memory(&place);
}

#[test]
fn zip_members_that_share_their_bytes_are_opened_once() {
    // After Fifield's "A better zip bomb": ten thousand rows of the directory lead to one kernel.
    let kernel = codec::deflated_zeros(16);
    let names: Vec<String> = (0..10_000).map(|n| format!("{n:05}.safetensors")).collect();
    let rows = names.iter().enumerate().map(|(n, name)| Entry {
        phantom: n > 0,
        claimed_at: Some(0),
        ..Entry::deflated(name, &kernel, 16 << 20)
    });
    let place = Place::with("overlap.zip", &zip::archive(&rows.collect::<Vec<_>>()));
    let inventory = place.expect("overlap.zip", Stage::Unpack, Cause::Malformed, "overlap");
    assert!(inventory.coverage.bytes_inflated <= 32 << 20, "{} inflated", inventory.coverage.bytes_inflated);
    assert_bounded_memory(&place);
}

#[test]
fn a_nest_of_forty_two_is_left_at_the_depth_that_is_allowed() {
    let wrap: [(&str, Wrap); 3] = [
        ("gz", |bytes| codec::gzip(bytes)),
        ("zip", |bytes| zip::deflated(&[("n", bytes)])),
        ("tar", |bytes| tar::archive(&[("n", bytes)])),
    ];
    let nest = |kinds: &[usize]| {
        let wrappers = kinds.iter().cycle().take(42);
        wrappers.fold(safetensors::small(), |inner, &kind| wrap[kind].1(&inner))
    };
    // A codec adds nothing to a locator; every archive does.
    for (kinds, locator) in [
        (&[0usize][..], "nest".to_owned()),
        (&[1], format!("nest{}", "!/n".repeat(8))),
        (&[2], format!("nest{}", "!/n".repeat(8))),
        (&[0, 1, 2], format!("nest{}", "!/n".repeat(6))),
    ] {
        let place = Place::with("nest", &nest(kinds));
        let inventory = place.expect(&locator, Stage::Budget, Cause::OverBudget, "--max-depth");
        assert_eq!(inventory.gaps.len(), 1, "{}", gaps(&inventory));
    }
}

#[test]
fn more_members_than_allowed_are_a_gap_of_the_archive() {
    let names: Vec<String> = (0..50).map(|n| format!("{n}.bin")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"x".as_slice())).collect();
    let mut place = Place::with("many.tar", &tar::archive(&files));
    place.limits = Limits { members: 20, ..Limits::default() };
    let inventory = place.expect("many.tar", Stage::Budget, Cause::OverBudget, "--max-members");
    assert_eq!(inventory.coverage.members, 20);
}

// What a directory may hold besides files.

#[test]
fn pipes_sockets_and_devices_are_named_and_not_opened() {
    let place = Place::new();
    let make = |name: &str, kind| {
        let mode = rustix::fs::Mode::RUSR;
        // Device 1:3 is null.
        rustix::fs::mknodat(rustix::fs::CWD, place.path(name), kind, mode, rustix::fs::makedev(1, 3))
    };
    make("pipe", rustix::fs::FileType::Fifo).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let device = make("device", rustix::fs::FileType::CharacterDevice);
    let inventory = place.expect("pipe", Stage::Open, Cause::Skipped, "a named pipe");
    assert_gap(&inventory, "socket", Stage::Open, Cause::Skipped, "a socket");
    match device {
        Ok(()) => assert_gap(&inventory, "device", Stage::Open, Cause::Skipped, "a device"),
        Err(error) => eprintln!("not tested with a device: it cannot be made here ({error})"),
    }
}

#[test]
fn what_may_not_be_read_is_denied_and_the_rest_is_found() {
    let place = Place::new();
    fs::set_permissions(place.root(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(place.path("closed")).unwrap();
    place.write("closed.safetensors", &safetensors::small());
    for name in ["closed", "closed.safetensors"] {
        fs::set_permissions(place.path(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    // Permissions do not bind root: then nobody looks.
    let root = rustix_is_root();
    let prefix: &[&str] =
        if root { &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"] } else { &[] };
    let Some(outcome) = scan_in_a_process(place.root(), prefix) else {
        eprintln!("not tested: run as root, without `setpriv` or with a build that others may not run");
        return;
    };
    let denied: Vec<&str> = outcome.jsonl.lines().filter(|line| line.contains(r#""type":"gap""#)).collect();
    for (locator, words) in [("closed", "may not be listed"), ("closed.safetensors", "may not be read")] {
        let fits = |line: &&&str| {
            line.contains(&format!(r#""locator":"{locator}""#))
                && line.contains(r#""stage":"open","cause":"denied""#)
                && line.contains(words)
        };
        assert!(denied.iter().any(|line| fits(&line)), "{locator}: {denied:#?}");
    }
    assert!(outcome.jsonl.contains(r#""locator":"sound.safetensors""#), "{}", outcome.jsonl);
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

fn rustix_is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

#[test]
fn links_are_counted_reported_or_refused_and_never_followed() {
    let place = Place::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("other.safetensors"), safetensors::small()).unwrap();
    fs::create_dir(place.path("sub")).unwrap();
    symlink(SOUND, place.path("alias.safetensors")).unwrap();
    symlink(outside.path(), place.path("out")).unwrap();
    symlink("nowhere", place.path("dangling")).unwrap();
    symlink("loop-b", place.path("loop-a")).unwrap();
    symlink("loop-a", place.path("loop-b")).unwrap();
    symlink("..", place.path("sub/up")).unwrap();

    let inventory = place.expect("loop-a", Stage::Open, Cause::Malformed, "leads back to itself");
    assert_gap(&inventory, "loop-b", Stage::Open, Cause::Malformed, "leads back to itself");
    assert_gap(&inventory, "out", Stage::Open, Cause::Skipped, "leads out of the scanned place");
    assert_eq!(inventory.gaps.len(), 3, "{}", gaps(&inventory));
    let dangling = inventory.tallies.iter().find(|((_, _, key), _)| key == "dangling link").unwrap();
    assert_eq!(dangling.1.files, 1);
    let sound = asset(&inventory, "alias.safetensors").unwrap();
    assert_eq!((sound.files.len(), inventory.assets.len()), (2, 1), "a link is another name of the same model");
}

#[test]
fn a_file_with_less_in_it_than_its_size_says_is_truncated() {
    // The kernel gives its settings a size of one page, and a few bytes.
    let settings = std::path::Path::new("/sys/devices/system/cpu/online");
    if fs::metadata(settings).map_or(0, |metadata| metadata.len()) < 1024 {
        eprintln!("not tested: there is no {} of a page here", settings.display());
        return;
    }
    let place = Place::new();
    let places = vec![Where::Path(place.root().to_owned()), Where::Path(settings.to_owned())];
    let inventory = inventory(&Plan { places, ..plan(place.root()) });
    assert_gap(&inventory, "online", Stage::Open, Cause::Truncated, "shrank");
    assert_sound(&inventory, SOUND);
}

// Names.

#[test]
fn names_that_are_not_text_are_found_and_read_back() {
    let place = Place::new();
    let names: [&[u8]; 5] = [
        b"\xff\xfe.safetensors",
        b"esc\x1b[31m.safetensors",
        b"line\nbreak.safetensors",
        b"100%!.safetensors",
        b"-rf.safetensors",
    ];
    for name in names {
        fs::write(place.root().join(OsStr::from_bytes(name)), safetensors::small()).unwrap();
    }
    let inventory = place.scan();
    assert_eq!(inventory.gaps, []);
    for name in names {
        let locator = Locator::path(0, name);
        let text = locator.to_string();
        assert!(text.is_ascii() && !text.contains(char::is_control), "{text:?}");
        assert_eq!(Locator::parse(0, &text).unwrap(), locator);
        assert_sound(&inventory, &text);
    }
    let written = String::from_utf8(forge::place::jsonl(&inventory)).unwrap();
    assert!(written.contains("%FF%FE.safetensors") && written.contains("esc%1B[31m.safetensors"));
    assert!(written.bytes().all(|byte| byte == b'\n' || byte >= 0x20));
}

#[test]
fn names_of_members_are_kept_like_names_of_files() {
    let mut tar = Tar::in_memory();
    for name in [&b"\xff\x1b[2J.safetensors"[..], b"/etc/../../abs.safetensors", &[b'd'; 300]] {
        tar.file(name, Body::Bytes(&safetensors::small()));
    }
    let place = Place::with("names.tar", &tar.end().into_inner());
    let inventory = place.scan();
    let long = "d".repeat(300);
    for name in ["%FF%1B[2J.safetensors", "etc/../../abs.safetensors", &long] {
        assert_sound(&inventory, &format!("names.tar!/{name}"));
    }
}

#[test]
fn a_path_longer_than_the_system_takes_is_a_gap() {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let place = Place::new();
    let name = "d".repeat(250);
    let open = |at: &dyn std::os::fd::AsFd, name: &std::path::Path| {
        openat(at.as_fd(), name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    };
    let mut at = open(&CWD, place.root());
    for level in 0..20 {
        // The last that can be reached by its path is within 4096 bytes.
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let file = openat(&at, format!("{level}.safetensors"), flags, Mode::RUSR).unwrap();
        std::io::Write::write_all(&mut fs::File::from(file), &safetensors::small()).unwrap();
        mkdirat(&at, name.as_str(), Mode::RWXU).unwrap();
        at = open(&at, name.as_ref());
    }
    let reached = (4095 - place.root().as_os_str().len()) / (name.len() + 1);
    let deepest = [name.as_str()].repeat(reached).join("/");
    let inventory = place.expect(&format!("{deepest}/{name}"), Stage::Open, Cause::Denied, "cannot be listed");
    assert_sound(&inventory, &format!("{}/{}.safetensors", [name.as_str()].repeat(reached - 1).join("/"), reached - 1));
}

// Archives that are cut, lie, or are locked.

#[test]
fn a_cut_archive_of_any_kind_is_a_gap() {
    // Noise, so that a part of the archive is a part of the content.
    let noise: Vec<u8> = (0..400_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let kinds: [(&str, Vec<u8>); 9] = [
        ("cut.zip", zip::deflated(&[("m", &noise)])),
        ("cut.tar", tar::archive(&[("m", &noise)])),
        ("cut.7z", sevenz::archive(&[("m", &noise)])),
        ("cut.gz", codec::gzip(&noise)),
        ("cut.zz", codec::zlib(&noise)),
        ("cut.zst", codec::zstd(&noise)),
        ("cut.bz2", codec::bzip2(&noise)),
        ("cut.lz4", codec::lz4(&noise)),
        ("cut.xz", codec::xz(&noise)),
    ];
    for (name, bytes) in kinds {
        let place = Place::with(name, &bytes[..bytes.len() * 2 / 3]);
        place.expect(name, Stage::Unpack, Cause::Truncated, "");
    }
}

#[test]
fn what_comes_before_the_cut_is_found() {
    let files: [(&str, &[u8]); 2] = [("first.safetensors", &safetensors::small()), ("second", &[7; 100_000])];
    let whole = tar::archive(&files);
    let place = Place::with("cut.tar", &whole[..whole.len() / 2]);
    assert_sound(&place.scan(), "cut.tar!/first.safetensors");
    let packed = codec::gzip(&whole);
    let place = Place::with("cut.tar.gz", &packed[..packed.len() - 60]);
    let inventory = place.expect("cut.tar.gz", Stage::Unpack, Cause::Truncated, "");
    assert_sound(&inventory, "cut.tar.gz!/first.safetensors");
}

#[test]
fn a_tar_that_lies_about_sizes_is_a_gap() {
    for size in [1 << 40, 1 << 63, u64::MAX] {
        let mut tar = Tar::in_memory();
        tar.file(b"first.safetensors", Body::Bytes(&safetensors::small()));
        tar.begin(b"huge.bin", size);
        tar.raw(&[1; 5000]);
        let bytes = tar.end().into_inner();
        let place = Place::with("lie.tar", &bytes);
        let inventory = place.expect("lie.tar", Stage::Unpack, Cause::Truncated, "ends within its member 'huge.bin'");
        assert_sound(&inventory, "lie.tar!/first.safetensors");

        let place = Place::with("lie.tar.gz", &codec::gzip(&bytes));
        let inventory = place.expect("lie.tar.gz", Stage::Unpack, Cause::Truncated, "");
        assert_sound(&inventory, "lie.tar.gz!/first.safetensors");
    }
}

#[test]
fn a_tar_with_an_enormous_extended_header_is_a_gap() {
    for kind in [b'x', b'L'] {
        let mut tar = Tar::in_memory();
        tar.raw(&tar::header(b"x", kind, 1 << 40));
        tar.raw(&[b'1'; 4096]);
        let place = Place::with("pax.tar", &tar.end().into_inner());
        place.expect("pax.tar", Stage::Unpack, Cause::Malformed, "extended header");
        assert_bounded_memory(&place);
    }
}

#[test]
fn pax_names_and_sizes_are_believed() {
    let mut tar = Tar::in_memory();
    let body = safetensors::small();
    tar.pax(&[("path", "named-by-pax.safetensors"), ("size", &body.len().to_string())]);
    tar.begin(b"short", 0);
    tar.raw(&body);
    tar.raw(&vec![0; body.len().wrapping_neg() % 512]);
    tar.file(b"after.safetensors", Body::Bytes(&body));
    let inventory = Place::with("pax.tar", &tar.end().into_inner()).scan();
    assert_sound(&inventory, "pax.tar!/named-by-pax.safetensors");
    assert_sound(&inventory, "pax.tar!/after.safetensors");
}

#[test]
fn a_zip_that_lies_is_a_gap_at_the_member_that_lies() {
    let body = safetensors::small();
    let honest = || Entry::stored("first.safetensors", Body::Bytes(&body));
    let packed = codec::deflate(&body);
    let in_the_directory = 2 * body.len() as u64 + 100;
    let lies = [
        (Entry { size: 1 << 63, packed: 1 << 63, ..honest() }, Stage::Unpack, Cause::Truncated, "past the end"),
        (Entry { size: 1 << 63, ..Entry::deflated("", &packed, 0) }, Stage::Budget, Cause::OverBudget, "--max-ratio"),
        (Entry { claimed_at: Some(1 << 62), ..honest() }, Stage::Unpack, Cause::Malformed, ""),
        (
            Entry { claimed_at: Some(in_the_directory), ..honest() },
            Stage::Unpack,
            Cause::Malformed,
            "not where it says",
        ),
        (Entry { method: 99, ..honest() }, Stage::Unpack, Cause::Unsupported, "extract it"),
        (Entry { flags: 1, ..honest() }, Stage::Unpack, Cause::Encrypted, "encrypted"),
    ];
    for (lie, stage, cause, words) in lies {
        let lie = Entry { name: b"lie.safetensors", ..lie };
        let place = Place::with("lie.zip", &zip::archive(&[honest(), lie]));
        let inventory = place.expect("lie.zip!/lie.safetensors", stage, cause, words);
        assert_sound(&inventory, "lie.zip!/first.safetensors");
    }
}

#[test]
fn a_zip_directory_that_is_not_where_it_says_is_a_gap() {
    let honest = zip::stored(&[("m.safetensors", &safetensors::small())]);
    // The end of central directory: its zip64 record's size and offset of the directory.
    let record = honest.windows(4).position(|window| window == b"PK\x06\x06").unwrap();
    for (at, value) in [(record + 40, u64::MAX), (record + 48, u64::MAX), (record + 48, 1 << 40), (record + 32, 77)] {
        let mut bytes = honest.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let place = Place::with("bad.zip", &bytes);
        let inventory = place.scan();
        let gap = inventory.gaps.iter().find(|gap| gap.locator.to_string() == "bad.zip").unwrap();
        assert_eq!(gap.stage, Stage::Unpack, "{gap:?}");
        assert!(matches!(gap.cause, Cause::Malformed | Cause::OverBudget), "{gap:?}");
    }
}

#[test]
fn an_encrypted_7z_is_a_gap_that_says_so() {
    // AES-256 with SHA-256, 2^19 rounds.
    let aes = sevenz::one_coder("m.safetensors", &[6, 0xf1, 7, 1], &[0x53, 7, 1, 2, 3, 4, 5, 6, 7, 8], &[9; 64], 60);
    let place = Place::with("locked.7z", &aes);
    place.expect("locked.7z!/m.safetensors", Stage::Unpack, Cause::Encrypted, "password");
}

#[test]
fn a_7z_that_lies_is_a_gap_and_costs_no_memory() {
    for (at, size) in [(0, 1 << 63), (1 << 63, 100), (u64::MAX, u64::MAX), (0, 1 << 40)] {
        let place = Place::with("lie.7z", &sevenz::lying(at, size));
        let inventory = place.scan();
        let gap = inventory.gaps.iter().find(|gap| gap.locator.to_string() == "lie.7z").unwrap();
        assert_eq!(gap.stage, Stage::Unpack, "{gap:?}");
    }
    // Counts that no header of this length can hold.
    for header in [
        [&[1, 5][..], &sevenz::number(1 << 40)].concat(),
        [&[1, 4, 6, 0][..], &sevenz::number(1 << 60), &[9, 1]].concat(),
        [&[1, 4, 7, 0x0b][..], &sevenz::number(1 << 31), &[0, 1]].concat(),
    ] {
        let place = Place::with("lie.7z", &sevenz::framed(&[], &header));
        place.scan();
        assert_bounded_memory(&place);
    }
    // A list of members that is packed itself, of a terabyte.
    let folder = [&[0x07, 0x0b, 1, 0, 1, 0x21, 0x21, 1, 24, 0x0c][..], &sevenz::number(1 << 40), &[0, 0]].concat();
    let header = [&[0x17, 0x06, 0, 1, 0x09, 4, 0][..], &folder].concat();
    let place = Place::with("list.7z", &sevenz::framed(&[1, 2, 3, 4], &header));
    place.expect("list.7z", Stage::Unpack, Cause::OverBudget, "declares");
    assert_bounded_memory(&place);
    // A dictionary of 4 GiB for ten bytes, in LZMA2, LZMA and PPMd.
    for (method, properties) in [
        (&[0x21][..], &[40][..]),
        (&[3, 1, 1], &[0x5d, 0xff, 0xff, 0xff, 0xff]),
        (&[3, 4, 1], &[6, 0xff, 0xff, 0xff, 0x7f]),
    ] {
        let place = Place::with("dictionary.7z", &sevenz::one_coder("m", method, properties, &[1, 0, 9, 1, 2, 3], 10));
        place.expect("dictionary.7z!/m", Stage::Unpack, Cause::Unsupported, "dictionary");
        assert_bounded_memory(&place);
    }
}

// Headers.

#[test]
fn a_header_that_claims_more_than_there_is_is_a_gap() {
    let mut place = Place::new();
    place.sniff = Sniff::All;
    let with_length = |length: u64| [&length.to_le_bytes()[..], b"{\"a\":{", &[0; 5000]].concat();
    for (name, length) in [("a", 1 << 62), ("b", u64::MAX), ("c", 99_000_000), ("d", 200_000_000)] {
        place.write(&format!("{name}.safetensors"), &with_length(length));
    }
    let inventory = place.expect("c.safetensors", Stage::Probe, Cause::Truncated, "");
    for name in ["a", "b", "d"] {
        assert_gap(&inventory, &format!("{name}.safetensors"), Stage::Identify, Cause::Malformed, "");
    }
    for name in ["a", "b", "c", "d"] {
        let asset = asset(&inventory, &format!("{name}.safetensors")).unwrap();
        assert_eq!(asset.presence, Presence::Unverified);
    }
    assert_bounded_memory(&place);
}

#[test]
fn a_deep_header_is_malformed() {
    for text in ["{\"a\":".repeat(100_000), format!("{{\"a\":{}", "[".repeat(1_000_000))] {
        let place = Place::with("deep.safetensors", &safetensors::framed(&text));
        place.expect("deep.safetensors", Stage::Identify, Cause::Malformed, "nests deeper");
    }
}

#[test]
fn duplicate_keys_do_not_count_twice() {
    let tensor = |from: u64, to: u64| format!(r#""a":{{"dtype":"U8","shape":[4],"data_offsets":[{from},{to}]}}"#);
    let file = |second: String, data: usize| {
        [safetensors::framed(&format!("{{{},{second}}}", tensor(0, 4))), vec![0; data]].concat()
    };
    let place = Place::with("twice.safetensors", &file(tensor(4, 8), 8));
    place.expect("twice.safetensors", Stage::Identify, Cause::Malformed, "hole");
    let place = Place::with("same.safetensors", &file(tensor(0, 4), 4));
    let inventory = place.scan();
    let facts = asset(&inventory, "same.safetensors").unwrap().fact.weights().unwrap();
    assert_eq!((facts.tensor_count, facts.parameter_count), (Some(1), Some(4)));
}

// Tables.

#[test]
fn a_line_of_64_mib_is_a_gap() {
    let mut place = Place::new();
    place.within = std::time::Duration::from_secs(60);
    let long = vec![b'a'; 64 << 20];
    let write = |name: &str, before: &[u8], after: &[u8]| {
        place.write(name, &[before, &long, after].concat());
    };
    write("fields.csv", b"subject_id,age,note\n1,40,x\n2,41,y\n3,42,", b"\n4,43,z\n");
    write("records.jsonl", b"{\"id\": 1, \"x\": 2}\n{\"id\": 2, \"x\": \"", b"\"}\n{\"id\": 3, \"x\": 1}\n");
    let records = "{\"id\": 1, \"x\": 2},".repeat(20);
    write("wrapped.json", format!("{{\"rows\": [{records}{{\"id\": 2, \"x\": \"").as_bytes(), b"aaaaaaaa\"}]}");
    let inventory = place.scan();
    for name in ["fields.csv", "records.jsonl", "wrapped.json"] {
        assert!(told(&inventory, name), "{name}:{}", gaps(&inventory));
    }
    assert_bounded_memory(&place);
}

/// Whether a file is among the assets, or a gap says why not.
fn told(inventory: &blastmap::model::Inventory, name: &str) -> bool {
    asset(inventory, name).is_some() || inventory.gaps.iter().any(|gap| gap.locator.to_string() == name)
}

#[test]
fn a_hundred_thousand_columns_are_counted() {
    let mut place = Place::new();
    place.within = std::time::Duration::from_secs(60);
    let names: Vec<String> = (0..100_000).map(|at| format!("gene_{at}")).collect();
    let row = vec!["1"; 100_000].join(",");
    place.write("wide.csv", format!("{}\n{row}\n{row}\n{row}\n", names.join(",")).as_bytes());
    let record = format!("{{{}}}\n", names.iter().map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(","));
    place.write("wide.jsonl", record.repeat(3).as_bytes());
    let inventory = place.scan();
    for name in ["wide.csv", "wide.jsonl"] {
        assert!(told(&inventory, name), "{name}:{}", gaps(&inventory));
    }
    let wide = asset(&inventory, "wide.csv").unwrap().fact.dataset().unwrap();
    assert_eq!(wide.table.column_count, Some(100_000));
    assert_bounded_memory(&place);
}

#[test]
fn rows_that_are_only_declared_cost_nothing() {
    let place = Place::new();
    // NumPy: 10^9 rows of 64 bits, and 80 bytes of them.
    let text = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 8), }".to_owned();
    let header = format!("{text:<117}\n");
    let npy = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), &[0; 80]].concat();
    place.write("rows.npy", &npy);
    // MATLAB: the same.
    let mut mat = b"MATLAB 5.0 MAT-file".to_vec();
    mat.resize(124, b' ');
    mat.extend([0, 1, b'I', b'M', 14, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]);
    place.write("rows.mat", &mat);
    // PLINK 2: 10^9 variants of 10^9 samples.
    let count = 1_000_000_000u32.to_le_bytes();
    place.write("rows.pgen", &[&[0x6c, 0x1b, 0x10][..], &count, &count, &[0x40]].concat());
    // Arrow: a footer of two gigabytes.
    place.write("rows.arrow", &[&b"ARROW1\0\0"[..], &[0; 64], &[0xff, 0xff, 0xff, 0x7f], b"ARROW1"].concat());
    // Parquet: the same, and one whose footer declares 10^9 rows.
    place.write("long.parquet", &[&b"PAR1"[..], &[0; 64], &[0xff, 0xff, 0xff, 0x7f], b"PAR1"].concat());
    let inventory = place.scan();
    for name in ["rows.npy", "rows.mat", "rows.arrow", "long.parquet"] {
        assert!(inventory.gaps.iter().any(|gap| gap.locator.to_string() == name), "{name}:{}", gaps(&inventory));
    }
    assert!(told(&inventory, "rows.pgen"));
    assert_bounded_memory(&place);
}

#[test]
fn real_tables_whose_counts_lie_cost_nothing() {
    // Every four bytes of sound files in turn say that there are 10^9, little and big end first.
    let sound = [
        ("corpus/datasets/arrow/screen.feather", "f.feather"),
        ("corpus/datasets/arrow/stream.arrows", "s.arrows"),
        ("dataset/mat/plain/input.mat", "m.mat"),
    ];
    let place = Place::new();
    for (path, name) in sound {
        let honest = fs::read(format!("fixtures/{path}")).unwrap();
        let step = (honest.len() / 24).next_multiple_of(4).max(4);
        for at in (0..honest.len().saturating_sub(4)).step_by(step) {
            let mut bytes = honest.clone();
            bytes[at..at + 4].copy_from_slice(&1_000_000_000u32.to_le_bytes());
            place.write(&format!("{at}-{name}"), &bytes);
        }
    }
    let mut place = place;
    place.within = std::time::Duration::from_secs(60);
    place.scan();
    assert_bounded_memory(&place);
}

#[test]
fn records_without_a_floor_end() {
    let place = Place::new();
    for (name, open) in [("objects.json", "{\"a\":"), ("lists.json", "["), ("rows.json", "{\"data\":[")] {
        place.write(name, open.repeat(200_000).as_bytes());
    }
    let sound = "{\"id\": 1, \"x\": 2}\n".repeat(20);
    place.write("deep.jsonl", format!("{sound}{{\"id\": 1, \"x\": {}\n", "[".repeat(200_000)).as_bytes());
    let records = "{\"id\": 1, \"x\": 2},".repeat(20_000);
    place.write("deep-row.json", format!("{{\"data\": [{records}{}", "{\"a\":".repeat(200_000)).as_bytes());
    let inventory = place.scan();
    for name in ["deep.jsonl", "deep-row.json"] {
        assert_gap(&inventory, name, Stage::Probe, Cause::Malformed, "");
    }
    assert_bounded_memory(&place);
}

/// A document of a billion times ten letters, if its entities were expanded.
fn laughs(root: &str) -> String {
    let mut text = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY l0 \"lollollols\">".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        text += &format!("<!ENTITY l{level} \"{inner}\">");
    }
    text + &format!("]><{root}>&l9;</{root}>")
}

#[test]
fn a_billion_laughs_are_a_gap() {
    let place = Place::new();
    let types = b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let book = laughs("workbook");
    place.write("laughs.xlsx", &zip::deflated(&[("[Content_Types].xml", types), ("xl/workbook.xml", book.as_bytes())]));
    let content = laughs("office:document-content");
    let mimetype = b"application/vnd.oasis.opendocument.spreadsheet";
    place.write("laughs.ods", &zip::stored(&[("mimetype", mimetype), ("content.xml", content.as_bytes())]));
    let definition = laughs("ODM xmlns:def='http://www.cdisc.org/ns/def/v2.1'");
    place.write("define.xml", definition.as_bytes());
    let inventory = place.scan();
    for (name, stage) in [("laughs.xlsx", Stage::Identify), ("laughs.ods", Stage::Probe), ("define.xml", Stage::Probe)]
    {
        assert_gap(&inventory, name, stage, Cause::Malformed, "document type");
    }
    assert_bounded_memory(&place);
}

#[test]
fn a_workbook_that_inflates_without_end_is_a_gap() {
    let mut place = Place::new();
    place.within = std::time::Duration::from_secs(60);
    let types = b"<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let book = b"<workbook xmlns:r=\"x\"><sheets><sheet name=\"s\" r:id=\"rId1\"/></sheets></workbook>";
    let relations = b"<Relationships><Relationship Id=\"rId1\" Target=\"worksheets/sheet1.xml\"/></Relationships>";
    let packed: Vec<Vec<u8>> = [&types[..], book, relations].into_iter().map(codec::deflate).collect();
    let bomb = codec::deflated_zeros(1 << 10);
    let entries = [
        Entry::deflated("[Content_Types].xml", &packed[0], types.len() as u64),
        Entry::deflated("xl/workbook.xml", &packed[1], book.len() as u64),
        Entry::deflated("xl/_rels/workbook.xml.rels", &packed[2], relations.len() as u64),
        Entry::deflated("xl/worksheets/sheet1.xml", &bomb, 1 << 30),
    ];
    place.write("bomb.xlsx", &zip::archive(&entries));
    let inventory = place.scan();
    assert!(inventory.gaps.iter().any(|gap| gap.locator.to_string().starts_with("bomb.xlsx")), "{}", gaps(&inventory));
    assert_bounded_memory(&place);
}

#[test]
fn a_link_into_an_annex_that_is_elsewhere_is_a_pointer() {
    let place = Place::new();
    let key = format!("SHA256E-s12345--{}.nii.gz", "cd".repeat(32));
    symlink(format!(".git/annex/objects/xx/yy/{key}/{key}"), place.path("scan.nii.gz")).unwrap();
    let inventory = place.scan();
    let annexed = asset(&inventory, "scan.nii.gz").unwrap();
    assert_eq!((annexed.presence, annexed.fact.dataset().unwrap().size), (Presence::Pointer, Some(12_345)));
}
