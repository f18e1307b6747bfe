#include "api/multipart.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "api/header_parameters.h"
#include "base/ascii.h"

namespace stepwell::api {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kLongestBoundary = 70;  // RFC 2046 §5.1.1
constexpr std::size_t kLongestPadding = 256;

Problem multipart_invalid(std::string detail) {
  return make_problem(ErrorKind::validation, "multipart-invalid", std::move(detail));
}

bool is_boundary(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kLongestBoundary && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), allowed);
}

// What browsers put in the place of what a quoted text cannot hold (WHATWG HTML §4.10.21.8), and
// curl since 7.81; nothing else is encoded so.
std::string unescaped_name(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 3> kEscapes{
      {{"%22", '"'}, {"%0D", '\r'}, {"%0A", '\n'}}};
  std::string out;
  while (!text.empty()) {
    const auto escape = std::find_if(kEscapes.begin(), kEscapes.end(), [&](const auto& each) {
      return text.starts_with(each.first);
    });
    out += escape == kEscapes.end() ? text.front() : escape->second;
    text.remove_prefix(escape == kEscapes.end() ? 1 : escape->first.size());
  }
  return out;
}

// The lines of a part's header section; one that begins with a blank goes on with the one before
// (RFC 822 §3.1.1, as MIME has it).
Result<std::vector<std::string>> lines_of(std::string_view head) {
  std::vector<std::string> lines;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(kLineEnd), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
    const bool clean = std::none_of(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    if (!clean) return fail(multipart_invalid("a part's header lines hold control characters"));
    const bool goes_on = !line.empty() && (line.front() == ' ' || line.front() == '\t');
    if (goes_on && lines.empty())
      return fail(multipart_invalid("a part's first header line begins with a blank"));
    if (goes_on)
      lines.back().append(line);
    else
      lines.emplace_back(line);
  }
  return lines;
}

Status read_disposition(std::string_view text, PartHead& head) {
  const std::optional<ParameterizedField> field = parse_field(text);
  if (!field || field->value != "form-data")
    return fail(multipart_invalid(
        "a part's Content-Disposition cannot be read; it must be form-data with a name"));
  const std::string* name = field->find("name");
  if (name == nullptr) return fail(multipart_invalid("a part's Content-Disposition has no name"));
  head.name = unescaped_name(*name);
  if (const std::string* filename = field->find("filename"))
    head.filename = unescaped_name(*filename);
  // RFC 7578 §4.2 has it forbidden, and clients send it; it says more than the other one.
  if (const std::string* extended = field->find("filename*"))
    if (auto filename = extended_text(*extended)) head.filename = std::move(filename);
  return {};
}

// Long out of use (RFC 7578 §4.7); what it says would be kept as it is.
Status check_transfer_encoding(std::string_view text) {
  const std::optional<ParameterizedField> field = parse_field(text);
  if (field && (field->value == "7bit" || field->value == "8bit" || field->value == "binary"))
    return {};
  return fail(
      multipart_invalid("a part has a Content-Transfer-Encoding; send the bytes as they are"));
}

Result<PartHead> part_head(std::string_view text) {
  const Result<std::vector<std::string>> lines = lines_of(text);
  if (!lines) return fail(lines.error());
  PartHead head;
  bool disposed = false;
  bool typed = false;
  for (const std::string_view line : *lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return fail(multipart_invalid("a part has a header line without a name"));
    const std::string name = ascii_lower(line.substr(0, colon));
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    Status done;
    if (name == "content-disposition") {
      done = std::exchange(disposed, true)
                 ? fail(multipart_invalid("a part has two Content-Disposition lines"))
                 : read_disposition(value, head);
    } else if (name == "content-type") {
      if (std::exchange(typed, true))
        done = fail(multipart_invalid("a part has two Content-Type lines"));
      head.media_type = value;
    } else if (name == "content-transfer-encoding") {
      done = check_transfer_encoding(value);
    }
    if (!done) return fail(std::move(done).error());
  }
  if (!disposed) return fail(multipart_invalid("a part has no Content-Disposition"));
  return head;
}

}  // namespace

// The first delimiter may stand at the very beginning: as if a line had ended there.
MultipartReader::MultipartReader(const std::string& boundary, Sink& sink, Limits limits)
    : delimiter_("\r\n--" + boundary), sink_(sink), limits_(limits), buffer_(kLineEnd) {}

Status MultipartReader::feed(std::string_view piece) {
  if (state_ == State::epilogue) return {};
  buffer_.erase(0, std::exchange(at_, 0));
  buffer_.append(piece);
  for (;;) {
    const Result<bool> more = step();
    if (!more) return fail(more.error());
    if (!*more) return {};
  }
}

Status MultipartReader::finish() const {
  if (state_ == State::epilogue) return {};
  return fail(multipart_invalid(state_ == State::preamble
                                    ? "the body does not have the boundary that its type names"
                                    : "the body ends in the middle of a part"));
}

Result<bool> MultipartReader::step() {
  switch (state_) {
    case State::preamble:
      return skip_preamble();
    case State::delimiter:
      return read_delimiter();
    case State::head:
      return read_head();
    case State::content:
      return read_content();
    case State::epilogue:
      break;
  }
  buffer_.clear();
  at_ = 0;
  return false;
}

Result<bool> MultipartReader::skip_preamble() {
  const std::size_t found = rest().find(delimiter_);
  const bool there = found != std::string_view::npos;
  // A delimiter may have begun in the last bytes.
  const std::size_t passed =
      there ? found : rest().size() - std::min(rest().size(), delimiter_.size() - 1);
  skipped_ += passed;
  if (skipped_ > limits_.preamble)
    return fail(multipart_invalid("the body does not begin with the boundary that its type names"));
  drop(passed);
  if (!there) return false;
  drop(delimiter_.size());
  state_ = State::delimiter;
  return true;
}

// Behind a delimiter comes "--", and that was the last one; or the line's end, after blanks that
// transports may add.
Result<bool> MultipartReader::read_delimiter() {
  const std::string_view text = rest();
  if (text.starts_with("--")) {
    state_ = State::epilogue;
    return true;
  }
  if (text == "-") return false;
  const std::size_t blanks = std::min(text.find_first_not_of(" \t"), text.size());
  const std::string_view end = text.substr(blanks);
  if (blanks > kLongestPadding || !(end.starts_with(kLineEnd) || end.empty() || end == "\r"))
    return fail(multipart_invalid("a line begins with the boundary and goes on"));
  if (end.size() < kLineEnd.size()) return false;
  if (++parts_ > limits_.parts) {
    Problem problem =
        multipart_invalid("the body has more than " + std::to_string(limits_.parts) + " parts");
    problem.status = 413;
    return fail(std::move(problem));
  }
  // The line's end stays: so a part without header lines has the end of its head at once.
  drop(blanks);
  state_ = State::head;
  return true;
}

Result<bool> MultipartReader::read_head() {
  const std::string_view text = rest();
  const std::size_t end = text.find(kHeadEnd);
  // Wherever the pieces are cut: all but the last three bytes of the end may have come.
  const std::size_t most = limits_.head + kLineEnd.size();
  const bool too_long =
      end == std::string_view::npos ? text.size() > most + kHeadEnd.size() - 1 : end > most;
  if (too_long)
    return fail(multipart_invalid("a part's header lines have more than " +
                                  std::to_string(limits_.head) + " bytes"));
  if (end == std::string_view::npos) return false;
  const std::string_view lines =
      end == 0 ? std::string_view() : text.substr(kLineEnd.size(), end - kLineEnd.size());
  Result<PartHead> head = part_head(lines);
  if (!head) return fail(std::move(head).error());
  if (Status begun = sink_.begin_part(*std::move(head)); !begun)
    return fail(std::move(begun).error());
  // The last line's end stays here, too: an empty part's delimiter may begin with it.
  drop(end + kLineEnd.size());
  state_ = State::content;
  first_ = true;
  return true;
}

Result<bool> MultipartReader::read_content() {
  const std::string_view text = rest();
  const std::size_t found = text.find(delimiter_);
  const bool there = found != std::string_view::npos;
  const std::size_t sure =
      there ? found : text.size() - std::min(text.size(), delimiter_.size() - 1);
  std::string_view bytes = text.substr(0, sure);
  if (first_ && !bytes.empty()) {
    if (bytes.size() < kLineEnd.size()) return false;
    bytes.remove_prefix(kLineEnd.size());
    first_ = false;
  }
  if (!bytes.empty())
    if (Status taken = sink_.part_bytes(bytes); !taken) return fail(std::move(taken).error());
  drop(sure);
  if (!there) return false;
  if (Status ended = sink_.end_part(); !ended) return fail(std::move(ended).error());
  drop(delimiter_.size());
  state_ = State::delimiter;
  return true;
}

Result<std::optional<std::string>> multipart_boundary(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  if (ascii_lower(type) != "multipart/form-data") return std::optional<std::string>();
  const std::optional<ParameterizedField> field = parse_field(content_type);
  const std::string* boundary = field ? field->find("boundary") : nullptr;
  if (boundary == nullptr || !is_boundary(*boundary))
    return fail(multipart_invalid(
        "the Content-Type multipart/form-data needs a boundary of 1 to 70 characters"));
  return std::optional(*boundary);
}

}  // namespace stepwell::api
