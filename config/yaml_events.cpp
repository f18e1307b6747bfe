#include "config/yaml_events.h"

#include <yaml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "config/faults.h"
#include "config/yaml_text.h"

namespace stepwell::config {

namespace {

// The library's words, in ours where these help more; `at_begin`: the fault stands where what is
// wrong began.
struct Words {
  std::string_view theirs;
  std::string_view ours;
  bool at_begin = false;
};
constexpr std::string_view kTab = "a tab where YAML wants spaces: they alone indent";
constexpr std::array<Words, 26> kWords{{
    {"mapping values are not allowed in this context",
     "a `:` where no key can stand; write a text that has `: ` in quotes"},
    {"block sequence entries are not allowed in this context",
     "a `-` where no list can begin: it stands on a line of its own; write a text that begins "
     "with `- ` in quotes"},
    {"mapping keys are not allowed in this context",
     "a `?` where no key can stand; write a text that begins with `? ` in quotes"},
    {"found character that cannot start any token",
     "a text cannot begin with this character; write it in quotes"},
    {"could not find expected ':'", "expected `: ` behind this key, or the indentation is wrong",
     true},
    {"found a tab character that violates indentation", kTab},
    {"found a tab character where an indentation space is expected", kTab},
    {"did not find expected key", "expected a further key, or the indentation is wrong"},
    {"did not find expected '-' indicator", "expected a further `-` or the end of the list"},
    {"found unexpected ':'", "a `:` before a bracket or a comma; write the text in quotes"},
    {"did not find expected node content", "expected a value"},
    {"did not find expected <document start>",
     "the document has ended before this; a file holds one"},
    {"found unknown escape character",
     "no escape that YAML knows in double quotes; write `\\\\` for a backslash, or the text in "
     "single quotes"},
    {"did not find expected hexdecimal number", "expected hexadecimal digits behind this escape"},
    {"found invalid Unicode character escape code", "an escape of what is no character"},
    {"did not find expected comment or line break",
     "expected the end of the line behind `|` or `>` and its indicators"},
    {"found an indentation indicator equal to 0", "the indentation of a block text is 1 to 9"},
    {"did not find expected alphabetic or numeric character",
     "expected a name: `&` begins an anchor, `*` an alias; write a text that begins with one of "
     "them in quotes",
     true},
    {"did not find expected whitespace or line break",
     "expected a space behind the tag; write a text that begins with `!` in quotes"},
    {"did not find expected '!'",
     "expected a further `!`; write a text that begins with `!` in "
     "quotes"},
    {"did not find expected tag URI",
     "expected a tag; write a text that begins with `!` in quotes"},
    {"found undefined tag handle",
     "a tag whose handle is not declared; write a text that begins with `!` in quotes"},
    {"found unexpected document indicator",
     "a text in quotes is not closed before this document's "
     "end"},
    {"found incompatible YAML document", "a version of YAML that is not known here; expected 1.2"},
    {"found unknown directive name",
     "a directive that YAML does not have; write a text that begins with `%` in quotes"},
    {"could not find expected directive name", "expected the name of a directive behind `%`"},
}};

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}
std::string_view text_of(const yaml_char_t* text) {
  return text_of(reinterpret_cast<const char*>(text));
}

// The tag `!` says no more than that the node is of its kind's own type.
std::string_view tag_of(const yaml_char_t* tag) {
  const std::string_view text = text_of(tag);
  return text == "!" ? std::string_view() : text;
}

}  // namespace

class YamlEvents::Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {
    good_ = yaml_parser_initialize(&parser_) != 0;
    if (!good_) return;
    const std::string_view given = text_.given();
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(given.data()),
                                 given.size());
  }
  ~Parser() {
    forget_event();
    yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  bool next(YamlEvent& event) {
    do {
      forget_event();
      if (!good_ || yaml_parser_parse(&parser_, &event_) == 0) return failed();
      has_event_ = true;
    } while (event_.type == YAML_STREAM_START_EVENT || event_.type == YAML_NO_EVENT);
    read(event);
    return true;
  }

  const std::string& fault() const { return fault_; }
  Position fault_position() const { return fault_position_; }

 private:
  void forget_event() {
    if (has_event_) yaml_event_delete(&event_);
    has_event_ = false;
  }

  void read(YamlEvent& event) {
    using Kind = YamlEvent::Kind;
    event = {};
    const TextPlace place = place_of(event_.start_mark);
    event.position = place.position;
    event.offset = place.offset;
    switch (event_.type) {
      case YAML_SCALAR_EVENT:
        event.kind = Kind::scalar;
        event.tag = tag_of(event_.data.scalar.tag);
        event.anchor = text_of(event_.data.scalar.anchor);
        event.text = text_.restored(
            {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length});
        event.plain = event_.data.scalar.tag == nullptr &&
                      event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        break;
      case YAML_SEQUENCE_START_EVENT:
        event.kind = Kind::begin_sequence;
        event.tag = tag_of(event_.data.sequence_start.tag);
        event.anchor = text_of(event_.data.sequence_start.anchor);
        break;
      case YAML_MAPPING_START_EVENT:
        event.kind = Kind::begin_mapping;
        event.tag = tag_of(event_.data.mapping_start.tag);
        event.anchor = text_of(event_.data.mapping_start.anchor);
        break;
      case YAML_ALIAS_EVENT:
        event.kind = Kind::alias;
        event.anchor = text_of(event_.data.alias.anchor);
        break;
      case YAML_SEQUENCE_END_EVENT:
        event.kind = Kind::end_sequence;
        break;
      case YAML_MAPPING_END_EVENT:
        event.kind = Kind::end_mapping;
        break;
      case YAML_DOCUMENT_START_EVENT:
        event.kind = Kind::begin_document;
        break;
      case YAML_DOCUMENT_END_EVENT:
        event.kind = Kind::end_document;
        break;
      default:
        break;  // the end
    }
  }

  TextPlace place_of(const yaml_mark_t& mark) {
    return text_.place(
        {mark.index,
         {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1}});
  }

  bool failed() {
    good_ = false;
    const std::string_view problem = text_of(parser_.problem);
    const bool syntax = parser_.error == YAML_SCANNER_ERROR || parser_.error == YAML_PARSER_ERROR;
    if (!syntax) {
      fault_ = parser_.error == YAML_READER_ERROR ? "not valid YAML: " + std::string(problem)
                                                  : "there is not enough memory to read it";
      fault_position_ = {1, 1};
      return false;
    }
    const TextPlace at = place_of(parser_.problem_mark);
    fault_position_ = at.position;
    fault_ = "not valid YAML: " + words_for(problem, at.offset);
    return false;
  }

  std::string words_for(std::string_view problem, std::size_t offset) {
    const std::string_view rest = text_.original().substr(offset);
    if (problem == "found character that cannot start any token" && rest.starts_with('\t'))
      return std::string(kTab);
    if (problem == "found unexpected end of stream") {
      begin();
      return "a text in quotes is not closed";
    }
    // Within brackets: unclosed where the file ends.
    for (const auto& [theirs, open, close] :
         {std::array<std::string_view, 3>{"did not find expected ',' or ']'", "[", "]"},
          {"did not find expected ',' or '}'", "{", "}"}}) {
      if (problem != theirs) continue;
      const std::string bracket(open);
      if (rest.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return "a `" + bracket + "` is not closed";
      return "expected `,` or `" + std::string(close) +
             "`; between brackets a text that has one of "
             "`,[]{}` is written in quotes";
    }
    for (const Words& words : kWords) {
      if (problem != words.theirs) continue;
      if (words.at_begin) begin();
      return std::string(words.ours);
    }
    const std::string_view context = text_of(parser_.context);
    return (context.empty() ? std::string() : std::string(context) + ": ") + std::string(problem);
  }
  void begin() { fault_position_ = place_of(parser_.context_mark).position; }

  YamlText text_;
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool good_ = false;
  bool has_event_ = false;
  std::string fault_;
  Position fault_position_;
};

YamlEvents::YamlEvents(std::string_view text) : parser_(std::make_unique<Parser>(text)) {}
YamlEvents::~YamlEvents() = default;
bool YamlEvents::next(YamlEvent& event) { return parser_->next(event); }
const std::string& YamlEvents::fault() const { return parser_->fault(); }
Position YamlEvents::fault_position() const { return parser_->fault_position(); }

}  // namespace stepwell::config
