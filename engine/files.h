// Files that clients hand in and steps send on, declared by the engine and implemented by store/.
// A file is known by an id that is given to it; what a client calls it never names anything on the
// disk. Equal contents may be kept once.
// All members may be called from any thread that may block.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"
#include "base/value.h"
#include "engine/state.h"

namespace stepwell::engine {

struct FileInfo {
  std::string id;    // "f_" and 26 letters of Crockford's base 32, in lower case; not guessable
  std::string name;  // for people and for Content-Disposition; no path, no control characters
  std::string media_type = "application/octet-stream";
  std::uint64_t size = 0;  // bytes
  std::string sha256;      // of the content, 64 hexadecimal digits
  WallTime created{};
  std::string user;                    // who handed it in; may be empty
  std::optional<InstanceId> instance;  // with which it goes; none: with its age
  // To create() alone, and not kept: the same text for the same file of a request that is sent
  // again, which then gives the file that the first one made. May be empty.
  std::string once = {};
};

// The file as it stands in an instance's data: an object that a later step recognizes by `file`.
//   {"file": ID, "name": …, "mediaType": …, "size": …, "sha256": …}
Value file_value(const FileInfo& info);
// The id in such an object; nothing for any other value.
std::optional<std::string> file_id(const Value& value);

// The ids in all such objects anywhere in the value, each once, in order.
std::vector<std::string> file_ids(const Value& value);

// Files that were taken for an instance, or a step of it, of which it is not sure yet that it comes
// to be.
struct FileClaim {
  InstanceId instance;
  std::vector<std::string> ids;
};

// Takes a file's bytes in. Destroyed before finish(): nothing of it stays.
class FileWriter {
 public:
  virtual ~FileWriter() = default;
  // Errors: runtime/`disk-full`, `store-failed`; validation/413 `body-too-large`.
  virtual Status write(std::string_view bytes) = 0;
  // Durable, and there from now on. Errors: those of write(); validation/422
  // `idempotency-key-reused` where `once` stands for another file.
  virtual Result<FileInfo> finish() = 0;
};

// Gives a file's bytes. One reader, one thread at a time.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // At most so many bytes; empty at the end. Errors: runtime/`store-failed`.
  virtual Result<std::string> read(std::size_t most) = 0;
  // Goes to that byte, counted from 0.
  virtual Status seek(std::uint64_t offset) = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  // `info`: name, media_type, user, once and, where it is known, instance. Name and type may be
  // anything. Errors: those of write(); validation/415 `file-type-refused`.
  virtual Result<std::unique_ptr<FileWriter>> create(FileInfo info, Bytes most) = 0;
  virtual Result<std::optional<FileInfo>> find(const std::string& id) = 0;
  // Errors: validation/404 `file-unknown`.
  virtual Result<std::unique_ptr<FileReader>> open(const std::string& id) = 0;
  // From now on, durably, they go with that instance, whose admission is to follow. All or none.
  // Then keep() or release(), once; where a process ends before, the next one settles it by whether
  // there is such an instance. Errors: validation/404 `file-unknown`; 409 `file-in-use` for one
  // that goes with another instance.
  virtual Result<FileClaim> claim(const std::vector<std::string>& ids, InstanceId instance) = 0;
  // The instance is there. Does not block.
  virtual void keep(const FileClaim& claim) = 0;
  // It did not come about: they are free again, but for those that another claim for the same
  // instance keeps.
  virtual Status release(const FileClaim& claim) = 0;
  // By id, above `after`, at most so many; those of one instance, or all.
  virtual Result<std::vector<FileInfo>> list(std::optional<InstanceId> instance,
                                             const std::string& after, std::size_t most) = 0;
  // `seen`: as its caller has found it. Errors: validation/409 `file-in-use` while it is claimed,
  // and where it goes with another instance by now.
  virtual Status remove(const FileInfo& seen) = 0;
  // Those that go with these instances.
  virtual Status remove_of(const std::vector<InstanceId>& instances) = 0;
};

}  // namespace stepwell::engine
