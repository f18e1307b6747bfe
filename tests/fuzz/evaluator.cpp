// Any bytes as a program and its input, with a zero byte between the two: it ends within its
// budget, and a second evaluation gives the same.
#include "base/json.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/evaluation.h"

namespace stepwell::fuzz {

namespace {

Value read_input(std::string_view text) {
  if (text.empty()) return {};
  auto value = parse_json(text);
  return value ? std::move(*value) : Value(valid_utf8(text));
}

void run(std::string_view bytes) {
  const std::size_t end = std::min(bytes.find('\0'), bytes.size());
  const auto program = compile(bytes.substr(0, end));
  if (!program) return;
  const Value input = read_input(bytes.substr(std::min(end + 1, bytes.size())));
  const std::string before = to_json(input);
  const Outcome first = evaluate(*program, input, 50);
  check(to_json(input) == before, "an evaluation leaves its input as it was", before);
  if (!first.comparable()) return;
  const Outcome second = evaluate(*program, input, 50);
  check(!second.comparable() || first.text() == second.text(), "an evaluation can be repeated",
        first.text() + "\nand then\n" + second.text());
}

}  // namespace

}  // namespace stepwell::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kPrepared = (stepwell::fuzz::prepare(), true);
  static_cast<void>(kPrepared);
  stepwell::fuzz::run(stepwell::fuzz::text_of({data, size}));
  return 0;
}
