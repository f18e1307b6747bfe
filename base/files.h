// System calls on files that have to be made whole before they can be relied on. errno says why one
// failed. Callable from any thread; they block.
#pragma once

#include <string>
#include <string_view>

namespace stepwell {

// All of the bytes, however often it takes.
bool write_all(int descriptor, std::string_view bytes);
// Gives a file another name, over nothing that is there already (EEXIST); a file system that cannot
// promise that is trusted.
bool move_new(const std::string& from, const std::string& to);
// Puts a file's entry in its directory on disk.
bool sync_directory_of(const std::string& path);

}  // namespace stepwell
