#include "http/mail_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "http/headers.h"
#include "http/mail_text.h"

namespace stepwell::http {
namespace {

constexpr std::size_t kBase64ATime = kMailBase64Bytes * 512;
constexpr std::size_t kMaxMediaType = 255;

Status check_field(std::string_view what, std::string_view value) {
  if (std::none_of(value.begin(), value.end(), is_ascii_control)) return {};
  return fail(mail_invalid(std::string(what) +
                           " has a line break or another control character, which a header field "
                           "cannot have"));
}

// A type, a slash, a subtype and perhaps parameters, all of them printable ASCII.
bool is_media_type(std::string_view text) {
  const std::string_view essence = text.substr(0, text.find(';'));
  const std::size_t slash = essence.find('/');
  return text.size() <= kMaxMediaType && slash != std::string_view::npos &&
         is_token(essence.substr(0, slash)) && is_token(essence.substr(slash + 1)) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// Text as it is, and sources in base64, one after the other.
class Composition final : public BodySource {
 public:
  void add(std::string_view text) {
    if (pieces_.empty() || pieces_.back().source) pieces_.emplace_back();
    pieces_.back().text += text;
  }
  void add(std::shared_ptr<BodySource> source) { pieces_.push_back({{}, std::move(source)}); }

  std::uint64_t size() const override {
    std::uint64_t size = 0;
    for (const Piece& piece : pieces_)
      size += piece.source ? mail_base64_size(piece.source->size()) : piece.text.size();
    return size;
  }

  Result<std::size_t> read(char* into, std::size_t most) override {
    std::size_t count = 0;
    while (count < most && at_ < pieces_.size()) {
      if (pieces_[at_].source && taken_ == encoded_.size()) {
        if (auto more = encode_more(*pieces_[at_].source); !more)
          return fail(std::move(more.error()));
      }
      const std::string& text = pieces_[at_].source ? encoded_ : pieces_[at_].text;
      const std::size_t size = std::min(most - count, text.size() - taken_);
      std::copy_n(text.data() + taken_, size, into + count);
      count += size;
      taken_ += size;
      if (taken_ == text.size() && (!pieces_[at_].source || encoded_.empty())) {
        ++at_;
        taken_ = 0;
      }
    }
    return count;
  }

  Status rewind() override {
    at_ = 0;
    taken_ = 0;
    encoded_.clear();
    for (const Piece& piece : pieces_)
      if (piece.source)
        if (Status back = piece.source->rewind(); !back) return back;
    return {};
  }

 private:
  struct Piece {
    std::string text;
    std::shared_ptr<BodySource> source;
  };

  // Nothing is encoded at the source's end.
  Status encode_more(BodySource& source) {
    std::string bytes(kBase64ATime, '\0');
    std::size_t filled = 0;
    while (filled < bytes.size()) {
      auto count = source.read(bytes.data() + filled, bytes.size() - filled);
      if (!count) return fail(std::move(count.error()));
      if (*count == 0) break;
      filled += *count;
    }
    encoded_ = mail_base64({bytes.data(), filled});
    taken_ = 0;
    return {};
  }

  std::vector<Piece> pieces_;
  std::size_t at_ = 0;     // the piece that is being read …
  std::size_t taken_ = 0;  // … and how much of it, or of `encoded_`
  std::string encoded_;    // a part of that piece
};

std::string text_part(std::string_view type, std::string_view text) {
  const MailText written = mail_text(text);
  std::string out = "Content-Type: ";
  out.append(type).append("; charset=utf-8\r\nContent-Transfer-Encoding: ");
  return out.append(written.transfer_encoding).append("\r\n\r\n").append(written.body);
}

std::string multipart(std::string_view subtype, std::string_view boundary) {
  std::string out = "Content-Type: multipart/";
  return out.append(subtype).append(";\r\n boundary=\"").append(boundary).append("\"\r\n\r\n");
}

// The part that is read, both forms of it where there are two.
std::string body_part(const MailMessage& message, const std::string& boundary) {
  if (!message.html) return text_part("text/plain", message.text.value_or(""));
  if (!message.text) return text_part("text/html", *message.html);
  return multipart("alternative", boundary) + "--" + boundary + "\r\n" +
         text_part("text/plain", *message.text) + "\r\n--" + boundary + "\r\n" +
         text_part("text/html", *message.html) + "\r\n--" + boundary + "--\r\n";
}

std::string head_of(const MailAttachment& attachment) {
  // Composite types may not be encoded (RFC 2045 §6.4).
  std::string type = ascii_lower(attachment.media_type);
  const bool composite = type.starts_with("multipart/") || type.starts_with("message/");
  std::string out = "Content-Type: ";
  out.append(composite ? "application/octet-stream" : attachment.media_type);
  out.append("\r\nContent-Disposition: attachment");
  if (!attachment.name.empty()) out += mail_parameter("filename", attachment.name);
  return out + "\r\nContent-Transfer-Encoding: base64\r\n\r\n";
}

Status check(const MailMessage& message) {
  if (Status good = check_field("the subject", message.subject); !good) return good;
  for (const MailAttachment& attachment : message.attachments) {
    if (Status good = check_field("an attachment's name", attachment.name); !good) return good;
    if (!is_media_type(attachment.media_type))
      return fail(mail_invalid("an attachment's media type is none such as application/pdf"));
  }
  return {};
}

std::string head_of(const MailMessage& message) {
  std::string out = mail_header("Date", mail_date(message.date));
  out += mail_header("From", {message.from});
  if (!message.to.empty())
    out += mail_header("To", message.to);
  else if (message.cc.empty())
    out += "To: undisclosed-recipients:;\r\n";
  if (!message.cc.empty()) out += mail_header("Cc", message.cc);
  if (!message.reply_to.empty()) out += mail_header("Reply-To", message.reply_to);
  out += mail_header("Subject", message.subject);
  out += "Message-ID: <" + message.message_id + ">\r\n";
  // So that nobody's absence note answers it (RFC 3834 §5).
  out += "Auto-Submitted: auto-generated\r\n";
  return out + "MIME-Version: 1.0\r\n";
}

}  // namespace

Result<std::shared_ptr<BodySource>> compose_mail(const MailMessage& message,
                                                 std::string_view boundary) {
  if (Status good = check(message); !good) return fail(std::move(good.error()));
  // "=_" stands in no quoted-printable, no base64 and no text that goes as it is (mail_text()).
  const std::string outer = "=_" + std::string(boundary);
  const std::string inner = outer + "a";
  auto composition = std::make_shared<Composition>();
  composition->add(head_of(message));
  if (message.attachments.empty()) {
    composition->add(body_part(message, inner));
    return composition;
  }
  composition->add(multipart("mixed", outer) + "--" + outer + "\r\n" + body_part(message, inner));
  for (const MailAttachment& attachment : message.attachments) {
    composition->add("\r\n--" + outer + "\r\n" + head_of(attachment));
    if (attachment.source)
      composition->add(attachment.source);
    else
      composition->add(mail_base64(attachment.content));
  }
  composition->add("\r\n--" + outer + "--\r\n");
  return composition;
}

}  // namespace stepwell::http
