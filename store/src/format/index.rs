//! Index file: a hash table from keys to places in the commit log, changed in place.
//!
//! | bytes            | field             | type   | meaning                                                     |
//! |------------------|-------------------|--------|-------------------------------------------------------------|
//! | 0..8             | `begin_timestamp` | i64 BE | store time of the first entry, ms                           |
//! | 8..16            | `end_timestamp`   | i64 BE | store time of the last entry, ms                            |
//! | 16..24           | `begin_position`  | i64 BE | place of the first entry's record in the log, bytes         |
//! | 24..32           | `end_position`    | i64 BE | place of the last entry's record                            |
//! | 32..36           | `put_count`       | i32 BE | entries put (Java's `hashSlotCount`)                        |
//! | 36..40           | `count`           | i32 BE | number of the next entry; 0 reads as 1                      |
//! | 40..40+4S        | slots             | i32 BE | number of the newest entry of the slot's chain, 0 for none  |
//! | 40+4S..40+4S+20N | entries           |        | entry 0 is never used                                       |
//!
//! An entry: key hash (i32 BE), place of the record (i64 BE), seconds since `begin_timestamp` (i32 BE), number of the
//! next older entry of the slot (i32 BE, 0 for none).
//!
//! Every field lies on a multiple of four bytes, and is read and written in words of four: see [`Words`].
//! Source: `store/index/IndexHeader`, `store/index/IndexFile`.

/// The file as words in the machine's hands: numbers as they are meant, whatever the byte order of the machine.
pub(crate) trait Words {
    /// The word that starts at a byte.
    fn get(&self, at: usize) -> u32;
    /// Changes the word that starts at a byte.
    fn put(&self, at: usize, value: u32);
}

const SLOTS_AT: usize = 40;
const ENTRY_LEN: usize = 20;

/// How many slots and entries a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Slots: `maxHashSlotNum`.
    pub slots: u32,
    /// Entries, the unused first one counted: `maxIndexNum`.
    pub entries: u32,
}

/// The head of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub begin_timestamp: i64,
    pub end_timestamp: i64,
    pub begin_position: i64,
    pub end_position: i64,
    pub put_count: u32,
    /// Number of the next entry: at least 1.
    pub count: u32,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub key_hash: i32,
    pub position: i64,
    pub seconds: i32,
    /// Next older entry of the slot, 0 for none.
    pub previous: u32,
}

impl Shape {
    /// Length of a file, bytes.
    pub fn file_len(self) -> u64 {
        self.entry_at(self.entries) as u64
    }

    /// Where an entry stands.
    pub fn entry_at(self, number: u32) -> usize {
        SLOTS_AT + 4 * self.slots as usize + ENTRY_LEN * number as usize
    }

    /// The slot of a hash.
    pub fn slot_of(self, key_hash: i32) -> u32 {
        key_hash.unsigned_abs() % self.slots
    }

    pub fn slot(self, words: &impl Words, slot: u32) -> u32 {
        words.get(SLOTS_AT + 4 * slot as usize)
    }

    pub fn set_slot(self, words: &impl Words, slot: u32, number: u32) {
        words.put(SLOTS_AT + 4 * slot as usize, number);
    }

    pub fn entry(self, words: &impl Words, number: u32) -> IndexEntry {
        let at = self.entry_at(number);
        IndexEntry {
            key_hash: words.get(at) as i32,
            position: get_long(words, at + 4),
            seconds: words.get(at + 12) as i32,
            previous: words.get(at + 16),
        }
    }

    pub fn set_entry(self, words: &impl Words, number: u32, entry: &IndexEntry) {
        let at = self.entry_at(number);
        words.put(at, entry.key_hash as u32);
        put_long(words, at + 4, entry.position);
        words.put(at + 12, entry.seconds as u32);
        words.put(at + 16, entry.previous);
    }
}

impl Header {
    pub fn read(words: &impl Words) -> Self {
        Self {
            begin_timestamp: get_long(words, 0),
            end_timestamp: get_long(words, 8),
            begin_position: get_long(words, 16),
            end_position: get_long(words, 24),
            put_count: words.get(32),
            count: (words.get(36) as i32).max(1) as u32,
        }
    }

    pub fn write(&self, words: &impl Words) {
        put_long(words, 0, self.begin_timestamp);
        put_long(words, 8, self.end_timestamp);
        put_long(words, 16, self.begin_position);
        put_long(words, 24, self.end_position);
        words.put(32, self.put_count);
        words.put(36, self.count);
    }
}

fn get_long(words: &impl Words, at: usize) -> i64 {
    (u64::from(words.get(at)) << 32 | u64::from(words.get(at + 4))) as i64
}

fn put_long(words: &impl Words, at: usize, value: i64) {
    words.put(at, (value as u64 >> 32) as u32);
    words.put(at + 4, value as u32);
}
