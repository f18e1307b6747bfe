// How SQLite writes its files here: around its own VFS,
// - what it writes into a write-ahead log is gathered until it is synced: SQLite writes two pieces
//   for each page, this one for a commit. For connections with synchronous=FULL only, which sync
//   what they commit before anybody else can see it, on files where a write leaves what is beside
//   it alone (SQLITE_IOCAP_POWERSAFE_OVERWRITE, the default);
// - a database can be synced piece by piece while a log is copied into it (kSyncEvery): nobody
//   else's sync has much of it to wait for then.
#pragma once

namespace stepwell::store {

// For sqlite3_file_control() on a database that was opened by it: sync behind so many bytes, given
// as an std::int64_t; 0: only where SQLite does.
constexpr int kSyncEvery = 5'001;  // SQLite leaves numbers above 100 to applications

// The name of that VFS, around what is the default at the moment; null where there is none. Any
// thread.
const char* sqlite_vfs();

}  // namespace stepwell::store
