// What a YAML text says, one event after the other, as libyaml reads it: the only header and source
// (yaml_events.cpp) that know the library, of which nothing appears here. Made for one text, used
// by one thread, not longer than the text lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "config/template.h"

namespace stepwell::config {

struct YamlEvent {
  enum class Kind : std::uint8_t {
    scalar,
    alias,
    begin_sequence,
    end_sequence,
    begin_mapping,
    end_mapping,
    begin_document,
    end_document,
    end
  };
  Kind kind = Kind::end;
  bool plain = false;      // of scalars: neither in quotes, nor a block, nor with a tag
  Position position;       // where the node begins, its anchor and tag included
  std::size_t offset = 0;  // the same in bytes
  // These live until the next event is taken.
  std::string_view text;    // of a scalar
  std::string_view tag;     // as it counts: "tag:yaml.org,2002:str"; empty for none
  std::string_view anchor;  // of a node, or of the one that an alias stands for; empty for none
};

class YamlEvents {
 public:
  // `text` is UTF-8 without a byte order mark at its beginning and without control characters
  // below U+0020; positions and offsets are those in it.
  explicit YamlEvents(std::string_view text);
  ~YamlEvents();
  YamlEvents(const YamlEvents&) = delete;
  YamlEvents& operator=(const YamlEvents&) = delete;

  // False at a fault of the syntax, after which nothing comes any more.
  bool next(YamlEvent& event);
  const std::string& fault() const;  // in our words
  Position fault_position() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace stepwell::config
