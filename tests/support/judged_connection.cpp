#include "tests/support/judged_connection.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace stepwell::test {
namespace {

constexpr std::size_t kRecordHeader = 5;
constexpr char kApplicationData = 23;

}  // namespace

TlsLayer::TlsLayer(SSL* ssl) : ssl_(ssl) {
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl_);
}

TlsLayer::~TlsLayer() { SSL_free(ssl_); }

std::string TlsLayer::decrypt(std::string_view received) {
  BIO_write(SSL_get_rbio(ssl_), received.data(), static_cast<int>(received.size()));
  std::string plain;
  std::array<char, 16384> buffer{};
  while (true) {
    const int got = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) break;
    plain.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ERR_clear_error();  // it wants more, or the other side has closed
  return plain;
}

std::string TlsLayer::encrypt(std::string_view plain) {
  waiting_.append(plain);
  if (SSL_is_init_finished(ssl_) != 0 && !waiting_.empty()) {
    SSL_write(ssl_, waiting_.data(), static_cast<int>(waiting_.size()));
    waiting_.clear();
  }
  ERR_clear_error();
  BIO* const out = SSL_get_wbio(ssl_);
  std::string records(BIO_ctrl_pending(out), '\0');
  if (!records.empty()) BIO_read(out, records.data(), static_cast<int>(records.size()));
  return records;
}

void TlsLayer::follow_records(std::string_view received, bool late) {
  while (!received.empty()) {
    std::size_t part = 0;
    if (record_left_ > 0) {
      part = std::min(record_left_, received.size());
      record_left_ -= part;
    } else {
      part = std::min(kRecordHeader - record_header_.size(), received.size());
      record_header_.append(received.substr(0, part));
      if (record_header_.size() == kRecordHeader)
        record_left_ = static_cast<std::size_t>(static_cast<unsigned char>(record_header_[3]))
                           << 8U |
                       static_cast<unsigned char>(record_header_[4]);
    }
    if (late && !record_header_.empty() && record_header_[0] == kApplicationData)
      undecided_ += part;
    if (record_header_.size() == kRecordHeader && record_left_ == 0) {
      record_header_.clear();
      undecided_ = 0;  // whole: decrypted, and judged
    }
    received.remove_prefix(part);
  }
}

JudgedConnection::JudgedConnection(int fd, std::unique_ptr<TlsLayer> tls,
                                   std::unique_ptr<JudgedSession> session)
    : fd_(fd), tls_(std::move(tls)), session_(std::move(session)) {}

JudgedConnection::~JudgedConnection() { close(fd_); }

void JudgedConnection::draw_line() {
  int delivered = 0;
  ioctl(fd_, FIONREAD, &delivered);
  line_ = std::min(line_, received_ + static_cast<std::uint64_t>(std::max(delivered, 0)));
}

JudgedConnection::State JudgedConnection::read(std::size_t most) {
  std::array<char, 16384> buffer{};
  while (most > 0) {
    const bool late = received_ >= line_;
    std::size_t wanted = std::min(buffer.size(), most);
    if (!late) wanted = std::min<std::uint64_t>(wanted, line_ - received_);
    const ssize_t got = recv(fd_, buffer.data(), wanted, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return State::empty;
    if (got <= 0) return got == 0 ? State::closed : State::reset;
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    received_ += bytes.size();
    most -= bytes.size();
    if (tls_ == nullptr) {
      session_->take(bytes, late);
      continue;
    }
    tls_->follow_records(bytes, late);
    const std::string plain = tls_->decrypt(bytes);
    if (!plain.empty()) session_->take(plain, late);
  }
  return State::more;
}

void JudgedConnection::answer(int stream, const JudgedAnswer& answer) {
  session_->answer(stream, answer);
}

bool JudgedConnection::flush() {
  std::string output = session_->take_output();
  unsent_ += tls_ ? tls_->encrypt(output) : output;
  while (!unsent_.empty()) {
    const ssize_t sent = send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent <= 0) return errno != EAGAIN;
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace stepwell::test
