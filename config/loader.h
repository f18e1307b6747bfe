// Reads definitions: YAML or JSON text to a checked, compiled Definition, or every fault of it in
// one go. Pure functions but for load_definition_file(); callable from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/definition.h"
#include "config/resources.h"

namespace stepwell::config {

struct Fault {
  enum class Severity { error, warning };
  Severity severity = Severity::error;
  std::string file;
  Position position;
  std::string what;
  std::string reference;  // JSON pointer of the place, e.g. /do/0/getPet/with/method; may be empty
  std::string hint;  // goes on behind `what`: ", did you mean `x`?", "; write …"; may be empty

  // "FILE:LINE:COLUMN: error: WHAT HINT (at REFERENCE)"
  std::string text() const;
  // The hint without what joins it to `what`.
  std::string_view advice() const;
};

struct Loaded {
  std::shared_ptr<const Definition> definition;  // null where there is any error
  std::vector<Fault> faults;                     // in the order of their places
};

struct LoadOptions {
  Resources* resources = nullptr;  // null: nothing is fetched, and what is needed is a fault …
  bool offline = false;         // … or where this is set a warning: such a definition cannot run
  std::string default_catalog;  // URI of the catalog `default`; empty: there is none
  bool lean = false;            // for running alone: see Definition::document
};

// `file` is the name that faults are reported under. Limits: 1 MiB, depth 64, 100,000 nodes
// (aliases counted as what they expand to).
Loaded load_definition(std::string_view text, const std::string& file,
                       const LoadOptions& options = {});
// Once more, as it was; nothing is fetched.
Loaded load_definition(const Sources& sources);
// The same from what to_value() made of the sources. Errors: those of read_sources();
// configuration/`definitions-invalid`, where this version reads it in another way.
Result<std::shared_ptr<const Definition>> load_recorded(const Value& sources);
// Reads the file first; a file that cannot be read is a fault at 0:0.
Loaded load_definition_file(const std::string& path, const LoadOptions& options = {});

}  // namespace stepwell::config
