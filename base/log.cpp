#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/json.h"

namespace stepwell {

namespace {

constexpr std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    default:
      return "error";
  }
}

spdlog::level::level_enum spd_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    default:
      return spdlog::level::off;
  }
}

// logfmt: bare where the text is one plain word, else a JSON string.
void append_logfmt(std::string& line, std::string_view key, const Value& value) {
  if (!line.empty()) line += ' ';
  line.append(key).append("=");
  if (!value.is_string()) {
    append_json(line, value);
    return;
  }
  const std::string_view text = value.as_string();
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == std::string_view::npos &&
                     std::none_of(text.begin(), text.end(), [](char c) {
                       return static_cast<unsigned char>(c) < 0x21 || c == 0x7f;
                     });
  if (plain)
    line.append(text);
  else
    append_json(line, is_valid_utf8(text) ? value : Value(valid_utf8(text)));
}

class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> function)
      : function_(std::move(function)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    function_({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}
  std::function<void(std::string_view)> function_;
};

}  // namespace

struct Log::Impl {
  Impl(LogFormat line_format, std::shared_ptr<spdlog::sinks::sink> sink)
      : logger("stepwell", std::move(sink)), format(line_format) {
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::trace);
  }
  spdlog::logger logger;
  LogFormat format;
  std::function<std::string(std::string)> redactor;  // constant after wiring
};

Log::Log(LogLevel level, LogFormat format)
    : impl_(std::make_unique<Impl>(format, std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  set_level(level);
}

Log::Log(LogLevel level, LogFormat format, std::function<void(std::string_view)> sink)
    : impl_(std::make_unique<Impl>(format, std::make_shared<FunctionSink>(std::move(sink)))) {
  set_level(level);
}

Log::~Log() = default;

void Log::set_redactor(std::function<std::string(std::string)> redactor) {
  impl_->redactor = std::move(redactor);
}

void Log::set_level(LogLevel level) { impl_->logger.set_level(spd_level(level)); }

bool Log::enabled(LogLevel level) const { return impl_->logger.should_log(spd_level(level)); }

void Log::write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const std::string time = format_time(SystemClock().now());
  std::string line;
  if (impl_->format == LogFormat::json) {
    Value object = Value::object({{"time", time}, {"level", name_of(level)}, {"msg", message}});
    for (const LogField& field : fields) object.set(field.key, field.value);
    line = to_json(object);
  } else {
    append_logfmt(line, "time", time);
    append_logfmt(line, "level", name_of(level));
    append_logfmt(line, "msg", message);
    for (const LogField& field : fields) append_logfmt(line, field.key, field.value);
  }
  if (impl_->redactor) line = impl_->redactor(std::move(line));
  impl_->logger.log(spd_level(level), spdlog::string_view_t(line.data(), line.size()));
}

Log& Log::null() {
  static Log log(LogLevel::off, LogFormat::logfmt, [](std::string_view) {});
  return log;
}

}  // namespace stepwell
