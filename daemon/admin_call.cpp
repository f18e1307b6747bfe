#include "daemon/admin_call.h"

#include <istream>
#include <iterator>
#include <memory>
#include <ostream>

#include "base/encoding.h"
#include "base/json.h"
#include "daemon/bulk.h"
#include "daemon/text_source.h"

namespace stepwell::daemon {

namespace {

std::string cursor_text(const Value& next) {
  return next.is_string() ? std::string(next.as_string()) : to_json(next);
}

std::string with_cursor(const std::string& target, const Value& next) {
  return target + (target.find('?') == std::string::npos ? "?" : "&") +
         "cursor=" + percent_encode(cursor_text(next));
}

Result<Value> call_all_pages(Backend& backend, const AdminCall& call) {
  Result<Value> answer = backend.call(call.method, call.target, call.body);
  if (!answer || !call.every_page) return answer;
  Value items = answer->get("items");
  Value next = answer->get("next");
  while (!next.is_null()) {
    const Result<Value> page = backend.call(call.method, with_cursor(call.target, next), call.body);
    if (!page) return fail(page.error());
    for (const Value& item : page->get("items").elements()) items.push_back(item);
    if (page->get("next") == next) break;  // no way on
    next = page->get("next");
  }
  answer->erase("next");
  answer->set("items", std::move(items));
  return answer;
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(CommandContext& context,
                                              const CommonOptions& options) {
  if (!options.config.empty()) context.config_file = options.config;
  return open_backend(context, options.connection);
}

Result<Value> get_every_page(Backend& backend, const std::string& target) {
  AdminCall call = get(target);
  call.every_page = true;
  return call_all_pages(backend, call);
}

void perform(CommandContext& context, const CommonOptions& options, const Result<AdminCall>& call) {
  const OutputFormat format = options.format();
  if (!call) return report_problem(context, format, call.error());
  const Result<std::unique_ptr<Backend>> backend = open_backend(context, options);
  if (!backend) return report_problem(context, format, backend.error());
  (*backend)->use_once(call->once);
  if (call->bulk) return perform_in_bulk(context, format, **backend, *call);
  const Result<Value> answer = call_all_pages(**backend, *call);
  if (!answer) return report_problem(context, format, answer.error());
  print_answer(context, format, *answer, call->columns);
  if (const Value* next = answer->find("next"); next != nullptr && format == OutputFormat::table)
    context.err << "there may be more: --cursor " << printable(cursor_text(*next)) << '\n';
  if (call->judge != nullptr && !call->judge(*answer)) context.exit_code = kFailed;
}

Problem usage_problem(std::string detail) {
  return make_problem(ErrorKind::validation, "usage", std::move(detail));
}

std::string path_to(const std::string& resource, const std::string& subject,
                    const std::string& verb) {
  return resource + "/" + percent_encode(subject) + verb;
}

void set_if_given(Value& body, std::string_view name, const std::string& text) {
  if (!text.empty()) body.set(name, text);
}

Value text_array(const std::vector<std::string>& texts) {
  Value array = Value::array();
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

Result<std::string> read_source(CommandContext& context, const std::string& source) {
  if (source == "-")
    return std::string{std::istreambuf_iterator<char>(context.in),
                       std::istreambuf_iterator<char>()};
  return read_file(source);
}

Result<Value> read_json_option(CommandContext& context, const std::string& option,
                               const std::string& text) {
  const bool inline_text = text != "-" && !text.starts_with('@');
  Result<std::string> json = inline_text ? Result<std::string>(text)
                                         : read_source(context, text == "-" ? "-" : text.substr(1));
  if (!json) return fail(std::move(json).error());
  Result<Value> value = parse_json(*json);
  if (!value) return fail(usage_problem(option + ": " + value.error().detail));
  return value;
}

Query& Query::add(std::string_view name, const std::string& text) {
  if (text.empty()) return *this;
  text_ += text_.empty() ? "?" : "&";
  text_.append(name).append("=").append(percent_encode(text));
  return *this;
}

Query& Query::add(std::string_view name, const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
  return add(name, all);
}

AdminCall get(std::string target, std::vector<std::string> columns) {
  return {"GET", std::move(target), {}, std::move(columns)};
}
AdminCall post(std::string target, Value body) {
  return {"POST", std::move(target), std::move(body), {}};
}
AdminCall patch(std::string target, Value body) {
  return {"PATCH", std::move(target), std::move(body), {}};
}
AdminCall remove(std::string target) { return {"DELETE", std::move(target), {}, {}}; }

}  // namespace stepwell::daemon
