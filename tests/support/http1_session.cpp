#include <algorithm>
#include <charconv>

#include "tests/support/judged_session.h"

namespace stepwell::test {
namespace {

constexpr std::string_view kBody = R"({"ok":true})";

// What libcurl writes, and no more: one request after the other, each with a Content-Length or
// without a body.
class Http1Session final : public JudgedSession {
 public:
  explicit Http1Session(SessionOwner& owner) : owner_(owner) {}

  void take(std::string_view bytes, bool late) override {
    // A connection belongs to one credential: nothing at all may come.
    if (late) owner_.late_bytes(bytes.size());
    while (!bytes.empty()) {
      if (body_left_ > 0) {
        const std::size_t part = std::min<std::size_t>(body_left_, bytes.size());
        bytes.remove_prefix(part);
        body_left_ -= part;
        if (body_left_ == 0) finish();
        continue;
      }
      const std::size_t searched = head_.size() < 3 ? 0 : head_.size() - 3;
      head_.append(bytes);
      const std::size_t end = head_.find("\r\n\r\n", searched);
      if (end == std::string::npos) return;
      bytes.remove_prefix(bytes.size() - (head_.size() - end - 4));
      head_.resize(end + 4);
      take_head(late);
    }
  }

  void answer(int /*stream*/, const JudgedAnswer& answer) override {
    output_ +=
        "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: application/json\r\n";
    if (!answer.location.empty()) output_ += "Location: " + answer.location + "\r\n";
    output_ += "Content-Length: " + std::to_string(kBody.size()) + "\r\n\r\n";
    output_ += kBody;
  }

  std::size_t unfinished() const override { return !head_.empty() || body_left_ > 0 ? 1 : 0; }

 private:
  void take_head(bool late) {
    const std::size_t method = head_.find(' ');
    request_.path = head_.substr(method + 1, head_.find(' ', method + 1) - method - 1);
    request_.carries_key = owner_.has_key(head_);
    owner_.head_came(request_.carries_key, late);
    constexpr std::string_view kLength = "\r\nContent-Length: ";
    const std::size_t length = head_.find(kLength);
    if (length != std::string::npos)
      std::from_chars(head_.data() + length + kLength.size(), head_.data() + head_.size(),
                      body_left_);
    head_.clear();
    if (body_left_ == 0) finish();
  }
  void finish() { owner_.request_came(request_); }

  SessionOwner& owner_;
  std::string head_;  // of the request that is coming
  std::uint64_t body_left_ = 0;
  JudgedRequest request_;
};

}  // namespace

std::unique_ptr<JudgedSession> http1_session(SessionOwner& owner) {
  return std::make_unique<Http1Session>(owner);
}

}  // namespace stepwell::test
