// The table of all settings. Internal to config/settings*.cpp; constant.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.h"

namespace stepwell::config {

struct SettingKey {
  enum class Check : std::uint8_t {
    none,
    path,
    location,
    listen,
    networks,
    connect_to,
    positive,
    levels,
    names,
    url,
    mail_server,
    starttls
  };
  using Target = std::variant<std::string Settings::*, std::vector<std::string> Settings::*,
                              std::uint64_t Settings::*, bool Settings::*, Milliseconds Settings::*,
                              Bytes Settings::*, LogLevel Settings::*, LogFormat Settings::*>;
  std::string_view name;  // dotted
  std::string_view about;
  Target target;
  Check check = Check::none;
};

// Those of one group stand together.
std::span<const SettingKey> setting_keys();

// Puts the value where the key says. Gives what is wrong with it, or nothing.
std::string assign_setting(Settings& settings, const SettingKey& key, const Value& value);
// The value that the text of an override stands for.
Value override_value(const SettingKey& key, std::string_view text);
// The setting as YAML writes it in one line.
std::string setting_text(const Settings& settings, const SettingKey& key);

}  // namespace stepwell::config
