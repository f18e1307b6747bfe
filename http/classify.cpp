#include "http/classify.h"

#include <curl/curl.h>

#include "base/ascii.h"
#include "base/json.h"

namespace stepwell::http {
namespace {

// libcurl's words without control characters, in parentheses, or nothing.
std::string in_words(std::string_view message) {
  if (message.empty()) return {};
  std::string out = " (";
  for (const char c : utf8_prefix(message, 300)) out += is_ascii_control(c) ? ' ' : c;
  return out + ")";
}

Problem communication(std::string code, std::string detail, bool retryable) {
  Problem problem = make_problem(ErrorKind::communication, std::move(code), std::move(detail));
  problem.retryable = retryable;
  return problem;
}

Problem tls_failed(const Failure& failure) {
  // A handshake can break off by chance; a certificate that is not trusted stays so.
  const bool by_chance = failure.curl_code == CURLE_SSL_CONNECT_ERROR;
  return communication("tls",
                       "no secure connection to " + failure.target + in_words(failure.message) +
                           (by_chance ? "" : "; check its certificate and the CA file"),
                       by_chance);
}

Problem identity_unusable(const Failure& failure) {
  return communication("tls",
                       "no secure connection to " + failure.target +
                           ": the client certificate or its key cannot be used" +
                           in_words(failure.message) +
                           "; check that they are PEM and belong together, and the passphrase",
                       false);
}

Problem identity_refused(const Failure& failure) {
  return communication("tls",
                       failure.target + " does not accept the client certificate, or asks for one" +
                           in_words(failure.message) + "; check the credential of the call",
                       false);
}

// A server says with an alert that it does not like the client's certificate. With TLS 1.3 it may
// come in the place of an answer, since the handshake has ended for the client by then (RFC 8446
// §4.4.2.4, §2).
bool is_refused_identity(std::string_view message) {
  const auto says = [message](std::string_view word) {
    return message.find(word) != std::string_view::npos;
  };
  return says("alert") && (says("certificate") || says("unknown ca"));
}

Problem connection_lost(const Failure& failure) {
  if (failure.answer_begun)
    return communication("cut-off",
                         "the connection to " + failure.target +
                             " broke in the middle of the answer" + in_words(failure.message),
                         true);
  if (!failure.repeatable && failure.sent != Sent::no)
    return outcome_unknown(failure.target, "the connection broke before an answer came");
  return connection_reset(failure.target, "closed the connection without an answer");
}

Problem out_of_memory(const Failure& failure) {
  // libcurl says "out of memory" of a header line longer than its own limit of 100 KB.
  if (failure.sent == Sent::no || failure.head_done)
    return overloaded("memory is short for the request to " + failure.target);
  return communication("headers-too-large",
                       "a header line in the answer of " + failure.target + " is too long", false);
}

std::string milliseconds(Milliseconds time) { return std::to_string(time.count()) + " ms"; }

}  // namespace

Problem classify(const Failure& failure) {
  switch (failure.curl_code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return communication(
          "dns",
          "the name of " + failure.target + " cannot be resolved" + in_words(failure.message),
          true);
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_PROXY:
      return communication("connect",
                           "cannot connect to " + failure.target + in_words(failure.message), true);
    case CURLE_SSL_CONNECT_ERROR:
      return is_refused_identity(failure.message) ? identity_refused(failure) : tls_failed(failure);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return tls_failed(failure);
    case CURLE_SSL_CERTPROBLEM:
      return identity_unusable(failure);
    case CURLE_SSL_CLIENTCERT:
      return identity_refused(failure);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP2:
    case CURLE_PARTIAL_FILE:
      return connection_lost(failure);
    case CURLE_RECV_ERROR:
      // Of a malformed chunk, libcurl tells in words alone.
      if (failure.message.find("chunked-encoding") != std::string_view::npos)
        return protocol_violated(failure.target, failure.message);
      if (!failure.answer_begun && is_refused_identity(failure.message))
        return identity_refused(failure);
      return connection_lost(failure);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WRITE_ERROR:
      return protocol_violated(failure.target, failure.message);
    case CURLE_URL_MALFORMAT:
      return make_problem(
          ErrorKind::configuration, "url-invalid",
          "the URL for " + failure.target + " cannot be used" + in_words(failure.message));
    case CURLE_OUT_OF_MEMORY:
      return out_of_memory(failure);
    case CURLE_OPERATION_TIMEDOUT: {
      Problem problem = make_problem(ErrorKind::timeout, "timeout",
                                     failure.target + " took too long" + in_words(failure.message));
      problem.retryable = true;
      return problem;
    }
    default:
      return failure.sent == Sent::no
                 ? communication("connect",
                                 "cannot connect to " + failure.target + in_words(failure.message),
                                 true)
                 : connection_lost(failure);
  }
}

Problem too_late(Late which, const std::string& target, const Request& request) {
  const auto timeout = [](std::string code, std::string detail) {
    Problem problem = make_problem(ErrorKind::timeout, std::move(code), std::move(detail));
    problem.retryable = true;
    return problem;
  };
  switch (which) {
    case Late::connect:
      return timeout("connect-timeout", "no connection to " + target + " within " +
                                            milliseconds(request.timeouts.connect));
    case Late::first_byte:
      return timeout("first-byte-timeout", target + " did not begin to answer within " +
                                               milliseconds(request.timeouts.first_byte) +
                                               " of the request");
    case Late::low_speed:
      return timeout("too-slow", "less than " + std::to_string(request.limits.low_speed.count) +
                                     " bytes a second went to or came from " + target + " for " +
                                     std::to_string(request.limits.low_speed_time.count()) + " s");
    case Late::total:
      break;
  }
  return timeout("timeout", "the call to " + target + " was not done in the time it had");
}

Problem body_too_large(const std::string& target, Bytes limit) {
  return communication("too-large",
                       "the answer of " + target + " is larger than the limit of " +
                           std::to_string(limit.count) + " bytes",
                       false);
}

Problem headers_too_large(const std::string& target, Bytes limit) {
  return communication("headers-too-large",
                       "the headers in the answer of " + target + " are larger than the limit of " +
                           std::to_string(limit.count) + " bytes",
                       false);
}

Problem protocol_violated(const std::string& target, std::string_view what) {
  return communication("http-protocol",
                       "the answer of " + target + " is not valid HTTP" + in_words(what), false);
}

Problem outcome_unknown(const std::string& target, std::string_view what) {
  return communication("outcome-unknown",
                       "the request may have been executed by " + target + ", but " +
                           std::string(what) +
                           "; it is not sent again, since it is not marked as idempotent: find out "
                           "there, then retry or skip the step",
                       false);
}

Problem connection_reset(const std::string& target, std::string_view what) {
  return communication("reset", target + " " + std::string(what), true);
}

Problem cancelled(const std::string& target) {
  return make_problem(ErrorKind::runtime, "cancelled", "the call to " + target + " was cancelled");
}

Problem overloaded(std::string_view what) {
  Problem problem = make_problem(ErrorKind::runtime, "overloaded", std::string(what));
  problem.retryable = true;
  return problem;
}

Problem finished(Problem problem, Sent sent, bool repeatable) {
  problem.retryable = problem.retryable && (repeatable || sent == Sent::no);
  return std::move(problem).with("sent", Value(to_string(sent)));
}

}  // namespace stepwell::http
