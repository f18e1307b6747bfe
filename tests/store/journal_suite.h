// What every journal must do, whatever it keeps its records in: a parameterised suite over a maker
// of journals (INSTANTIATE_TEST_SUITE_P with JournalMaker values). A second store is held against
// it by one line.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/ports.h"

namespace stepwell::store::test {

// One place that journals keep their records in. At most one journal is open over it.
class JournalPlace {
 public:
  virtual ~JournalPlace() = default;
  // Another journal over what was made durable here; null where that cannot be had.
  virtual std::unique_ptr<engine::Journal> open() = 0;
};

struct JournalMaker {
  std::string name;
  std::function<std::unique_ptr<JournalPlace>()> make;
};

// An InstanceQuery by id, of which only some members are given.
struct Asked {
  std::string workflow{};
  std::optional<engine::InstanceStatus> status{};
  std::optional<WallTime> since{};
  std::optional<WallTime> until{};
  std::optional<WallTime> ended_before{};
  InstanceId after{};
  engine::InstanceQuery query(std::size_t most) const;
};

class JournalSuite : public testing::TestWithParam<JournalMaker> {
 protected:
  JournalSuite() : place_(GetParam().make()), journal_(place_->open()) {}

  // Waits until all of them are durable.
  void keep(const std::vector<engine::Record>& records);
  void reopen();
  std::vector<std::vector<engine::Record>> open_ones();
  std::vector<engine::Record> read(std::uint64_t instance);
  std::vector<std::uint64_t> found(const Asked& asked, std::size_t most = 100);
  std::vector<std::uint64_t> found(const engine::InstanceQuery& query);

  std::unique_ptr<JournalPlace> place_;
  std::unique_ptr<engine::Journal> journal_;
};

WallTime at(std::int64_t milliseconds);
// As an engine appends them, at (1000 * number) ms.
engine::Record record(engine::Record::Kind kind, std::uint64_t instance, std::uint32_t number,
                      Value payload = {});
engine::Record started(std::uint64_t instance, std::string_view workflow = "test/one:1.0.0",
                       std::string_view digest = "d1");
engine::Record ended(std::uint64_t instance, std::uint32_t number, std::string_view status);
// All members of both.
void expect_same(const engine::Record& got, const engine::Record& wanted);
void expect_same(const std::vector<engine::Record>& got, const std::vector<engine::Record>& wanted);

}  // namespace stepwell::store::test
