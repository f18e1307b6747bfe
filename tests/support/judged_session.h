// The HTTP side of one connection to a TrialJudge: takes the bytes that the client sent (decrypted
// where there is TLS), each lot marked as early or late, and tells its owner of the requests in
// them. Lives on whatever thread holds the judge's lock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace stepwell::test {

struct JudgedRequest {
  int stream = 0;  // 0 over HTTP/1.1
  std::string path;
  bool carries_key = false;
};

struct JudgedAnswer {
  int status = 200;
  std::string location;  // empty: none
};

class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  // The value of an Authorization header, or a whole header section: is the key in it?
  virtual bool has_key(std::string_view text) const = 0;
  virtual void head_came(bool carries_key, bool late) = 0;
  // Bytes of requests that came late.
  virtual void late_bytes(std::uint64_t count) = 0;
  // The whole request is there.
  virtual void request_came(const JudgedRequest& request) = 0;
};

class JudgedSession {
 public:
  virtual ~JudgedSession() = default;
  virtual void take(std::string_view bytes, bool late) = 0;
  virtual void answer(int stream, const JudgedAnswer& answer) = 0;
  // Requests of which only a part has come, those that were given up included.
  virtual std::size_t unfinished() const = 0;
  // What is to be sent, since the last call.
  std::string take_output() { return std::exchange(output_, {}); }

 protected:
  std::string output_;
};

// Both end before the owner.
std::unique_ptr<JudgedSession> http1_session(SessionOwner& owner);
std::unique_ptr<JudgedSession> http2_session(SessionOwner& owner);

}  // namespace stepwell::test
