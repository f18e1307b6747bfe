// What an administrative subcommand does, apart from how its words are parsed: one call of the API,
// online or offline, and how its answer is shown.
// Used by one thread; perform() blocks.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "daemon/api_client.h"
#include "daemon/command_context.h"
#include "daemon/output.h"
#include "daemon/site.h"

namespace stepwell::daemon {

// What every one of these commands can be told.
struct CommonOptions {
  std::string config;  // the settings file; empty: the context's
  std::string output = "table";
  Connection connection;

  OutputFormat format() const { return format_named(output); }
};

struct AdminCall {
  std::string method;
  std::string target;
  Value body;
  std::vector<std::string> columns;  // of a list
  // Says of the answer whether what was asked for came about; else the exit code is 1.
  bool (*judge)(const Value& answer) = nullptr;
  bool every_page = false;  // of a list: goes on until there is no more
  bool bulk = false;        // see daemon/bulk.h
  std::string verb = "";    // of a bulk operation: what is asked for, e.g. "stop"
  bool dry_run = false;     // of a bulk operation: show what it would be done to
  bool confirmed = false;   // of a bulk operation: ask nobody
  std::string once = "";    // its Idempotency-Key; empty: none
};

// The settings file and the way to the daemon, as the options say.
Result<std::unique_ptr<Backend>> open_backend(CommandContext& context,
                                              const CommonOptions& options);
// All pages of a list as one answer. Errors: those of the call.
Result<Value> get_every_page(Backend& backend, const std::string& target);
// Makes the call, prints the answer or the problem, sets the exit code.
void perform(CommandContext& context, const CommonOptions& options, const Result<AdminCall>& call);

// --- What calls are made of ---

Problem usage_problem(std::string detail);
// RESOURCE/SUBJECT + VERB, the subject escaped.
std::string path_to(const std::string& resource, const std::string& subject,
                    const std::string& verb = "");
void set_if_given(Value& body, std::string_view name, const std::string& text);
Value text_array(const std::vector<std::string>& texts);
// JSON text, @FILE, or - for standard input. Errors: those of the file; `usage` for no JSON.
Result<Value> read_json_option(CommandContext& context, const std::string& option,
                               const std::string& text);
// A file's content; "-": standard input.
Result<std::string> read_source(CommandContext& context, const std::string& source);

// Parameters behind a "?"; empty ones are left out.
class Query {
 public:
  Query& add(std::string_view name, const std::string& text);
  Query& add(std::string_view name, const std::vector<std::string>& texts);
  Query& flag(std::string_view name, bool given) { return given ? add(name, "true") : *this; }
  const std::string& text() const { return text_; }  // with the "?", or empty

 private:
  std::string text_;
};

AdminCall get(std::string target, std::vector<std::string> columns = {});
AdminCall post(std::string target, Value body = {});
AdminCall patch(std::string target, Value body);
AdminCall remove(std::string target);

}  // namespace stepwell::daemon
