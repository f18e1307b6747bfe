#include "http/pool.h"

#include <curl/curl.h>

#include <algorithm>

namespace stepwell::http {
namespace {

// One cache with more than this costs libcurl noticeable time for each request.
constexpr std::size_t kActiveALane = 128;
constexpr std::size_t kMaxLanes = 128;
// An idle handle costs 5.5 KiB.
constexpr std::size_t kIdleHandles = 64;
// Mail servers refuse more than a few connections from one client, however long each takes.
constexpr std::size_t kMailsAHost = 8;

void* make_share() {
  CURLSH* share = curl_share_init();
  // No lock functions: all handles of a reactor belong to one thread.
  if (share != nullptr) curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
  return share;
}

}  // namespace

bool pool_serves(std::string_view pool, std::string_view name) {
  if (pool == name) return true;
  if (name.empty() || pool.size() < name.size()) return false;
  for (std::size_t begin = 0; begin < pool.size();) {
    const std::size_t end = std::min(pool.find('&', begin), pool.size());
    if (pool.substr(begin, end - begin) == name) return true;
    begin = end + 1;
  }
  return false;
}

PoolLane::PoolLane(Surroundings& surroundings, Pool& pool, Lane& lane)
    : surroundings_(surroundings),
      pool_(pool),
      lane_(lane),
      share_(make_share()),
      idle_since_(surroundings.now) {}

PoolLane::~PoolLane() {
  handles_.clear();  // before the share, which they hold on to
  if (share_ != nullptr) curl_share_cleanup(share_);
  std::erase_if(surroundings_.owners,
                [this](const auto& entry) { return entry.second.lane == this; });
}

Handle* PoolLane::take() {
  if (idle_.empty()) {
    // Without a cache of its own a handle would use the lane's, together with other pools.
    if (share_ == nullptr) return nullptr;
    auto handle = std::make_unique<Handle>(surroundings_, *this);
    if (handle->easy() == nullptr) return nullptr;
    idle_.push_back(handle.get());
    handles_.push_back(std::move(handle));
  }
  Handle* handle = idle_.back();
  idle_.pop_back();
  ++active_;
  return handle;
}

void PoolLane::put_back(Handle& handle) {
  handle.release();
  if (--active_ == 0) idle_since_ = surroundings_.now;
  // A mail's connection ends with it.
  if (idle_.size() < kIdleHandles && !pool_.mail()) {
    idle_.push_back(&handle);
    return;
  }
  std::erase_if(handles_, [&](const auto& owned) { return owned.get() == &handle; });
}

void PoolLane::about_to_send(Transfer& transfer) {
  if (!transfer.sending_hook.linked) lane_.sending().push_back(transfer);
}

Pool::Pool(Surroundings& surroundings, const Request& first)
    : surroundings_(surroundings),
      name_(first.pool),
      mail_(first.mail != nullptr),
      ca_file_(first.tls.ca_file),
      proxy_(first.proxy),
      identity_of_(first.guard && first.guard->identity() != nullptr ? first.guard : nullptr) {}

Host& Pool::host(const std::string& origin) {
  auto& host = hosts_[origin];
  if (!host) {
    const ReactorOptions& options = surroundings_.options;
    host =
        mail_ ? std::make_unique<Host>(*this, kMailsAHost, kMailsAHost)
              : std::make_unique<Host>(*this, options.active_per_host, options.max_active_per_host);
    host->idle_since = surroundings_.now;
  }
  return *host;
}

PoolLane& Pool::place(const std::function<Lane&(std::size_t)>& lanes) {
  std::size_t index = 0;
  std::size_t least = 0;
  for (; index < kMaxLanes; ++index) {
    if (index >= lanes_.size() || !lanes_[index]) break;
    if (lanes_[index]->active() < kActiveALane) return *lanes_[index];
    if (lanes_[index]->active() < lanes_[least]->active()) least = index;
  }
  if (index == kMaxLanes) return *lanes_[least];
  if (index >= lanes_.size()) lanes_.resize(index + 1);
  lanes_[index] = std::make_unique<PoolLane>(surroundings_, *this, lanes(index));
  ++lanes_used_;
  return *lanes_[index];
}

void Pool::close_idle(SteadyTime before) {
  for (auto& lane : lanes_) {
    if (!lane || lane->active() > 0 || lane->idle_since() > before) continue;
    lane.reset();
    --lanes_used_;
  }
  std::erase_if(hosts_, [&](const auto& entry) {
    return entry.second->queue.idle() && !entry.second->startable_hook.linked &&
           entry.second->idle_since <= before;
  });
}

bool Pool::idle() const {
  return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& entry) {
    return entry.second->queue.idle() && !entry.second->startable_hook.linked;
  });
}

}  // namespace stepwell::http
