// A JSON Schema: what a workflow's or a task's data must be like. Compiled once when the definition
// is read, then immutable and shared by all threads. Which drafts and keywords hold:
// docs/definitions.md, "Schemas".
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "expression/program.h"

namespace stepwell::config {

namespace detail {
struct SchemaProgram;
}

// What is wrong with a schema, or surely not meant.
struct SchemaFault {
  bool warning = false;
  std::string pointer;  // JSON pointer (RFC 6901) into the schema
  std::string what;
  bool at_key = false;  // it is about the member's name
};

class Schema {
 public:
  // Null where `faults` got an error. References lead only to places within `document`.
  static std::shared_ptr<const Schema> compile(const Value& document,
                                               std::vector<SchemaFault>& faults);

  // `subject` names the data in messages: "the workflow's input". Deep data and hostile text end
  // with an error; patterns may take `cpu` together.
  // Errors: validation/`schema-violation`: its detail says where, what was expected and what was
  // found, never the data itself; the extension `violations` has a list of them.
  // validation/`schema-budget`. A validation counts as one evaluation among `cuts`.
  Status validate(const Value& data, std::string_view subject,
                  std::chrono::milliseconds cpu = std::chrono::milliseconds(1000),
                  expression::Cuts* cuts = nullptr) const;

 private:
  explicit Schema(std::shared_ptr<const detail::SchemaProgram> program)
      : program_(std::move(program)) {}
  std::shared_ptr<const detail::SchemaProgram> program_;
};

}  // namespace stepwell::config
