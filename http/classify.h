// From the ways in which a transfer fails to the Problem that says so. Pure functions; the codes
// and their meaning stand in docs/errors/.
#pragma once

#include <string>
#include <string_view>

#include "base/problem.h"
#include "http/message.h"

namespace stepwell::http {

// What is known when libcurl gives up.
struct Failure {
  int curl_code = 0;
  std::string_view message;  // libcurl's own words; may be empty
  std::string target;        // "host:port"
  Sent sent = Sent::no;
  bool repeatable = false;
  bool answer_begun = false;  // at least one byte of the answer had come
  bool head_done = false;     // its header section was complete
};
Problem classify(const Failure& failure);

// The phases that have a limit in time.
enum class Late { connect, first_byte, total, low_speed };
Problem too_late(Late which, const std::string& target, const Request& request);

Problem body_too_large(const std::string& target, Bytes limit);
Problem headers_too_large(const std::string& target, Bytes limit);
Problem protocol_violated(const std::string& target, std::string_view what);
Problem outcome_unknown(const std::string& target, std::string_view what);
Problem connection_reset(const std::string& target, std::string_view what);
Problem cancelled(const std::string& target);
Problem overloaded(std::string_view what);

// Adds what every problem of the transport carries: `sent`, and whether a repetition may help,
// which it may not where the request went out and must not be sent twice.
Problem finished(Problem problem, Sent sent, bool repeatable);

}  // namespace stepwell::http
