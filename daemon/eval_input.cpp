#include "daemon/eval_input.h"

#include <utility>

namespace stepwell::daemon {

namespace {
constexpr std::size_t kChunk = 64UL * 1024;
}

EvalInput::EvalInput(const EvalInputOptions& options, JsonReader::Source source)
    : options_(options),
      source_(std::move(source)),
      reader_([this](char* into, std::size_t most) { return source_(into, most); },
              JsonLimits{options.max_depth}) {}

Result<std::optional<Value>> EvalInput::next() {
  if (done_) return std::optional<Value>();
  if (options_.null) {
    done_ = true;
    return std::optional<Value>(Value());
  }
  if (options_.slurp) {
    done_ = true;
    return slurp();
  }
  if (options_.raw) return next_raw();
  return reader_.next();
}

std::string EvalInput::place() const {
  if (options_.null) return "<unknown>";
  return "<stdin>:" + std::to_string(options_.raw ? line_ : reader_.line());
}

// A line without its end, or what is left at the end of the text.
std::optional<std::string> EvalInput::read_line() {
  std::size_t searched = at_;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      return line;
    }
    buffer_.erase(0, std::exchange(at_, 0));
    searched = buffer_.size();
    buffer_.resize(searched + kChunk);
    const std::size_t count = source_(buffer_.data() + searched, kChunk);
    buffer_.resize(searched + count);
    if (count > 0) continue;
    done_ = true;
    if (buffer_.empty()) return std::nullopt;
    return std::exchange(buffer_, {});
  }
}

std::optional<Value> EvalInput::next_raw() {
  const std::optional<std::string> line = read_line();
  if (!line) return std::nullopt;
  ++line_;
  return Value(valid_utf8(*line));
}

Result<std::optional<Value>> EvalInput::slurp() {
  if (!options_.raw) {
    Value all = Value::array();
    while (true) {
      Result<std::optional<Value>> value = reader_.next();
      if (!value) return value;
      if (!*value) return std::optional<Value>(std::move(all));
      all.push_back(std::move(**value));
    }
  }
  std::string text;
  std::size_t size = 0;
  do {
    size = text.size();
    text.resize(size + kChunk);
    text.resize(size + source_(text.data() + size, kChunk));
  } while (text.size() > size);
  for (const char c : text) line_ += c == '\n' ? 1 : 0;
  return std::optional<Value>(Value(valid_utf8(text)));
}

}  // namespace stepwell::daemon
