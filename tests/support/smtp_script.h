// A mail server as a script of the MisbehavingServer: says what a test wants at each stage, or
// nothing, or goes.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "tests/support/misbehaving_server.h"

namespace stepwell::test {

// In the place of an answer.
inline const std::string kHangUp = "(close)";
inline const std::string kResets = "(reset)";
inline const std::string kSaysNothing = "(silent)";

// By the first word of what the client says; "" is the greeting, "." the content's end, "content"
// what is done in the middle of it. What is not given is answered well.
using SmtpAnswers = std::map<std::string, std::string>;

inline MisbehavingServer::Script smtp_server(SmtpAnswers answers) {
  return [answers = std::move(answers)](MisbehavingServer::Connection& connection) {
    const auto play = [&](const std::string& word, const std::string& usual) {
      const auto found = answers.find(word);
      const std::string& answer = found == answers.end() ? usual : found->second;
      if (answer == kSaysNothing) connection.wait_for_close();
      if (answer == kResets) connection.reset();
      if (answer == kSaysNothing || answer == kResets || answer == kHangUp) return false;
      return answer.empty() || connection.send(answer);
    };
    if (!play("", "220 mx.example.com\r\n")) return;
    std::string read;
    std::size_t at = 0;
    bool content = false;
    while (true) {
      const std::size_t end = read.find("\r\n", at);
      if (end == std::string::npos) {
        read.erase(0, std::exchange(at, 0));
        const std::string more = connection.read_some(std::size_t{1} << 20U);
        if (more.empty()) return;
        read += more;
        continue;
      }
      const std::string line = read.substr(at, end - at);
      at = end + 2;
      if (content && line != ".") {
        if (answers.contains("content") && !play("content", "")) return;
        continue;
      }
      const std::string word = line.substr(0, line.find(' '));
      content =
          word == "DATA" && (!answers.contains("DATA") || answers.at("DATA").starts_with("3"));
      if (!play(word, word == "EHLO"
                          ? "250-mx.example.com\r\n250-AUTH PLAIN\r\n250 SIZE 100000000\r\n"
                      : word == "AUTH" ? "235 welcome\r\n"
                      : word == "DATA" ? "354 go\r\n"
                      : word == "QUIT" ? "221 bye\r\n"
                                       : "250 fine\r\n"))
        return;
    }
  };
}

}  // namespace stepwell::test
