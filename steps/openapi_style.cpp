#include "steps/openapi_style.h"

#include <optional>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/json.h"
#include "config/faults.h"
#include "steps/request_body.h"

namespace stepwell::steps {

namespace {

constexpr int kDeepestObject = 16;

bool is_hex_digit(char c) {
  return is_ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

Problem unfit(const OpenApiParameter& parameter, const std::string& what) {
  return make_problem(ErrorKind::validation, "parameter-invalid",
                      "the parameter " + config::quoted(parameter.name) + " " + what);
}

// Writes scalars as one parameter wants them.
class Writer {
 public:
  explicit Writer(const OpenApiParameter& parameter) : parameter_(parameter) {}

  std::string text(std::string_view value) const {
    if (parameter_.in == ParameterPlace::header) return std::string(value);
    return encode_component(value, parameter_.reserved);
  }
  Result<std::string> scalar(const Value& value) const {
    if (parameter_.json) return text(to_json(value));
    const auto plain = scalar_text(value);
    if (plain) return text(*plain);
    return fail(unfit(parameter_, "holds something (" + std::string(kind_name(value)) +
                                      ") where only text, a number or a boolean can be written"));
  }
  // The elements of an array, or an object's members: "a,1,b,2", or "a=1,b=2".
  Result<std::string> joined(const Value& value, std::string_view between, bool pairs) const {
    std::string out;
    bool first = true;
    const auto add = [&](const std::string& part) {
      out += (first ? "" : std::string(between)) + part;
      first = false;
    };
    for (const Value& element : value.elements()) {
      auto written = scalar(element);
      if (!written) return written;
      add(*written);
    }
    for (const Value::Member& member : value.members()) {
      auto written = scalar(member.value);
      if (!written) return written;
      add(text(member.name()) + (pairs ? "=" : std::string(between)) + *written);
    }
    return out;
  }

 private:
  const OpenApiParameter& parameter_;
};

std::string_view delimiter_of(ParameterStyle style) {
  switch (style) {
    case ParameterStyle::space_delimited:
      return "%20";
    case ParameterStyle::pipe_delimited:
      return "%7C";
    case ParameterStyle::tab_delimited:
      return "%09";
    default:
      return ",";
  }
}

// ";color=blue"; without "=" where the value is empty (RFC 6570 §3.2.7).
std::string matrix_part(const std::string& name, const std::string& value) {
  return value.empty() ? ";" + name : ";" + name + "=" + value;
}

Result<std::string> matrix_text(const OpenApiParameter& parameter, const Value& value) {
  const Writer writer(parameter);
  const std::string name = writer.text(parameter.name);
  const bool structured = value.is_array() || value.is_object();
  if (structured && parameter.explode) {
    std::string out;
    for (const Value& element : value.elements()) {
      auto written = writer.scalar(element);
      if (!written) return written;
      out += matrix_part(name, *written);
    }
    for (const Value::Member& member : value.members()) {
      auto written = writer.scalar(member.value);
      if (!written) return written;
      out += matrix_part(writer.text(member.name()), *written);
    }
    return out;
  }
  auto written = structured ? writer.joined(value, ",", false) : writer.scalar(value);
  if (!written) return written;
  return matrix_part(name, *written);
}

Status add_deep(const OpenApiParameter& parameter, const std::string& name, const Value& value,
                int depth, EncodedPairs& pairs) {
  if (depth > kDeepestObject) return fail(unfit(parameter, "is nested too deeply"));
  if (value.is_null()) return {};
  for (const Value& element : value.elements())
    if (auto added = add_deep(parameter, name, element, depth + 1, pairs); !added) return added;
  const Writer writer(parameter);
  for (const Value::Member& member : value.members()) {
    auto added = add_deep(parameter, name + "%5B" + writer.text(member.name()) + "%5D",
                          member.value, depth + 1, pairs);
    if (!added) return added;
  }
  if (value.is_array() || value.is_object()) return {};
  auto written = writer.scalar(value);
  if (!written) return fail(std::move(written.error()));
  pairs.emplace_back(name, std::move(*written));
  return {};
}

Result<EncodedPairs> exploded_pairs(const OpenApiParameter& parameter, const Value& value) {
  const Writer writer(parameter);
  EncodedPairs pairs;
  for (const Value& element : value.elements()) {
    auto written = writer.scalar(element);
    if (!written) return fail(std::move(written.error()));
    pairs.emplace_back(writer.text(parameter.name), std::move(*written));
  }
  for (const Value::Member& member : value.members()) {
    auto written = writer.scalar(member.value);
    if (!written) return fail(std::move(written.error()));
    pairs.emplace_back(writer.text(member.name()), std::move(*written));
  }
  return pairs;
}

}  // namespace

std::string encode_component(std::string_view text, bool reserved) {
  if (!reserved) return percent_encode(text);
  constexpr std::string_view kReserved = ":/?#[]@!$&'()*+,;=";
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && is_hex_digit(text[i + 1]) &&
                         is_hex_digit(text[i + 2]);
    const bool kept = escaped || kReserved.find(text[i]) != std::string_view::npos;
    out += kept ? std::string(1, text[i]) : percent_encode(text.substr(i, 1));
  }
  return out;
}

Result<std::string> simple_text(const OpenApiParameter& parameter, const Value& value) {
  if (parameter.style == ParameterStyle::matrix && !parameter.json)
    return matrix_text(parameter, value);
  const Writer writer(parameter);
  const bool label = parameter.style == ParameterStyle::label;
  const bool structured = (value.is_array() || value.is_object()) && !parameter.json;
  std::string_view between = label && parameter.explode ? "." : delimiter_of(parameter.style);
  const std::string plain = percent_decode(between);
  if (parameter.in == ParameterPlace::header) between = plain;
  auto written =
      structured ? writer.joined(value, between, parameter.explode) : writer.scalar(value);
  if (!written || !label) return written;
  return "." + *written;
}

Result<EncodedPairs> form_pairs(const OpenApiParameter& parameter, const Value& value) {
  const Writer writer(parameter);
  EncodedPairs pairs;
  const bool structured = (value.is_array() || value.is_object()) && !parameter.json;
  if (structured && value.empty()) return pairs;
  const std::string name = writer.text(parameter.name);
  if (parameter.style == ParameterStyle::deep_object && value.is_object() && !parameter.json) {
    if (auto added = add_deep(parameter, name, value, 0, pairs); !added)
      return fail(std::move(added.error()));
    return pairs;
  }
  if (structured && parameter.explode) return exploded_pairs(parameter, value);
  auto written = structured ? writer.joined(value, delimiter_of(parameter.style), false)
                            : writer.scalar(value);
  if (!written) return fail(std::move(written.error()));
  pairs.emplace_back(name, std::move(*written));
  return pairs;
}

}  // namespace stepwell::steps
