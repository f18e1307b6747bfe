// Every way in which a request can be authenticated, for the tests that go through all of them:
// each kind of stored credential, the policies that stand in a definition, and the headers that
// authors set by themselves. Plain values.
#pragma once

#include <string>
#include <vector>

#include "auth/credential.h"
#include "tests/http/client_certificates.h"
#include "tests/steps/witness.h"

namespace stepwell::steps::test {

struct Kind {
  enum class By : std::uint8_t { nothing, stored, definition, header };
  std::string name;
  By by = By::nothing;
  auth::CredentialKind kind = auth::CredentialKind::bearer;
  std::string field;  // the header that carries it, in small letters; none for a certificate

  bool is(auth::CredentialKind other) const { return by == By::stored && kind == other; }
};

std::vector<Kind> all_kinds();

// One credential of a kind. Its values are made of `tag`, so that two tags share nothing.
class Login {
 public:
  Login(const Kind& kind, std::string tag, http::test::ClientCertificates& certificates);

  const Kind& kind() const { return kind_; }
  // For a stored one; the same values in another version are those of another tag's Login.
  auth::CredentialValue value() const;
  auth::NewCredential stored(const std::string& name, const Witness& witness) const;
  // Of a task: method and endpoint, with what authenticates it.
  std::string call(const std::string& method, const std::string& url, const Witness& witness,
                   const std::string& with = "", const std::string& stored_name = "") const;

  // The request proves that its sender has this credential.
  bool carried_by(const Seen& seen) const;
  // Some form of it is in the request, or in its connection's handshake: more than carried_by().
  bool traced_in(const Seen& seen) const;

 private:
  const Kind kind_;
  const std::string tag_;
  http::TlsIdentity identity_;
  std::vector<std::string> traces_;
};

}  // namespace stepwell::steps::test
