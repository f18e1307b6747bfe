// A mail as the transport sends it: the envelope (RFC 5321 §2.3.1), the content as it goes over the
// wire, and what the server answered. An http::Request that has one goes to an smtp or smtps URL.
// Plain values, built by a worker and handed to the reactor by move.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace stepwell::http {

// Whether the connection of an smtp URL is encrypted (RFC 3207); that of an smtps URL always is.
enum class StartTls : std::uint8_t {
  automatic,  // it has to be, unless the server is this machine's own (by the URL's host)
  required,
  optional,  // where the server offers it; a credential is not shown without
  never
};

struct Mail {
  std::string sender;                   // an address, checked
  std::vector<std::string> recipients;  // addresses, checked; at least one
  std::shared_ptr<BodySource> content;  // header fields and body, lines end with CRLF
  StartTls start_tls = StartTls::automatic;
  // Goes to those recipients that the server takes, if there is one. False: to all or to nobody.
  bool partial = false;
};

// What the server said last, or to whom it refused the mail.
struct MailAnswer {
  enum class Stage : std::uint8_t { greeting, login, sender, recipient, content };
  struct Refused {
    std::string recipient;
    int code = 0;
    std::string text;
  };
  Stage stage = Stage::content;  // where it ended; the mail is accepted iff that is `content` …
  int code = 0;                  // … and this is 2xx (RFC 5321 §4.2.1)
  std::string text;              // lines joined by "\n", without the code
  bool logged_in = false;
  std::vector<Refused> refused;  // recipients

  bool accepted() const { return stage == Stage::content && code >= 200 && code < 300; }
};
std::string_view to_string(MailAnswer::Stage stage);

}  // namespace stepwell::http
