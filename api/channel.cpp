#include "api/channel.h"

#include <sys/socket.h>

#include <cerrno>

namespace stepwell::api {

namespace {

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int descriptor) : descriptor_(descriptor) {}

  Progress begin() override { return {Step::done, 0}; }

  Progress read(char* to, std::size_t most) override {
    return progress(::recv(descriptor_, to, most, MSG_DONTWAIT), Step::wait_read);
  }

  Progress write(const char* from, std::size_t size) override {
    return progress(::send(descriptor_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL), Step::wait_write);
  }

  bool holds_input() const override { return false; }
  void end() override { (void)::shutdown(descriptor_, SHUT_WR); }

 private:
  static Progress progress(ssize_t result, Step wait) {
    if (result > 0) return {Step::done, static_cast<std::size_t>(result)};
    if (result == 0) return {Step::ended, 0};
    const bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    return {later ? wait : Step::failed, 0};
  }

  const int descriptor_;
};

}  // namespace

std::unique_ptr<Channel> plain_channel(int descriptor) {
  return std::make_unique<PlainChannel>(descriptor);
}

}  // namespace stepwell::api
