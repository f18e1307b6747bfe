// What a webhook's request says, without doing anything about it: its signature, the input that it
// makes, the delivery that it is. Pure functions, callable from any thread; Replays guards itself.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "api/message.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "config/definition.h"

namespace stepwell::api {

// What is signed, and the signature's bytes.
struct SignedMessage {
  std::string message;
  std::string mac;
};

// 401, whatever is wrong: who tries to guess learns nothing.
Problem signature_invalid();
// As the webhook says where it stands. Errors: signature_invalid(), also where the timestamp is
// farther from `now` than it may be.
Result<SignedMessage> read_signature(const config::Webhook::Hmac& hmac, const Request& request,
                                     WallTime now);

// {headers, query, body}: the headers that the webhook names, in lower case; the body as JSON or as
// text where its type says so, else as base64; null where there is none. Errors: validation/400
// `json-invalid`.
Result<Value> webhook_input(const config::Webhook& webhook, const Request& request);

// What makes two requests the same delivery: the delivery's header or, of one that is signed with a
// timestamp, its signature. Empty: nothing does.
std::string delivery_of(const config::Webhook& webhook, const Request& request,
                        const SignedMessage& message);

// A delivery's header is not signed: so that nobody sends a signed message once more as another
// delivery, signatures are remembered for as long as their timestamps are taken.
class Replays {
 public:
  // Was the same signature there before, with another delivery?
  bool is_replay(const config::Webhook& webhook, const Request& request,
                 const SignedMessage& message, WallTime now);

 private:
  struct Seen {
    std::string delivery;
    WallTime until;
  };
  std::mutex mutex_;
  std::map<std::string, Seen> seen_;  // guarded by mutex_; by path and signature
};

}  // namespace stepwell::api
