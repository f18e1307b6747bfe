// The yardstick: what libcurl alone does with the same requests, in one thread, by its
// multi_socket interface on epoll with reused handles. Blocks until it is done.
#pragma once

#include <cstddef>
#include <string>

namespace stepwell::bench {

struct BareRequest {
  std::string url;
  std::string body;    // empty: GET; else POST
  std::string header;  // one further header line; may be empty
};

// Makes `total` requests with `parallel` in flight; requests a second. Aborts where one fails.
double bare_requests_per_second(const BareRequest& request, std::size_t total,
                                std::size_t parallel);

}  // namespace stepwell::bench
