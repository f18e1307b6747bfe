// Any bytes as JSON: what can be read is written as text that reads back the same.
#include "base/json.h"

#include "tests/fuzz/check.h"

namespace stepwell::fuzz {

namespace {

void run(std::string_view bytes) {
  const std::string mended = valid_utf8(bytes);
  check(is_valid_utf8(mended), "valid_utf8 gives UTF-8", mended);
  check((mended == bytes) == is_valid_utf8(bytes), "valid_utf8 leaves UTF-8 alone", bytes);
  const std::int64_t before = thread_value_bytes();
  if (auto value = parse_json(bytes)) {
    const std::string text = to_json(*value);
    check(is_valid_utf8(text), "JSON text is UTF-8", text);
    // (What is beyond any double is written as the largest one.)
    auto once = parse_json(text);
    check(once.has_value(), "JSON text can be read", text);
    for (const JsonStyle& style : {JsonStyle{}, JsonStyle{2, false}, JsonStyle{0, true}}) {
      auto again = parse_json(to_json(*value, style));
      check(again.has_value() && *again == *once, "JSON text reads back equal", text);
    }
    check(to_json(*once) == text, "JSON text reads back the same", text);
  }
  check(thread_value_bytes() == before, "no value is left behind");
}

}  // namespace

}  // namespace stepwell::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stepwell::fuzz::run(stepwell::fuzz::text_of({data, size}));
  return 0;
}
