// What must not leave any more once a credential has ended: requests in libcurl's hands, and bytes
// that only the kernel still has.
#include <algorithm>

#include "http/classify.h"
#include "http/loop.h"
#include "http/socket.h"

namespace stepwell::http {

template <class Visitor>
void Loop::for_each_pool(const std::string& name, const Visitor& visit) {
  for (const auto& [key, pool] : pools_)
    if (pool->serves(name)) visit(*pool);
  for (const auto& pool : dropped_)
    if (pool->serves(name)) visit(*pool);
}

const PoolLane* Loop::owner_of(int fd) const {
  const auto owner = surroundings_.owners.find(fd);
  return owner != surroundings_.owners.end() && owner->second.identity == socket_identity(fd)
             ? owner->second.lane
             : nullptr;
}

bool Loop::owns(const std::string& pool, int fd) const {
  const PoolLane* owner = owner_of(fd);
  return owner != nullptr && owner->pool().serves(pool);
}

// The socket that the transfer uses, if that is known and still its pool's.
int Loop::socket_of(const Transfer& transfer) const {
  const int fd = transfer.handle->socket_left() ? -1 : transfer.handle->socket();
  return fd >= 0 && owner_of(fd) == &transfer.handle->home() ? fd : -1;
}

// Here or in the kernel.
bool Loop::holds_bytes(int fd) const {
  return surroundings_.poller.wants_write(fd) || unacknowledged_bytes(fd) > 0;
}

void Loop::reset_socket(int fd) {
  reset_connection(fd);
  surroundings_.owners.erase(fd);  // dead; what is left of it is libcurl's to close
}

// A transfer is about to be taken off before its end. Over HTTP/1.1 its connection ends with it,
// and the kernel must not go on sending. Over HTTP/2, siblings' requests may be queued behind its
// body, and libcurl would look at them as written once this one no longer asks to write.
void Loop::reset_unfinished(Transfer& transfer) {
  if (transfer.exchange->request.guard == nullptr) return;
  if (transfer.sends == 0 && !transfer.permit_to_connect) return;
  const int fd = socket_of(transfer);
  if (fd < 0) return;
  const bool shared = !transfer.permit_to_connect && transfer.https && !transfer.host->http1_only;
  if ((!shared || !transfer.handle->body_uploaded()) && holds_bytes(fd)) reset_socket(fd);
}

void Loop::abort_one(Transfer& transfer) {
  // What libcurl or the kernel still hold of the request must not go out. Where neither has
  // anything (a body held back by HTTP/2's flow control), ending the stream is enough.
  const int fd = socket_of(transfer);
  const bool connecting = transfer.permit_to_connect;
  if (fd >= 0 && (connecting || !transfer.https || holds_bytes(fd))) reset_socket(fd);
  const auto guard = transfer.exchange->request.guard;
  if (transfer.sent() == Sent::no && !connecting) transfer.wrote_before = true;
  Handle::give_back(transfer);
  Problem problem =
      connection_reset(transfer.target(), connecting ? "was cut off while it was connected to"
                                                     : "was cut off while the request was sent");
  if (Status allowed = guard->acquire(); !allowed)
    problem = std::move(allowed.error());
  else
    guard->written();
  give_up(transfer, std::move(problem));
}

std::vector<int> Loop::abort_sending(const std::string& pool) {
  // By number: a completion may end others of them.
  std::vector<std::uint64_t> affected;
  for (const auto& lane : lanes_)
    for (Transfer* t = lane->sending().front(); t != nullptr; t = lane->sending().next(*t))
      if (t->permit_held && pool_serves(t->request().pool, pool)) affected.push_back(t->id);
  // A handshake that proves possession of a key.
  for_each_pool(pool, [&affected](Pool& each) {
    if (each.identity() == nullptr) return;
    each.for_each_busy_handle([&affected](const Handle& handle) {
      if (handle.transfer()->permit_to_connect) affected.push_back(handle.transfer()->id);
    });
  });
  for (const std::uint64_t id : affected) {
    Transfer* transfer = transfers_.find(id);
    if (transfer != nullptr && transfer->permit_held) abort_one(*transfer);
  }
  hand_over_completed();
  std::vector<int> sockets;
  for (const auto& [fd, owner] : surroundings_.owners)
    if (owner.lane->pool().serves(pool)) sockets.push_back(fd);
  // What is still connecting carries nothing yet, and will be denied.
  for_each_pool(pool, [&sockets](Pool& each) {
    each.for_each_busy_handle([&sockets](const Handle& handle) {
      if (handle.transfer()->sends == 0 && handle.transfer()->opened_socket)
        sockets.erase(std::remove(sockets.begin(), sockets.end(), handle.socket()), sockets.end());
    });
  });
  keep_unsent(pool, sockets);
  return sockets;
}

void Loop::keep_unsent(const std::string& pool, std::vector<int>& sockets) {
  std::erase_if(sockets, [&](int fd) { return !owns(pool, fd) || !holds_bytes(fd); });
}

void Loop::reset_unsent(const std::string& pool, const std::vector<int>& sockets) {
  const auto concerns = [&sockets](int fd) {
    return std::find(sockets.begin(), sockets.end(), fd) != sockets.end();
  };
  std::vector<std::uint64_t> affected;
  for_each_pool(pool, [&](Pool& each) {
    each.for_each_busy_handle([&](const Handle& handle) {
      const Transfer& transfer = *handle.transfer();
      if (transfer.sends > 0 && transfer.exchange->request.guard && concerns(socket_of(transfer)))
        affected.push_back(transfer.id);
    });
  });
  for (const int fd : sockets)
    if (owns(pool, fd)) reset_socket(fd);
  for (const std::uint64_t id : affected) {
    Transfer* transfer = transfers_.find(id);
    if (transfer != nullptr && transfer->handle != nullptr) abort_one(*transfer);
  }
  hand_over_completed();
}

// Everything that the pool has begun ends, and every connection with it. What waits in a queue will
// be judged by its guard.
void Loop::abort_pool(const std::string& pool, const Problem& why) {
  std::vector<std::uint64_t> affected;
  for_each_pool(pool, [&affected](Pool& each) {
    each.for_each_busy_handle(
        [&affected](const Handle& handle) { affected.push_back(handle.transfer()->id); });
  });
  std::vector<int> sockets;
  for (const auto& [fd, owner] : surroundings_.owners)
    if (owner.lane->pool().serves(pool)) sockets.push_back(fd);
  for (const int fd : sockets)
    if (owns(pool, fd)) reset_socket(fd);
  for (const std::uint64_t id : affected) {
    Transfer* transfer = transfers_.find(id);
    if (transfer == nullptr || transfer->handle == nullptr) continue;
    if (transfer->permit_held && !transfer->permit_to_connect && transfer->sent() == Sent::no)
      transfer->wrote_before = true;  // how much went out before the reset is not known
    give_up(*transfer, why);
  }
  hand_over_completed();
}

// Connections that no transfer uses are about to be closed, after which the kernel would go on
// sending what it has.
void Loop::reset_idle(Pool& pool) {
  std::vector<int> in_use;
  bool all_known = true;
  pool.for_each_busy_handle([&](const Handle& handle) {
    in_use.push_back(handle.socket());
    all_known = all_known && (handle.socket() >= 0 || handle.transfer()->sends == 0);
  });
  if (!all_known) return;  // HTTP/2: some stream's connection
  std::vector<int> idle;
  for (const auto& [fd, owner] : surroundings_.owners)
    if (&owner.lane->pool() == &pool && owner_of(fd) != nullptr && unacknowledged_bytes(fd) > 0 &&
        std::find(in_use.begin(), in_use.end(), fd) == in_use.end())
      idle.push_back(fd);
  for (const int fd : idle) reset_socket(fd);
}

void Loop::drop_pool(const std::string& name) {
  for (auto entry = pools_.begin(); entry != pools_.end();) {
    if (!entry->second->serves(name)) {
      ++entry;
      continue;
    }
    // What is under way may end; nothing new gets onto these connections.
    entry->second->for_each_host([this](Host& host) {
      if (!host.queue.can_start()) startable_.remove(host);
    });
    reset_idle(*entry->second);
    dropped_.push_back(std::move(entry->second));
    entry = pools_.erase(entry);
  }
}

}  // namespace stepwell::http
