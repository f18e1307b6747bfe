// One pooled libcurl handle. What never changes is set once, when it is made; a request changes
// only its URL, method, headers and body, and those only where they differ from the last one's.
// Holds the callbacks, which write into the Transfer that is on the handle. Made by a PoolLane,
// used by the reactor's thread alone.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/secret.h"
#include "http/mail_session.h"
#include "http/poller.h"
#include "http/transfer.h"

struct curl_slist;
struct curl_sockaddr;

namespace stepwell::http {

class PoolLane;

// What all handles of a reactor have in common.
struct Surroundings {
  explicit Surroundings(ReactorOptions given);
  ~Surroundings();
  Surroundings(const Surroundings&) = delete;
  Surroundings& operator=(const Surroundings&) = delete;

  const ReactorOptions options;
  curl_slist* connect_to = nullptr;
  curl_slist* resolve = nullptr;
  // Handed to libcurl as lines: what it is told by options it formats twice for each request.
  const std::string user_agent_line;
  const std::string accept_encoding_line;
  Poller poller;
  // Whose connection an open socket is: it may outlive every transfer that used it. libcurl does
  // not tell the end of one that never stood, so its number may be another socket's by now.
  struct Owner {
    PoolLane* lane = nullptr;
    std::uint64_t identity = 0;
  };
  std::unordered_map<int, Owner> owners;
  SteadyTime now;  // as of the present turn of the loop
};

class Handle final : private MailWire {
 public:
  Handle(Surroundings& surroundings, PoolLane& home);
  ~Handle() override;
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void* easy() const { return easy_; }
  PoolLane& home() const { return home_; }
  Transfer* transfer() const { return transfer_; }
  static Handle* of(void* easy);

  // Puts the transfer on the handle. `http1_only`: its host is known not to speak HTTP/2.
  Status prepare(Transfer& transfer, bool http1_only);
  // Takes the transfer off.
  void release();

  // The socket that libcurl last asked about for this handle, or -1.
  int socket() const { return socket_; }
  void set_socket(int fd) {
    socket_ = fd;
    socket_left_ = false;
  }
  // libcurl has lost interest in it: the number may be another connection's by now.
  void leave_socket(int fd) { socket_left_ = socket_left_ || socket_ == fd; }
  bool socket_left() const { return socket_left_; }

  // Everything of the request is handed to the kernel, as far as can be known now.
  bool all_written() const;
  // The same for a transfer that libcurl is done with: it may have come and gone in one action,
  // without a word about its socket.
  bool nothing_left_to_write() const;
  // All of the body, if there is one, is in libcurl's connection or beyond.
  bool body_uploaded() const;
  // The permit of the transfer, if it is held, is given back.
  static void give_back(Transfer& transfer) noexcept;

  // The answer is complete, whatever libcurl still wants to send.
  bool answered() const;

  // Bytes of the present leg of the transfer so far, as they went over the wire.
  std::uint64_t bytes_sent() const;
  std::uint64_t bytes_received() const;
  Problem problem(int curl_code) const;

  // mail_handle.cpp: of a pool for mails. The session begins once libcurl has said that it is
  // connected, and then has the socket; nullptr before. Errors: communication/`tls` where the login
  // would be readable on the way.
  Status begin_mail();
  MailSession* mail() const { return mail_.get(); }
  // What libcurl was answered before, where that was a refusal.
  std::optional<MailAnswer> refused_greeting(int curl_code) const;

 private:
  enum class Method { none, get, head, with_body };

  void set_constant_options();
  void set_url(const std::string& url);
  void set_method(const Request& request, bool with_body);
  void set_protocol(bool https, bool http1_only);
  Status set_headers(const Request& request, bool with_body);
  void add_secret_line(const Secret& line);
  void stop(Problem problem);

  // authentication.cpp: client certificates, and logins that need a challenge
  void set_identity();
  Status set_login(Transfer& transfer, bool with_body);
  void clear_login();
  void forget_nonce();
  bool may_open_connection();
  bool begin_next_leg();
  bool login_expected() const;

  void set_mail_options();
  Status prepare_mail(const Request& request);
  bool encrypted() const;
  Problem mail_problem(int curl_code) const;
  Result<std::size_t> send(std::string_view bytes) override;
  Result<std::size_t> receive(char* into, std::size_t most) override;
  static std::size_t on_mail_reply(char* data, std::size_t size, std::size_t count, void* self);

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
  static int on_rewind(void* self, std::int64_t offset, int origin);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static int on_about_to_send(void* self, char* peer, char* local, int peer_port, int local_port);
  static int on_open_socket(void* self, int purpose, curl_sockaddr* address);
  static int on_close_socket(void* surroundings, int fd);
  bool take_status_line(std::string_view line);
  bool end_of_head();
  bool peer_allowed(const char* peer);
  bool take_permit();
  void note_end_of_send();

  Surroundings& surroundings_;
  PoolLane& home_;
  void* const easy_;
  Transfer* transfer_ = nullptr;
  int socket_ = -1;
  bool socket_left_ = false;

  bool nonce_known_ = false;  // libcurl has a challenge at hand that its last login followed
  std::string login_origin_;  // where that challenge came from; empty: there was no login

  std::string url_;             // what libcurl has been told
  void* parsed_url_ = nullptr;  // the same, read (CURLU), so that it is not read for each request
  Method method_ = Method::none;
  std::string custom_method_;
  int protocol_ = -1;
  std::string checked_peer_;  // an address that the egress rules let pass
  std::string header_text_;
  std::vector<curl_slist> header_nodes_;
  std::vector<Secret> terminated_;  // copies of secret lines that lack their final NUL
  std::vector<std::size_t> header_offsets_;
  std::array<char, 256> message_{};  // CURL_ERROR_SIZE

  std::unique_ptr<MailSession> mail_;
  SmtpReader replies_;  // to libcurl, before the session
  SmtpReply reply_;     // the last of them
};

}  // namespace stepwell::http
