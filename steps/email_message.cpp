#include "steps/email_message.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "http/mail_address.h"
#include "http/mail_message.h"
#include "http/mail_text.h"
#include "steps/file_source.h"

namespace stepwell::steps {

namespace {

using http::mail_invalid;
using http::MailAddress;
using Addresses = std::vector<MailAddress>;

constexpr std::size_t kMostRecipients = 1000;  // RFC 5321 §4.5.3.1.8 says at least 100
constexpr std::size_t kMostAttachments = 100;
constexpr std::size_t kLongestName = 255;

// Adds those of a text ("a@x.org, Ana <b@x.org>"), an object {name, address} or a list of both.
Status add_addresses(Addresses& to, const char* what, const Value& value) {
  if (value.is_null()) return {};
  if (value.is_array()) {
    for (const Value& each : value.elements()) {
      if (each.is_array()) return fail(mail_invalid(std::string(what) + " is a list of lists"));
      if (Status added = add_addresses(to, what, each); !added) return added;
    }
    return {};
  }
  if (value.is_string()) {
    auto read = http::parse_mail_addresses(value.as_string());
    if (!read) return fail(std::move(read.error()));
    std::move(read->begin(), read->end(), std::back_inserter(to));
    return {};
  }
  const Value& address = value.get("address");
  const Value& name = value.get("name");
  if (!address.is_string() || !(name.is_null() || name.is_string()))
    return fail(mail_invalid(std::string(what) +
                             " is neither an address nor an object of name and address"));
  auto made = http::make_mail_address(name.is_string() ? name.as_string() : std::string_view(),
                                      address.as_string());
  if (!made) return fail(std::move(made.error()));
  to.push_back(std::move(*made));
  return {};
}

Result<std::string> optional_text(const Value& arguments, const char* name) {
  const Value& value = arguments.get(name);
  if (value.is_null()) return std::string();
  if (!value.is_string()) return fail(mail_invalid("`" + std::string(name) + "` is no text"));
  return std::string(value.as_string());
}

// What lies in the instance's own data: text, or bytes in base64.
Result<http::MailAttachment> inline_attachment(const Value& value) {
  const Value& name = value.get("name");
  const Value& content = value.get("content");
  const Value& type = value.get("mediaType");
  const Value& encoding = value.get("encoding");
  if (!name.is_string() || !content.is_string())
    return fail(mail_invalid(
        "an attachment is neither a file nor an object with the texts `name` and `content`"));
  http::MailAttachment attachment;
  attachment.name = std::string(name.as_string());
  if (attachment.name.size() > kLongestName)
    return fail(mail_invalid("an attachment's name is too long"));
  attachment.content = std::string(content.as_string());
  attachment.media_type =
      type.is_string() ? std::string(type.as_string()) : "text/plain; charset=utf-8";
  if (encoding.is_null()) return attachment;
  if (!encoding.is_string() || encoding.as_string() != "base64")
    return fail(mail_invalid("an attachment's `encoding` can only be base64"));
  std::string bytes(attachment.content.size(), '\0');
  const auto count = http::decode_base64(attachment.content, bytes.data());
  if (!count) return fail(mail_invalid("an attachment's content is not the base64 that it says"));
  bytes.resize(*count);
  attachment.content = std::move(bytes);
  if (!type.is_string()) attachment.media_type = "application/octet-stream";
  return attachment;
}

Result<http::MailAttachment> file_attachment(engine::Files* files, const std::string& id) {
  http::MailAttachment attachment;
  if (files != nullptr) {
    auto info = files->find(id);
    if (!info) return fail(std::move(info.error()));
    if (*info) {
      attachment.name = (*info)->name;
      attachment.media_type = (*info)->media_type;
    }
  }
  // One that is unknown is refused here.
  auto source = body_source(files, {{{}, id}});
  if (!source) return fail(std::move(source.error()));
  attachment.source = std::move(*source);
  return attachment;
}

Status add_attachments(http::MailMessage& message, engine::Files* files, const Value& value) {
  if (value.is_null()) return {};
  const Value list = value.is_array() ? value : Value::array({value});
  if (list.size() > kMostAttachments)
    return fail(mail_invalid("more than " + std::to_string(kMostAttachments) + " attachments"));
  for (const Value& each : list.elements()) {
    std::optional<std::string> id = engine::file_id(each);
    if (!id && each.is_string()) id = std::string(each.as_string());
    auto attachment = id ? file_attachment(files, *id) : inline_attachment(each);
    if (!attachment) return fail(std::move(attachment.error()));
    message.attachments.push_back(std::move(*attachment));
  }
  return {};
}

Status add_people(http::MailMessage& message, Addresses& bcc, const Value& arguments,
                  const EmailStepOptions& options) {
  Addresses from;
  const Value& given = arguments.get("from");
  const Value fallback(options.from);
  if (Status read = add_addresses(from, "`from`", given.empty() ? fallback : given); !read)
    return read;
  if (from.size() != 1)
    return fail(mail_invalid(from.empty() ? "the step has no `from`, and the setting `email.from` "
                                            "is empty"
                                          : "`from` is more than one address"));
  message.from = std::move(from.front());
  for (const auto& [name, into] : {std::pair{"to", &message.to},
                                   {"cc", &message.cc},
                                   {"bcc", &bcc},
                                   {"replyTo", &message.reply_to}})
    if (Status read = add_addresses(*into, name, arguments.get(name)); !read) return read;
  return {};
}

// Each once, however often it is named; a domain's letters are alike (RFC 5321 §2.4).
Result<std::vector<std::string>> recipients_of(const http::MailMessage& message,
                                               const Addresses& bcc) {
  std::vector<std::string> recipients;
  std::set<std::string> seen;
  for (const Addresses* list : {&message.to, &message.cc, &bcc}) {
    for (const MailAddress& one : *list) {
      const std::size_t at = one.address.find('@');
      if (seen.insert(one.address.substr(0, at) + ascii_lower(one.address.substr(at))).second)
        recipients.push_back(one.address);
    }
  }
  if (recipients.empty()) return fail(mail_invalid("the mail goes to nobody"));
  if (recipients.size() > kMostRecipients)
    return fail(mail_invalid("the mail goes to more than " + std::to_string(kMostRecipients) +
                             " addresses"));
  return recipients;
}

std::string texts_of(const http::MailMessage& message, const std::vector<std::string>& recipients) {
  std::string texts = message.subject + "\n" + message.text.value_or("") + "\n" +
                      message.html.value_or("") + "\n" + message.from.name + "\n" +
                      message.from.address;
  for (const Addresses* list : {&message.to, &message.cc, &message.reply_to})
    for (const MailAddress& one : *list)
      texts.append("\n").append(one.name).append("\n").append(one.address);
  for (const std::string& recipient : recipients) texts.append("\n").append(recipient);
  for (const http::MailAttachment& one : message.attachments)
    for (const std::string* part : {&one.name, &one.media_type, &one.content})
      texts.append("\n").append(*part);
  return texts;
}

}  // namespace

Result<Email> make_email(const Value& arguments, const EmailContext& context) {
  Email email;
  auto server = optional_text(arguments, "server");
  if (!server) return fail(std::move(server.error()));
  email.own_server = !server->empty() && *server != context.options.server;
  email.url = server->empty() ? context.options.server : *server;
  if (email.url.empty())
    return fail(
        mail_invalid("the step names no `server`, and the setting `email.server` is empty"));
  auto url = http::parse_mail_url(email.url);
  if (!url) return fail(std::move(url.error()));
  email.origin = std::move(url->origin);

  http::MailMessage message;
  Addresses bcc;
  if (Status read = add_people(message, bcc, arguments, context.options); !read)
    return fail(std::move(read.error()));
  auto recipients = recipients_of(message, bcc);
  if (!recipients) return fail(std::move(recipients.error()));
  auto subject = optional_text(arguments, "subject");
  if (!subject) return fail(std::move(subject.error()));
  message.subject = std::move(*subject);
  for (const auto& [name, into] : {std::pair{"body", &message.text}, {"html", &message.html}}) {
    auto text = optional_text(arguments, name);
    if (!text) return fail(std::move(text.error()));
    if (arguments.get(name).is_string()) *into = std::move(*text);
  }
  if (Status added = add_attachments(message, context.files, arguments.get("attachments")); !added)
    return fail(std::move(added.error()));
  message.message_id =
      std::string(context.key) + "@" + std::string(http::mail_domain(message.from.address));
  message.date = context.now;
  email.message_id = "<" + message.message_id + ">";
  email.texts = texts_of(message, *recipients);

  auto content = http::compose_mail(message, context.boundary);
  if (!content) return fail(std::move(content.error()));
  auto mail = std::make_shared<http::Mail>();
  mail->sender = message.from.address;
  mail->recipients = std::move(*recipients);
  mail->content = std::move(*content);
  mail->start_tls = context.options.start_tls;
  mail->partial = arguments.get("partial").truthy();
  email.mail = std::move(mail);
  return email;
}

}  // namespace stepwell::steps
