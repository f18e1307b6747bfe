// Any bytes as a program's text: a program, or a problem that says where.
#include "expression/program.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/evaluation.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kPrepared = (stepwell::fuzz::prepare(), true);
  static_cast<void>(kPrepared);
  const std::string_view source = stepwell::fuzz::text_of({data, size});
  if (auto program = stepwell::fuzz::compile(source)) {
    stepwell::fuzz::check(program->source() == source, "a program knows its source");
    stepwell::fuzz::check(program->memory_bytes() < 64 * 1024 + size * 1024, "a program is small");
  }
  return 0;
}
