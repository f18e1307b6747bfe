#include "steps/request_body.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"
#include "engine/files.h"
#include "http/headers.h"
#include "steps/charset.h"
#include "steps/media_type.h"

namespace stepwell::steps {

namespace {

Problem body_invalid(std::string detail) {
  return make_problem(ErrorKind::configuration, "body-invalid", std::move(detail));
}

std::string quoted_name(std::string_view name) { return "'" + std::string(name) + "'"; }

// RFC 4648 §4; padding may be missing, line breaks and blanks are left out (§3.3 lets a
// specification say so: editors and `base64` break lines).
std::optional<std::string> from_base64_text(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0 || padding > 0) return std::nullopt;
    ++digits;
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
  }
  const bool whole = digits % 4 != 1 && (padding == 0 || (digits + padding) % 4 == 0);
  if (!whole || padding > 2) return std::nullopt;
  return bytes;
}

Result<std::string> base64_bytes(const Value& value, const std::string& whose) {
  if (!value.is_string())
    return fail(body_invalid(whose + ": `base64` must be a string; it is " +
                             std::string(kind_name(value))));
  auto bytes = from_base64_text(value.as_string());
  if (!bytes) return fail(body_invalid(whose + ": `base64` is no valid base64 (RFC 4648)"));
  return std::move(*bytes);
}

// ---- forms ----

Result<std::string> encoded_form(const Value& body) {
  std::string form;
  for (const Value::Member& member : body.members()) {
    if (member.value.is_null()) continue;
    const auto add = [&](const Value& value) -> Status {
      const auto text = scalar_text(value);
      if (!text)
        return fail(body_invalid("field " + quoted_name(member.name()) +
                                 " must be a string, number, boolean or an array of these; it is " +
                                 std::string(kind_name(value))));
      form +=
          (form.empty() ? "" : "&") + percent_encode(member.name()) + "=" + percent_encode(*text);
      return {};
    };
    if (!member.value.is_array()) {
      if (auto done = add(member.value); !done) return fail(std::move(done.error()));
      continue;
    }
    for (const Value& item : member.value.elements())
      if (auto done = add(item); !done) return fail(std::move(done.error()));
  }
  return form;
}

// ---- multipart/form-data (RFC 7578) ----

struct Part {
  std::string head;  // its header lines
  std::string content;
  std::string file = {};  // instead of the content: its id
};

std::string disposition(std::string_view name) {
  return "Content-Disposition: form-data; name=\"" + http::form_name(name) + "\"";
}

// What the file is called, and its type: as the data say, which the author may have changed.
std::string text_member(const Value& object, std::string_view name) {
  const Value& text = object.get(name);
  return text.is_string() ? std::string(text.as_string()) : std::string();
}

// {filename, contentType, content | base64}
Result<Part> file_part(std::string_view name, const Value& file) {
  constexpr std::array<std::string_view, 4> kMembers = {"filename", "contentType", "content",
                                                        "base64"};
  const std::string whose = "part " + quoted_name(name);
  for (const Value::Member& member : file.members())
    if (std::find(kMembers.begin(), kMembers.end(), member.name()) == kMembers.end())
      return fail(body_invalid(whose + " has the member " + quoted_name(member.name()) +
                               ", but a part has only filename, contentType, and content or "
                               "base64; JSON is written as content: {…}"));
  const Value& content = file.get("content");
  const bool plain = file.contains("content");
  if (plain == file.contains("base64"))
    return fail(body_invalid(whose + " needs either `content` or `base64`"));
  const auto text_of = [&](const char* member, std::string& into) -> Status {
    const Value& value = file.get(member);
    if (value.is_null()) return {};
    if (!value.is_string()) return fail(body_invalid(whose + ": `" + member + "` must be text"));
    into = value.as_string();
    return {};
  };
  Part part;
  std::string filename;
  std::string type;
  if (auto read = text_of("filename", filename); !read) return fail(std::move(read.error()));
  if (auto read = text_of("contentType", type); !read) return fail(std::move(read.error()));
  if (!http::is_field_value(type))
    return fail(body_invalid(whose + ": `contentType` cannot hold line breaks"));
  const std::optional<std::string> stored = plain ? engine::file_id(content) : std::nullopt;
  if (stored) {
    part.file = *stored;
    if (filename.empty()) filename = text_member(content, "name");
    if (type.empty()) type = text_member(content, "mediaType");
    if (!http::is_field_value(type)) type.clear();
    if (filename.empty()) filename = "file";
    if (type.empty()) type = "application/octet-stream";
  } else if (plain) {
    const bool structured = content.is_object() || content.is_array();
    part.content = structured ? to_json(content) : scalar_text(content).value_or("");
    if (type.empty() && structured) type = "application/json";
    if (type.empty() && !filename.empty()) type = "text/plain; charset=utf-8";
  } else {
    auto bytes = base64_bytes(file.get("base64"), whose);
    if (!bytes) return fail(std::move(bytes.error()));
    part.content = std::move(*bytes);
    if (type.empty()) type = "application/octet-stream";
  }
  part.head = disposition(name);
  if (!filename.empty()) part.head += "; filename=\"" + http::form_name(filename) + "\"";
  if (!type.empty()) part.head += "\r\nContent-Type: " + type;
  return part;
}

Status add_parts(std::vector<Part>& parts, const Value::Member& member) {
  const auto add = [&](const Value& value) -> Status {
    if (value.is_null()) return {};
    if (value.is_object()) {
      const bool stored = engine::file_id(value).has_value();
      auto part = file_part(member.name(), stored ? Value::object({{"content", value}}) : value);
      if (!part) return fail(std::move(part.error()));
      parts.push_back(std::move(*part));
      return {};
    }
    auto text = scalar_text(value);
    if (!text)
      return fail(body_invalid("part " + quoted_name(member.name()) +
                               " is an array within an array, which a form cannot hold"));
    parts.push_back({disposition(member.name()), std::move(*text)});
    return {};
  };
  if (!member.value.is_array()) return add(member.value);
  for (const Value& item : member.value.elements())
    if (auto done = add(item); !done) return done;
  return {};
}

// RFC 2046 §5.1.1.
bool is_boundary(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 70 && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), allowed);
}

bool occurs_in(const std::vector<Part>& parts, const std::string& boundary) {
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return part.content.find("--" + boundary) != std::string::npos ||
           part.head.find("--" + boundary) != std::string::npos;
  });
}

// What comes one behind the other where a part is a file.
std::vector<BodyPiece> pieces_of(std::vector<Part> parts, const std::string& boundary) {
  std::vector<BodyPiece> pieces(1);
  for (Part& part : parts) {
    pieces.back().text.append("--").append(boundary).append("\r\n").append(part.head);
    pieces.back().text.append("\r\n\r\n").append(part.content);
    if (!part.file.empty()) {
      pieces.push_back({{}, std::move(part.file)});
      pieces.emplace_back();
    }
    pieces.back().text.append("\r\n");
  }
  pieces.back().text.append("--").append(boundary).append("--\r\n");
  return pieces;
}

Result<RequestBody> multipart(const Value& body, const MediaType& type,
                              std::string_view content_type, std::string_view fallback) {
  std::vector<Part> parts;
  for (const Value::Member& member : body.members())
    if (auto added = add_parts(parts, member); !added) return fail(std::move(added.error()));
  RequestBody result;
  result.content_type = content_type;
  std::string boundary = type.boundary;
  if (boundary.empty()) {
    boundary = fallback;
    result.content_type += "; boundary=" + boundary;
  } else if (!is_boundary(boundary)) {
    return fail(body_invalid("the boundary in the header Content-Type is no valid one (RFC 2046)"));
  }
  // Once: to look for one that does not occur would let whoever wrote the parts keep us looking.
  if (occurs_in(parts, boundary)) {
    return fail(body_invalid(type.boundary.empty()
                                 ? "a part holds the boundary between the parts"
                                 : "the boundary in the header Content-Type occurs within a part; "
                                   "leave it out, and one is chosen that nobody can guess"));
  }
  const bool with_files =
      std::any_of(parts.begin(), parts.end(), [](const Part& part) { return !part.file.empty(); });
  if (with_files) {
    // Nobody looks for the boundary in a file; whoever wrote that may know an author's.
    if (!type.boundary.empty())
      return fail(
          body_invalid("leave the boundary in the header Content-Type out where a file is "
                       "sent; one is chosen that nobody can guess"));
    result.pieces = pieces_of(std::move(parts), boundary);
    return result;
  }
  for (const Part& part : parts) {
    result.bytes.append("--").append(boundary).append("\r\n").append(part.head);
    result.bytes.append("\r\n\r\n").append(part.content).append("\r\n");
  }
  result.bytes.append("--").append(boundary).append("--\r\n");
  return result;
}

// ---- the others ----

std::string json_lines(const Value& body) {
  std::string lines;
  for (const Value& item : body.elements()) lines.append(to_json(item)).append("\n");
  return lines;
}

// What an array or object cannot be written as.
bool holds_no_structure(const MediaType& type) {
  const std::string_view name = type.name;
  for (const std::string_view family :
       {"text/", "image/", "audio/", "video/", "font/", "multipart/"})
    if (name.starts_with(family)) return true;
  return name == "application/octet-stream" || name == "application/pdf" ||
         name == "application/zip" || name == "application/gzip" || name == "application/xml" ||
         name.ends_with("+xml");
}

Result<std::string> other_bytes(const Value& body, const MediaType& type) {
  if (body.is_object() && body.size() == 1 && body.contains("base64"))
    return base64_bytes(body.get("base64"), "the body");
  if (const auto text = scalar_text(body)) {
    if (type.charset.empty() || !(type.is_text() || type.is_json())) return *text;
    auto bytes = from_utf8(*text, type.charset);
    if (!bytes) return fail(body_invalid("the body is " + bytes.error().detail));
    return bytes;
  }
  if (type.name == "application/x-ndjson" && body.is_array()) return json_lines(body);
  if (holds_no_structure(type))
    return fail(body_invalid("a body of the type " + type.name +
                             " must be text, or {base64: …} "
                             "for bytes; it is " +
                             std::string(kind_name(body))));
  return to_json(body);
}

}  // namespace

std::optional<std::string> scalar_text(const Value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (value.is_bool()) return value.as_bool() ? "true" : "false";
  if (value.is_number()) return number_text(value);
  return std::nullopt;
}

Result<RequestBody> encode_body(const Value& body, std::string_view content_type,
                                std::string_view boundary) {
  RequestBody result;
  result.content_type = content_type;
  const std::optional<std::string> file = engine::file_id(body);
  if (file && content_type.empty()) {
    result.content_type = text_member(body, "mediaType");
    if (result.content_type.empty() || !http::is_field_value(result.content_type))
      result.content_type = "application/octet-stream";
    result.pieces.push_back({{}, *file});
    return result;
  }
  if (content_type.empty()) {
    result.content_type = body.is_string() ? "text/plain; charset=utf-8" : "application/json";
    result.bytes = body.is_string() ? std::string(body.as_string()) : to_json(body);
    return result;
  }
  const MediaType type = parse_media_type(content_type);
  if (body.is_object() && type.name == "multipart/form-data")
    return multipart(file ? Value::object({{"file", body}}) : body, type, content_type, boundary);
  if (file && !type.is_json()) {
    result.pieces.push_back({{}, *file});
    return result;
  }
  Result<std::string> bytes = std::string();
  if (type.is_json() && !body.is_string())
    bytes = to_json(body);
  else if (type.is_form() && body.is_object())
    bytes = encoded_form(body);
  else
    bytes = other_bytes(body, type);
  if (!bytes) return fail(std::move(bytes.error()));
  result.bytes = std::move(*bytes);
  return result;
}

}  // namespace stepwell::steps
