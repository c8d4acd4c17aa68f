use super::*;
use crate::append::Appended;
use crate::testing::{Machine, NOW, bodies, query};
use compat::offset::QueueId;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn old_files_go_at_their_hour_and_queues_and_index_follow() {
    let mut machine = Machine::new(1);
    machine.settings.delete_when = (0..24).map(|hour| hour.to_string()).collect::<Vec<_>>().join(";");
    machine.settings.file_reserved_hours = 2;
    let store = machine.start();
    let mut positions = Vec::new();
    for n in 0..200 {
        machine.clock.set(NOW.plus(HOUR * n / 50));
        let Appended::Stored { position, .. } = store.send("T", 0, &[("KEYS", &format!("k{n}"))], &n.to_string())
        else {
            panic!("refused")
        };
        positions.push(position);
    }
    store.store.make_durable_for_test();
    let before = store.log_ends();
    store.store.clean_for_test();
    let (min, max) = store.log_ends();
    assert!(min > before.0 && max == before.1);
    let first = positions.iter().position(|&position| position >= min).unwrap();
    let queue = store.queue("T", QueueId::ZERO);
    assert_eq!((queue.min().to_java(), queue.max().to_java()), (first as i64, 200));
    assert_eq!(bodies(&store, "T", 0), (first..200).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(query(&store, "T", "k0"), [""; 0]);
    assert_eq!(query(&store, "T", "k199"), ["199"]);
    let queue_files = machine.files_in("consumequeue");
    assert_eq!(
        queue_files.keys().next().unwrap().file_name().unwrap().to_str().unwrap(),
        format!("{:020}", first / 10 * 200)
    );
    store.shutdown();
    let store = machine.start();
    assert_eq!(store.queue("T", QueueId::ZERO).min().to_java(), first as i64);
    assert_eq!(bodies(&store, "T", 0), (first..200).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_hours_the_age_and_the_disk_decide() {
    let settings =
        StoreSettings { delete_when: "04;16".to_owned(), file_reserved_hours: 72, ..StoreSettings::default() };
    let cleaner = Cleaner::new(&settings, Zone::utc());
    let written = Millis(0);
    let may_go = |hours: u32, in_hour, pressure| cleaner.may_go(written, written.plus(HOUR * hours), in_hour, pressure);
    assert_eq!(cleaner.hours, [4, 16]);
    assert!(!may_go(71, true, Pressure::None) && may_go(72, true, Pressure::None));
    assert!(!may_go(72, false, Pressure::None) && may_go(72, false, Pressure::Expired));
    assert!(
        !may_go(1, false, Pressure::Expired)
            && may_go(1, false, Pressure::Forcibly)
            && may_go(1, false, Pressure::Full)
    );
    let pressures = [0.5, 0.76, 0.86, 0.91].map(|used| cleaner.of(Some(used)));
    assert_eq!(pressures, [Pressure::None, Pressure::Expired, Pressure::Forcibly, Pressure::Full]);
    assert_eq!(cleaner.of(None), Pressure::None);
}

#[test]
fn a_full_disk_refuses_messages_until_files_may_go() {
    let mut machine = Machine::new(1);
    machine.settings.clean_file_forcibly = false;
    let store = machine.start();
    (0..200).for_each(|n| _ = store.send("T", 0, &[], &n.to_string()));
    store.store.make_durable_for_test();
    machine.disk.leave_free(0);
    store.store.clean_for_test();
    assert_eq!(store.log_ends().0.to_java(), 0);
    assert_eq!(store.refusal(), Some(crate::AppendError::NotWriteable));
    machine.disk.leave_free(1 << 40);
    store.store.clean_for_test();
    assert_eq!(store.refusal(), None);
    store.shutdown();
    machine.settings.clean_file_forcibly = true;
    let store = machine.start();
    machine.disk.leave_free(0);
    store.store.clean_for_test();
    assert!(store.log_ends().0.to_java() > 0);
    assert_eq!(store.refusal(), None);
}
