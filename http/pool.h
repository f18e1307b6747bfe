// Who may share connections with whom. A pool stands for a credential version (with TLS options
// and proxy); libcurl itself would share connections between different credentials. In each lane,
// a pool has a connection cache and handles of its own.
// Owned by the loop, used on the reactor's thread alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/host_queue.h"
#include "http/lane.h"

namespace stepwell::http {

class Pool;

// As Pool::serves().
bool pool_serves(std::string_view pool, std::string_view name);

// The requests of one origin in one pool.
struct Host {
  Host(Pool& in, std::size_t active, std::size_t max_active)
      : pool(in), queue(active, max_active) {}
  Pool& pool;
  HostQueue<Transfer, &Transfer::queue_hook> queue;
  ListHook<Host> startable_hook;  // has waiting requests and room for one
  bool http1_only = false;        // answered over HTTP/1.1 though HTTP/2 was offered
  SteadyTime idle_since;
};

// A pool's share of a lane: its connection cache (CURLSH) and its idle handles.
class PoolLane {
 public:
  PoolLane(Surroundings& surroundings, Pool& pool, Lane& lane);
  ~PoolLane();
  PoolLane(const PoolLane&) = delete;
  PoolLane& operator=(const PoolLane&) = delete;

  void* share() const { return share_; }
  Lane& lane() const { return lane_; }
  Pool& pool() const { return pool_; }
  std::size_t active() const { return active_; }
  SteadyTime idle_since() const { return idle_since_; }

  // An idle handle or a new one; nullptr where libcurl cannot make one.
  Handle* take();
  void put_back(Handle& handle);
  void about_to_send(Transfer& transfer);
  template <class Visitor>
  void for_each_busy_handle(const Visitor& visit) {
    for (const auto& handle : handles_)
      if (handle->transfer() != nullptr) visit(*handle);
  }

 private:
  Surroundings& surroundings_;
  Pool& pool_;
  Lane& lane_;
  void* const share_;
  std::vector<std::unique_ptr<Handle>> handles_;
  std::vector<Handle*> idle_;
  std::size_t active_ = 0;
  SteadyTime idle_since_;
};

class Pool {
 public:
  Pool(Surroundings& surroundings, const Request& first);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const std::string& name() const { return name_; }
  // Is the name this pool's, or one of those that it is joined of (Request::pool)?
  bool serves(std::string_view name) const { return pool_serves(name_, name); }
  // Its requests are mails, or else none of them is.
  bool mail() const { return mail_; }
  const std::string& ca_file() const { return ca_file_; }
  const std::string& proxy() const { return proxy_; }
  // What its connections present in the handshake; nullptr: nothing.
  const TlsIdentity* identity() const { return identity_of_ ? identity_of_->identity() : nullptr; }

  Host& host(const std::string& origin);

  // The pool's place in the lowest lane where it has room. `lanes` gives the lane of an index.
  PoolLane& place(const std::function<Lane&(std::size_t)>& lanes);

  template <class Visitor>
  void for_each_host(const Visitor& visit) {
    for (auto& [origin, host] : hosts_) visit(*host);
  }

  // Closes what has not been used since `before`: hosts, and lanes with all their connections.
  void close_idle(SteadyTime before);
  // The handles that have a transfer.
  template <class Visitor>
  void for_each_busy_handle(const Visitor& visit) {
    for (const auto& lane : lanes_)
      if (lane) lane->for_each_busy_handle(visit);
  }

  // Nothing waits or is in flight.
  bool idle() const;
  // Nothing is left that would be worth keeping.
  bool empty() const { return hosts_.empty() && lanes_used_ == 0; }

 private:
  Surroundings& surroundings_;
  const std::string name_;
  const bool mail_;
  const std::string ca_file_;
  const std::string proxy_;
  const std::shared_ptr<const SendGuard> identity_of_;  // its handles read from its pages
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<PoolLane>> lanes_;  // by the lane's index; may have gaps
  std::size_t lanes_used_ = 0;
};

}  // namespace stepwell::http
