use super::*;

fn disk(seed: u64) -> SimDisk {
    SimDisk::new(Clock::by_hand(Millis(1000)), seed)
}

/// A file whose name and content `old` are durable.
fn with_file(disk: &SimDisk, path: &str, old: &[u8]) -> Arc<dyn File> {
    let path = Path::new(path);
    disk.create_dir_all(path.parent().unwrap()).unwrap();
    let file = disk.create(path).unwrap();
    file.write_all_at(old, 0).unwrap();
    file.sync_data().unwrap();
    path.ancestors().skip(1).for_each(|dir| disk.sync_dir(dir).unwrap());
    file
}

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.contents().remove(Path::new(path))
}

#[test]
fn synced_content_under_a_synced_name_survives_every_power_cut() {
    for seed in 0..50 {
        let disk = disk(seed);
        with_file(&disk, "/a/b/file", b"content");
        assert_eq!(content(&disk.crash(), "/a/b/file").unwrap(), b"content");
        assert!(disk.list(Path::new("/")).is_err());
    }
}

#[test]
fn a_power_cut_keeps_or_loses_an_unsynced_name() {
    let disk = disk(1);
    disk.create(Path::new("/file")).unwrap().sync_data().unwrap();
    let kept = (0..50).filter(|_| content(&disk.if_power_failed(), "/file").is_some()).count();
    assert!((1..50).contains(&kept), "{kept}");
}

#[test]
fn unsynced_sectors_are_lost_kept_and_reordered() {
    let disk = disk(2);
    let file = with_file(&disk, "/file", &[b'o'; 2 * SECTOR_LEN]);
    file.write_all_at(&[b'1'; SECTOR_LEN], 0).unwrap();
    file.write_all_at(&[b'2'; SECTOR_LEN], SECTOR_LEN as u64).unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let content = content(&disk.if_power_failed(), "/file").unwrap();
        assert!(content.chunks(SECTOR_LEN).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        seen.insert((content[0], content[SECTOR_LEN]));
    }
    assert_eq!(seen, BTreeSet::from([(b'o', b'o'), (b'1', b'o'), (b'o', b'2'), (b'1', b'2')]));
}

#[test]
fn a_lost_append_may_leave_zeros_or_no_length() {
    let disk = disk(3);
    let file = with_file(&disk, "/file", b"");
    file.write_all_at(b"x", 0).unwrap();
    let seen: BTreeSet<Vec<u8>> = (0..100).filter_map(|_| content(&disk.if_power_failed(), "/file")).collect();
    assert_eq!(seen, BTreeSet::from([vec![], vec![0], vec![b'x']]));
}

#[test]
fn names_of_one_directory_reach_the_disk_in_order() {
    let disk = disk(4);
    with_file(&disk, "/d/x", b"1");
    disk.rename(Path::new("/d/x"), Path::new("/d/y")).unwrap();
    disk.rename(Path::new("/d/y"), Path::new("/d/z")).unwrap();
    for _ in 0..100 {
        let names: Vec<PathBuf> = disk.if_power_failed().contents().into_keys().collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }
    disk.sync_dir(Path::new("/d")).unwrap();
    assert!(content(&disk.if_power_failed(), "/d/z").is_some());
}

#[test]
fn syncing_one_directory_does_nothing_for_another() {
    let disk = disk(5);
    disk.create_dir_all(Path::new("/a")).unwrap();
    disk.create_dir_all(Path::new("/b")).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk.create(Path::new("/a/1")).unwrap();
    disk.create(Path::new("/b/2")).unwrap();
    disk.sync_dir(Path::new("/b")).unwrap();
    let after: Vec<bool> = (0..50).map(|_| content(&disk.if_power_failed(), "/a/1").is_some()).collect();
    assert!(after.contains(&true) && after.contains(&false));
    assert!((0..50).all(|_| content(&disk.if_power_failed(), "/b/2").is_some()));
}

#[test]
fn a_killed_process_leaves_what_it_wrote_and_its_locks() {
    let disk = disk(6);
    let file = disk.create(Path::new("/file")).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    let lock = disk.lock(Path::new("/lock")).unwrap().unwrap();
    lock.mark(b"lock").unwrap();
    let other = disk.another_process();
    assert!(other.lock(Path::new("/lock")).unwrap().is_none());

    let next = disk.kill();
    assert!(file.write_all_at(b"y", 0).is_err());
    assert!(disk.list(Path::new("/")).is_err());
    assert_eq!(content(&next, "/file").unwrap(), b"x");
    assert_eq!(content(&next, "/lock").unwrap(), b"lock");
    let taken = next.lock(Path::new("/lock")).unwrap();
    drop(lock);
    assert!(taken.is_some() && other.lock(Path::new("/lock")).unwrap().is_none());
    drop(taken);
    assert!(other.lock(Path::new("/lock")).unwrap().is_some());
}

#[test]
fn a_full_disk_cuts_a_write_short() {
    let disk = disk(7);
    let file = disk.create(Path::new("/file")).unwrap();
    file.allocate(PAGE_LEN).unwrap();
    disk.leave_free(PAGE_LEN);
    let error = file.write_all_at(&[1; 3 * PAGE_LEN as usize], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 2 * PAGE_LEN);
    assert_eq!(disk.space(Path::new("/")).unwrap().available, 0);
    assert_eq!(file.allocate(3 * PAGE_LEN).unwrap_err().kind(), ErrorKind::StorageFull);
    file.write_all_at(&[2; PAGE_LEN as usize], 0).unwrap();
    disk.remove_file(Path::new("/file")).unwrap();
    assert_eq!(disk.space(Path::new("/")).unwrap().available, 2 * PAGE_LEN);
}

#[test]
fn the_nth_write_fails_after_some_of_its_bytes() {
    let disk = disk(8);
    let file = disk.create(Path::new("/file")).unwrap();
    disk.inject(Fault::Write { nth: 2, written: 1 });
    file.write_all_at(b"ab", 0).unwrap();
    assert!(file.write_all_at(b"cd", 2).is_err());
    assert_eq!(content(&disk, "/file").unwrap(), b"abc");
    file.write_all_at(b"cd", 2).unwrap();
}

#[test]
fn what_a_failed_sync_lost_stays_lost() {
    let disk = disk(9);
    let file = with_file(&disk, "/file", b"old");
    disk.inject(Fault::Sync { nth: 1 });
    file.write_all_at(b"new", 0).unwrap();
    assert!(file.sync_data().is_err());
    file.sync_data().unwrap();
    assert_eq!(content(&disk, "/file").unwrap(), b"new");
    assert!((0..50).all(|_| content(&disk.if_power_failed(), "/file").unwrap() == b"old"));
    file.write_all_at(b"new", 0).unwrap();
    file.sync_data().unwrap();
    assert!((0..50).all(|_| content(&disk.if_power_failed(), "/file").unwrap() == b"new"));
}

#[test]
fn nothing_works_after_a_power_cut() {
    let disk = disk(10);
    let file = with_file(&disk, "/file", b"old");
    disk.inject(Fault::PowerCut { nth: 1 });
    assert!(file.write_all_at(b"new", 0).is_err());
    assert!(file.len().is_err() && disk.read(Path::new("/file"), 9).is_err());
    let seen: BTreeSet<Vec<u8>> = (0..50).filter_map(|_| content(&disk.if_power_failed(), "/file")).collect();
    assert_eq!(seen, BTreeSet::from([b"new".to_vec(), b"old".to_vec()]));
}

#[test]
fn evicted_pages_are_resident_again_once_they_were_read() {
    let disk = disk(11);
    let file = with_file(&disk, "/file", &[7; 2 * PAGE_LEN as usize]);
    let mut byte = [0];
    assert_eq!(file.read_resident_at(&mut byte, 0).unwrap(), Some(1));
    disk.evict();
    assert_eq!(file.read_resident_at(&mut byte, 0).unwrap(), None);
    assert_eq!(file.read_at(&mut byte, 0).unwrap(), 1);
    assert_eq!(file.read_resident_at(&mut byte, 1).unwrap(), Some(1));
    assert_eq!(file.read_resident_at(&mut byte, PAGE_LEN).unwrap(), None);
}

#[test]
fn data_is_found_behind_zeros() {
    let disk = disk(13);
    let file = disk.create(Path::new("/file")).unwrap();
    file.allocate(4 * PAGE_LEN).unwrap();
    assert_eq!(file.next_data(0).unwrap(), None);
    file.write_all_at(b"x", 2 * PAGE_LEN + 5).unwrap();
    assert_eq!(file.next_data(0).unwrap(), Some(2 * PAGE_LEN));
    assert_eq!(file.next_data(2 * PAGE_LEN + 3).unwrap(), Some(2 * PAGE_LEN + 3));
    assert_eq!(file.next_data(2 * PAGE_LEN + 6).unwrap(), None);
    assert_eq!(file.next_data(9 * PAGE_LEN).unwrap(), None);
}

#[test]
fn times_are_those_of_the_clock() {
    let clock = Clock::by_hand(Millis(5));
    let disk = SimDisk::new(clock.clone(), 0);
    let file = disk.create(Path::new("/file")).unwrap();
    clock.set(Millis(9));
    file.write_all_at(b"x", 0).unwrap();
    assert_eq!(disk.list(Path::new("/")).unwrap()[0].modified, Millis(9));
    file.set_modified(Millis(3)).unwrap();
    assert_eq!(file.modified().unwrap(), Millis(3));
}

#[test]
fn a_read_only_disk_can_be_read() {
    let disk = disk(12);
    let file = with_file(&disk, "/file", b"old");
    disk.set_read_only(true);
    assert_eq!(file.write_all_at(b"x", 0).unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem);
    assert!(disk.create(Path::new("/other")).is_err() && disk.remove_file(Path::new("/file")).is_err());
    assert_eq!(disk.read(Path::new("/file"), 3).unwrap(), b"old");
    disk.set_read_only(false);
    file.write_all_at(b"new", 0).unwrap();
}

#[test]
fn one_seed_repeats_a_run() {
    let run = |seed| {
        let disk = disk(seed);
        let file = with_file(&disk, "/file", &[0; 4 * SECTOR_LEN]);
        (1..9u8).for_each(|byte| file.write_all_at(&[byte; 900], u64::from(byte) * 128).unwrap());
        (0..9).map(|_| content(&disk.if_power_failed(), "/file")).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
