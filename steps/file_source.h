// Bodies that hold files, read from the disk while they are sent.
// Made on any thread; a source is used by one thread at a time. Opening and reading wait for the
// machine's cache of files, into which the kernel is asked to bring ahead what comes next; a disk
// that is slower than the network holds up the reactor's thread for that moment.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/files.h"
#include "http/message.h"

namespace stepwell::steps {

// Text, or a file.
struct BodyPiece {
  std::string text;
  std::string file = {};  // its id; empty: the text
};

// One behind the other; null where they hold no byte. `files`: null where there are none. Errors:
// validation/404 `file-unknown`; runtime/503 `store-failed`.
Result<std::shared_ptr<http::BodySource>> body_source(engine::Files* files,
                                                      std::vector<BodyPiece> pieces);

}  // namespace stepwell::steps
