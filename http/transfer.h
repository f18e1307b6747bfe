// One exchange on its way through the reactor: what was asked, how far it has come, and where it
// waits. Made by submit(), then owned and touched by the reactor's thread alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http/intrusive_list.h"
#include "http/reactor.h"
#include "http/timer_heap.h"

namespace stepwell::http {

class Handle;
struct Host;

struct Transfer {
  Transfer(std::uint64_t number, std::unique_ptr<Exchange> from, SteadyTime now)
      : id(number), exchange(std::move(from)), submitted(now) {}

  const Request& request() const { return exchange->request; }
  // "host:port" for problems; the URL was checked before.
  std::string target() const;
  Sent sent() const;

  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  const std::uint64_t id;
  std::unique_ptr<Exchange> exchange;
  std::unique_ptr<Problem> refused;  // why it cannot be started at all
  std::string pool_key;
  std::string origin;
  bool https = false;

  Host* host = nullptr;      // set once it is admitted
  Handle* handle = nullptr;  // set while it is with libcurl
  bool waiting = true;       // counts against max_queued
  bool active = false;       // counts as active at its host
  ListHook<Transfer> queue_hook;
  ListHook<Transfer> sending_hook;
  TimerHook timer;

  SteadyTime submitted;
  SteadyTime started;
  SteadyTime leg_began;   // started, or when libcurl began to answer a challenge
  SteadyTime connected;   // the last time that the connection stood
  SteadyTime written_at;  // the last byte of the request was handed to the kernel
  SteadyTime first_byte_at;

  Response response;
  std::uint64_t header_bytes = 0;
  std::unique_ptr<Problem> stopped;         // why a callback ended it
  std::unique_ptr<Problem> denied;          // why an address of the name was not tried
  int sends = 0;                            // of the present leg: how often it was about to be sent
  int challenges = 0;                       // answers (401) that libcurl followed up with a login
  bool challenges_end = false;              // one too many: the last of them is the answer
  bool body_held_back = false;              // libcurl sends no body before it was challenged
  std::uint64_t earlier_bytes = 0;          // of request heads, in the legs before
  bool permit_held = false;                 // acquire() succeeded, written() is owed
  bool permit_to_connect = false;           // that permit is for opening a connection
  bool written = false;                     // the present send is complete
  bool seen_unwritten = false;              // the present send was seen to be under way
  bool wrote_before = false;                // an earlier send had put something on the wire
  bool wrote_all_before = false;            // an earlier send was complete
  std::uint64_t expected_bytes = kUnknown;  // of the answer's body, before decoding
  bool head_done = false;                   // the final answer's header section is complete
  bool opened_socket = false;

  // Low speed: what had gone over the wire when the present window began.
  SteadyTime window_began;
  std::uint64_t window_bytes = 0;
};

}  // namespace stepwell::http
