// Structured logging: one line an event, logfmt or JSON, on stderr or into a test's sink.
// One Log is made by daemon/wiring and passed by reference; all members may be called from any
// thread. Values are escaped; a secret never gets here, since Secret has no conversion to text.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/value.h"

namespace stepwell {

enum class LogLevel { debug, info, warn, error, off };
enum class LogFormat { logfmt, json };

struct LogField {
  std::string_view key;
  Value value;
};

class Log {
 public:
  // Writes to stderr.
  Log(LogLevel level, LogFormat format);
  // Hands each finished line (without newline) to `sink`, which must be thread-safe.
  Log(LogLevel level, LogFormat format, std::function<void(std::string_view)> sink);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // What every line passes before it is written: masks known secrets. Set once, before use.
  void set_redactor(std::function<std::string(std::string)> redactor);
  void set_level(LogLevel level);

  bool enabled(LogLevel level) const;
  void write(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::debug, message, fields);
  }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::info, message, fields);
  }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::warn, message, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    write(LogLevel::error, message, fields);
  }

  // A Log that drops everything.
  static Log& null();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell
