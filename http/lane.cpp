#include "http/lane.h"

#include <curl/curl.h>

#include <utility>

namespace stepwell::http {

Lane::Lane(Surroundings& surroundings, LaneListener& listener, std::size_t connections)
    : surroundings_(surroundings), listener_(listener), multi_(curl_multi_init()) {
  if (multi_ == nullptr) return;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Lane::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Lane::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, static_cast<void*>(this));
  // Above what is in flight: else each answer closes a connection that the next one needs.
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

Lane::~Lane() {
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

bool Lane::add(Handle& handle) {
  return multi_ != nullptr && curl_multi_add_handle(multi_, handle.easy()) == CURLM_OK;
}

void Lane::remove(Handle& handle) {
  sending_.remove(*handle.transfer());
  if (handle.mail() != nullptr) {
    surroundings_.poller.want(handle.socket(), this, false, false);
    mails_.erase(handle.socket());
  }
  curl_multi_remove_handle(multi_, handle.easy());
}

int Lane::on_socket(void* easy, int fd, int what, void* self, void* /*unused*/) {
  Lane& lane = *static_cast<Lane*>(self);
  Poller& poller = lane.surroundings_.poller;
  if (what == CURL_POLL_REMOVE) {
    poller.want(fd, &lane, false, false);
    if (Handle* handle = Handle::of(easy); handle != nullptr) handle->leave_socket(fd);
    return 0;
  }
  poller.want(fd, &lane, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
  if (Handle* handle = Handle::of(easy); handle != nullptr) handle->set_socket(fd);
  return 0;
}

int Lane::on_timer(void* /*multi*/, long timeout_ms, void* self) {
  Lane& lane = *static_cast<Lane*>(self);
  if (timeout_ms < 0)
    lane.due_.reset();
  else
    lane.due_ = lane.surroundings_.now + Milliseconds(timeout_ms);
  return 0;
}

void Lane::act_on_time() {
  due_.reset();
  int running = 0;
  curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  after_action();
}

void Lane::watch_mail(Handle& handle) {
  mails_[handle.socket()] = &handle;
  surroundings_.poller.want(handle.socket(), this, true, handle.mail()->wants_write());
}

void Lane::act_on(const Poller::Event& event) {
  if (!mails_.empty()) {
    if (const auto found = mails_.find(event.fd); found != mails_.end()) {
      listener_.mail_moves(*found->second->transfer());
      after_action();
      return;
    }
  }
  int mask = (event.readable ? CURL_CSELECT_IN : 0) | (event.writable ? CURL_CSELECT_OUT : 0);
  // CURL_CSELECT_ERR alone would end the transfer with no more than "select/poll error"; reading
  // tells the error itself, and takes in an answer that came before a reset.
  if (event.failed) mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
  int running = 0;
  curl_multi_socket_action(multi_, event.fd, mask, &running);
  after_action();
}

void Lane::after_action() {
  check_sending();
  // To be drained after every action, timeouts too: else answers lie around until the next one.
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const int code = message->data.result;
    if (Handle* handle = Handle::of(message->easy_handle); handle != nullptr && handle->transfer())
      listener_.transfer_ended(*handle->transfer(), code);
  }
  // Where an HTTP/2 server answers without taking in the whole body, this libcurl would go on
  // waiting, and turning, for a window that never opens (RFC 9113 §8.1 allows such answers).
  for (const std::uint64_t id : std::exchange(answered_early_, {})) listener_.answered_early(id);
}

void Lane::check_sending() {
  // A permit is given back as soon as libcurl no longer asks to write.
  for (Transfer* transfer = sending_.front(); transfer != nullptr;) {
    Transfer* const next = sending_.next(*transfer);
    if (transfer->handle->all_written()) {
      sending_.remove(*transfer);
      transfer->written = true;
      transfer->written_at = surroundings_.now;
      Handle::give_back(*transfer);
    } else {
      transfer->seen_unwritten = true;
      if (transfer->response.http_version == 20 && transfer->handle->answered())
        answered_early_.push_back(transfer->id);
    }
    transfer = next;
  }
}

}  // namespace stepwell::http
