// One multi handle of libcurl. A reactor has several, since a connection cache that fills up costs
// the square of its size; see Pool for who goes where.
// Owned by the loop, used on the reactor's thread alone.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "http/handle.h"

namespace stepwell::http {

// Told of each transfer that libcurl is done with.
class LaneListener {
 public:
  virtual ~LaneListener() = default;
  virtual void transfer_ended(Transfer& transfer, int curl_code) = 0;
  // The answer is complete though the request is not; the transfer may be gone by now.
  virtual void answered_early(std::uint64_t id) = 0;
  // The socket of a mail's session is ready for something that it waits for.
  virtual void mail_moves(Transfer& transfer) = 0;
};

class Lane {
 public:
  Lane(Surroundings& surroundings, LaneListener& listener, std::size_t connections);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  bool add(Handle& handle);
  // Takes a handle out, whether libcurl is done with it or not; in the latter case its connection
  // is closed (HTTP/1.1) or its stream reset (HTTP/2).
  void remove(Handle& handle);

  // The handle's socket is its mail session's from now on: watched for what that waits for.
  void watch_mail(Handle& handle);

  // When act_on_time() is to be called; nothing where libcurl waits for sockets alone.
  const std::optional<SteadyTime>& due() const { return due_; }
  void act_on_time();
  void act_on(const Poller::Event& event);

  // The transfers whose request is not known to be fully written.
  using Sending = IntrusiveList<Transfer, &Transfer::sending_hook>;
  Sending& sending() { return sending_; }

 private:
  static int on_socket(void* easy, int fd, int what, void* self, void* unused);
  static int on_timer(void* multi, long timeout_ms, void* self);
  void after_action();
  void check_sending();

  Surroundings& surroundings_;
  LaneListener& listener_;
  void* const multi_;
  std::optional<SteadyTime> due_;
  Sending sending_;
  std::unordered_map<int, Handle*> mails_;  // by socket
  std::vector<std::uint64_t> answered_early_;
};

}  // namespace stepwell::http
