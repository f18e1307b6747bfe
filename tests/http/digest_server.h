// The server's side of Digest authentication (RFC 7616), worked out apart from the client's: what a
// script of a MisbehavingServer needs to ask for a login and to judge one.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>

namespace stepwell::http::test {

inline std::string hex_digest(std::string_view algorithm, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  const bool sha256 = algorithm.substr(0, 7) == "SHA-256";
  EVP_Digest(text.data(), text.size(), bytes.data(), &size, sha256 ? EVP_sha256() : EVP_md5(),
             nullptr);
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[bytes[i] >> 4U];
    out += kDigits[bytes[i] & 15U];
  }
  return out;
}

struct Challenge {
  std::string nonce = "n1";
  std::string algorithm = "MD5";
  std::string qop = "auth";  // empty: none, as in RFC 2069
  bool stale = false;
  std::string more_headers = {};  // "A: b\r\n"
  std::string body = "who are you?";
};

inline std::string to_answer(const Challenge& challenge) {
  std::string out =
      "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"house\", nonce=\"" +
      challenge.nonce + "\", algorithm=" + challenge.algorithm;
  if (!challenge.qop.empty()) out += ", qop=\"" + challenge.qop + "\"";
  if (challenge.stale) out += ", stale=true";
  return out + "\r\nContent-Length: " + std::to_string(challenge.body.size()) + "\r\n" +
         challenge.more_headers + "\r\n" + challenge.body;
}

// The parameters of a request's login; empty where it has none.
inline std::map<std::string, std::string> login_of(std::string_view request) {
  std::map<std::string, std::string> out;
  constexpr std::string_view kName = "uthorization: Digest ";  // HTTP/2 spells names small
  const auto at = request.find(kName);
  if (at == std::string_view::npos) return out;
  std::string_view rest = request.substr(at + kName.size());
  rest = rest.substr(0, rest.find("\r\n"));
  while (!rest.empty()) {
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) break;
    const std::string name(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    const bool quoted = rest.substr(0, 1) == "\"";
    if (quoted) rest.remove_prefix(1);
    const std::string_view value = rest.substr(0, rest.find(quoted ? '"' : ','));
    out[name] = value;
    rest.remove_prefix(value.size());
    rest.remove_prefix(std::min(rest.find_first_not_of("\", "), rest.size()));
  }
  return out;
}

// Has the client proved, for this challenge, that it knows the password? RFC 7616 §3.4.1.
inline bool proves(std::string_view request, const Challenge& challenge, const std::string& user,
                   const std::string& password) {
  auto login = login_of(request);
  const auto hash = [&challenge](const std::string& text) {
    return hex_digest(challenge.algorithm, text);
  };
  const std::string method(request.substr(0, request.find(' ')));
  const std::string a1 = hash(user + ":house:" + password);
  const std::string a2 = hash(method + ":" + login["uri"]);
  const std::string expected = challenge.qop.empty()
                                   ? hash(a1 + ":" + challenge.nonce + ":" + a2)
                                   : hash(a1 + ":" + challenge.nonce + ":" + login["nc"] + ":" +
                                          login["cnonce"] + ":auth:" + a2);
  const std::string target(request.substr(method.size() + 1));
  return login["username"] == user && login["nonce"] == challenge.nonce &&
         target.starts_with(login["uri"] + " ") && login["response"] == expected;
}

inline std::string body_of(std::string_view request) {
  return std::string(request.substr(request.find("\r\n\r\n") + 4));
}

}  // namespace stepwell::http::test
