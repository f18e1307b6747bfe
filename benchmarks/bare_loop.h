// The yardstick: what libcurl alone does with the same requests, in one thread, by its
// multi_socket interface on epoll with reused handles whose connections stay open.
// Used by one thread, which blocks; ends the process where a request fails.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace stepwell::bench {

struct BareRequest {
  std::string url;
  std::string body = {};                  // empty: GET; else POST
  std::vector<std::string> headers = {};  // further header lines
};
// Those that the engine's requests have and the yardstick's have not: each byte of a head costs
// libcurl its share.
std::vector<std::string> engine_headers();

struct BareResult {
  double seconds = 0;
  double cpu_microseconds = 0;  // of this thread
  std::size_t requests = 0;
  double per_second() const { return static_cast<double>(requests) / seconds; }
  double cpu_each() const { return cpu_microseconds / static_cast<double>(requests); }
};

class BareLoop {
 public:
  // `parallel` in flight.
  BareLoop(BareRequest request, std::size_t parallel);
  ~BareLoop();
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  BareResult run(std::size_t total);
  // Starts `total` requests at moments of equal distance, `rate` a second, whatever is in flight.
  // Milliseconds from each one's moment to its answer.
  std::vector<double> run_paced(std::size_t total, double rate);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stepwell::bench
