// How text is written in a mail: header fields that are encoded (RFC 2047) and folded (RFC 5322
// §2.2.3), and bodies in quoted-printable and base64 (RFC 2045 §6.7, §6.8). Lines end with CRLF.
// Pure functions, callable from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "http/mail_address.h"

namespace stepwell::http {

// "NAME: VALUE\r\n" of unstructured text without control characters, encoded where it is not plain
// ASCII, folded where it is long.
std::string mail_header(std::string_view name, std::string_view value);
// The same of addresses, one a line.
std::string mail_header(std::string_view name, const std::vector<MailAddress>& addresses);
// A parameter of a field such as Content-Disposition, with what separates it from the one before:
// `;\r\n name="value"`, or its extended form (RFC 2231 §4) where it is not plain ASCII.
std::string mail_parameter(std::string_view name, std::string_view value);
// RFC 5322 §3.3, in UTC: "Sat, 21 Nov 2026 14:02:05 +0000".
std::string mail_date(WallTime time);

// A body's text: with CRLF for every kind of line end; plain where it can go as it is (ASCII, lines
// of at most 998 bytes, nothing that looks like a boundary of ours), else quoted-printable.
struct MailText {
  std::string_view transfer_encoding;  // "7bit" or "quoted-printable"
  std::string body;                    // ends with CRLF
};
MailText mail_text(std::string_view text);

// Base64 in lines of 76 characters, each ended by CRLF; of bytes that are a part of a whole, all
// but the last need to be a multiple of kMailBase64Bytes long.
inline constexpr std::size_t kMailBase64Bytes = 57;
std::string mail_base64(std::string_view bytes);
std::uint64_t mail_base64_size(std::uint64_t bytes);
// The way back, white space left out; `into` has room for 3 bytes of every 4 characters begun. How
// many bytes they are, or nothing where it is no base64.
std::optional<std::size_t> decode_base64(std::string_view text, char* into);

}  // namespace stepwell::http
