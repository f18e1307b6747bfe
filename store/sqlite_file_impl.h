// A file of an SQLite VFS that passes everything on to another one's, which lies right behind it:
// what a VFS around another one begins with. `Ours` is what it keeps of its own, and begins with an
// sqlite3_file.
#pragma once

#include <sqlite3.h>

#include <cstddef>

namespace stepwell::store {

template <class Ours>
struct SqliteFile {
  using Methods = sqlite3_io_methods;

  // So many bytes more than the other one's.
  static constexpr std::size_t kRoom = (sizeof(Ours) + alignof(std::max_align_t) - 1) /
                                       alignof(std::max_align_t) * alignof(std::max_align_t);

  static Ours& ours(sqlite3_file* file) { return *reinterpret_cast<Ours*>(file); }
  static sqlite3_file* usual(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kRoom);
  }

  // One of the table's functions, of the other one.
  template <auto member, class... Arguments>
  static int pass(sqlite3_file* file, Arguments... arguments) {
    sqlite3_file* to = usual(file);
    return (to->pMethods->*member)(to, arguments...);
  }

  // A table that passes on all that this version of it has.
  static Methods methods(int version) {
    using M = Methods;
    M m{};
    m.iVersion = version;
    m.xClose = pass<&M::xClose>;
    m.xRead = pass<&M::xRead, void*, int, sqlite3_int64>;
    m.xWrite = pass<&M::xWrite, const void*, int, sqlite3_int64>;
    m.xTruncate = pass<&M::xTruncate, sqlite3_int64>;
    m.xSync = pass<&M::xSync, int>;
    m.xFileSize = pass<&M::xFileSize, sqlite3_int64*>;
    m.xLock = pass<&M::xLock, int>;
    m.xUnlock = pass<&M::xUnlock, int>;
    m.xCheckReservedLock = pass<&M::xCheckReservedLock, int*>;
    m.xFileControl = pass<&M::xFileControl, int, void*>;
    m.xSectorSize = pass<&M::xSectorSize>;
    m.xDeviceCharacteristics = pass<&M::xDeviceCharacteristics>;
    if (version >= 2) {
      m.xShmMap = pass<&M::xShmMap, int, int, int, void volatile**>;
      m.xShmLock = pass<&M::xShmLock, int, int, int>;
      m.xShmBarrier = [](sqlite3_file* file) { usual(file)->pMethods->xShmBarrier(usual(file)); };
      m.xShmUnmap = pass<&M::xShmUnmap, int>;
    }
    if (version >= 3) {
      m.xFetch = pass<&M::xFetch, sqlite3_int64, int, void**>;
      m.xUnfetch = pass<&M::xUnfetch, sqlite3_int64, void*>;
    }
    return m;
  }
};

}  // namespace stepwell::store
