// One accepted connection of a TrialJudge: its socket, TLS where it has some, and its session.
// It counts the bytes that came, so that a line can be drawn through what the kernel had delivered
// at one moment, whether it had been read or not.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/judged_session.h"

using SSL = struct ssl_st;

namespace stepwell::test {

// Takes over a new SSL object in the server's role; decrypts and encrypts in memory.
class TlsLayer {
 public:
  explicit TlsLayer(SSL* ssl);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  std::string decrypt(std::string_view received);
  // What cannot be sent yet, before the handshake's end, is kept.
  std::string encrypt(std::string_view plain);
  // Late bytes of a record that is not whole: nobody can say what is in them.
  void follow_records(std::string_view received, bool late);
  std::uint64_t undecided() const { return undecided_; }

 private:
  SSL* ssl_;
  std::string waiting_;
  // The record that is coming (RFC 8446 §5.1).
  std::string record_header_;
  std::size_t record_left_ = 0;
  std::uint64_t undecided_ = 0;
};

class JudgedConnection {
 public:
  enum class State { empty, more, closed, reset };

  // Takes over the descriptor. `tls` is null for plain TCP.
  JudgedConnection(int fd, std::unique_ptr<TlsLayer> tls, std::unique_ptr<JudgedSession> session);
  ~JudgedConnection();
  JudgedConnection(const JudgedConnection&) = delete;
  JudgedConnection& operator=(const JudgedConnection&) = delete;

  int fd() const { return fd_; }
  // All that the kernel has not got by now is late.
  void draw_line();
  void erase_line() { line_ = UINT64_MAX; }
  // For a connection that was accepted after the line had been drawn.
  void all_is_late() { line_ = 0; }
  // Reads up to `most` bytes.
  State read(std::size_t most);
  void answer(int stream, const JudgedAnswer& answer);
  std::size_t unfinished() const { return session_->unfinished(); }
  std::uint64_t undecided() const { return tls_ ? tls_->undecided() : 0; }
  // Sends what there is to send; false where some of it is left.
  bool flush();

 private:
  const int fd_;
  const std::unique_ptr<TlsLayer> tls_;
  const std::unique_ptr<JudgedSession> session_;
  std::uint64_t received_ = 0;
  std::uint64_t line_ = UINT64_MAX;
  std::string unsent_;
};

}  // namespace stepwell::test
