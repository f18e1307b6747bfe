// The whole text of the faults of `call: http`, as authors see them.
#include <gtest/gtest.h>

#include "tests/config/definitions.h"

namespace stepwell::config {
namespace {

TEST(CallFaults, AnEndpointIsWrong) {
  expect_faults(task_faults,
                {
                    {"{call: http, with: {method: get, endpoint: petstore/v2}}",
                     "f.yaml:7:51: error: expected an absolute URI that begins with http:// or "
                     "https://, found `petstore/v2` (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'ftp://h/'}}",
                     "f.yaml:7:51: error: expected an absolute URI that begins with http:// or "
                     "https://, found `ftp://h/` (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https:///x'}}",
                     "f.yaml:7:51: error: the URI names no host (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https://user:pw@h/'}}",
                     "f.yaml:7:51: error: a URI must not hold a user name or a password; use "
                     "`authentication: {use: NAME}` (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https://h/a b'}}",
                     "f.yaml:7:51: error: a URI cannot hold a space; write it percent-encoded (at "
                     "/do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https://h/{a'}}",
                     "f.yaml:7:51: error: a `{` is not closed (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https://h/a}'}}",
                     "f.yaml:7:51: error: a `}` without `{` (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 'https://h/{+a}'}}",
                     "f.yaml:7:51: error: `{+a}` is no name of a property of the input; only "
                     "`{name}` is replaced (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: 5}}",
                     "f.yaml:7:51: error: expected a URI or a mapping with `uri`, found a number "
                     "(at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: ''}}",
                     "f.yaml:7:51: error: the URI is empty (at /do/0/t/with/endpoint)\n"},
                    {"{call: http, with: {method: get, endpoint: {url: 'https://h/'}}}",
                     "f.yaml:7:52: error: unknown keyword `url`, did you mean `uri`? (at "
                     "/do/0/t/with/endpoint/url)\n"},
                    {"{call: http, with: {method: get, endpoint: '${ .u | }'}}",
                     "f.yaml:7:60: error: in the jq expression: expected an expression but found "
                     "the end of the expression (at /do/0/t/with/endpoint)\n"},
                });
}

TEST(CallFaults, ACallIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{call: http}",
           "f.yaml:7:9: error: the keyword `with` is missing beside `call` (at /do/0/t/call)\n"},
          {"{call: http, with: {methd: get, endpoint: 'https://h/'}}",
           "f.yaml:7:28: error: unknown keyword `methd`, did you mean `method`? (at "
           "/do/0/t/with/methd)\n"},
          {"{call: 5, with: {}}",
           "f.yaml:7:15: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/call)\n"},
          {"{call: http, with: {method: g et, endpoint: 'https://h/'}}",
           "f.yaml:7:36: error: `g et` is no HTTP method (at /do/0/t/with/method)\n"},
          {"{call: http, with: {method: connect, endpoint: 'https://h/'}}",
           "f.yaml:7:36: error: the method CONNECT is for proxies and cannot be called (at "
           "/do/0/t/with/method)\n"},
          {"{call: http, with: {method: pots, endpoint: 'https://h/'}}",
           "f.yaml:7:36: warning: `pots` is an unusual HTTP method, did you mean `POST`? (at "
           "/do/0/t/with/method)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', output: contnt}}",
           "f.yaml:7:73: error: `contnt` is not known here, did you mean `content`? (at "
           "/do/0/t/with/output)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', redirect: yes}}",
           "f.yaml:7:75: error: expected true or false, found text (at /do/0/t/with/redirect)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', headers: [a]}}",
           "f.yaml:7:74: error: expected a mapping or an expression `${ … }`, found a list (at "
           "/do/0/t/with/headers)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', headers: {host: x, "
           "Content-Length: '1', 'a b': c, X: 5}}}",
           "f.yaml:7:75: error: the header `Host` cannot be set in a definition (at "
           "/do/0/t/with/headers/host)\n"
           "f.yaml:7:84: error: the header `Content-Length` cannot be set in a definition (at "
           "/do/0/t/with/headers/Content-Length)\n"
           "f.yaml:7:105: error: `a b` is no name of a header (at /do/0/t/with/headers/a b)\n"
           "f.yaml:7:118: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/with/headers/X)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', headers: {X: \"a\\r\\nY: "
           "b\"}}}",
           "f.yaml:7:78: error: the value of a header cannot hold line breaks (at "
           "/do/0/t/with/headers/X)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', headers: {authorization: "
           "Bearer abc}}}",
           "f.yaml:7:90: warning: a credential written in the file; store it and write "
           "`authentication: {use: NAME}` beside the endpoint's `uri` (at "
           "/do/0/t/with/headers/authorization)\n"},
          {"{call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: {use: "
           "crm}}, headers: {Authorization: x}}}",
           "f.yaml:7:110: error: the header `Authorization` stands beside an `authentication`, "
           "which sets it (at /do/0/t/with/headers/Authorization)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/', query: text}}",
           "f.yaml:7:72: error: expected a mapping or an expression `${ … }`, found text (at "
           "/do/0/t/with/query)\n"},
          {"{call: http, with: {method: get, endpoint: 'https://h/'}, metadata: {stepwell: "
           "{idempotnt: true, maxResponseBytes: 0, timeout: {conect: PT1S}, idempotent: maybe}}}",
           "f.yaml:7:88: error: unknown keyword `idempotnt`; expected `idempotent`, `rateLimit`, "
           "`maxResponseBytes`, `timeout`, `tls` or `proxy` (at "
           "/do/0/t/metadata/stepwell/idempotnt)\n"
           "f.yaml:7:123: error: expected a whole number from 1 to 1099511627776 (at "
           "/do/0/t/metadata/stepwell/maxResponseBytes)\n"
           "f.yaml:7:136: error: unknown keyword `conect`, did you mean `connect`? (at "
           "/do/0/t/metadata/stepwell/timeout/conect)\n"
           "f.yaml:7:163: error: expected true or false, found text (at "
           "/do/0/t/metadata/stepwell/idempotent)\n"},
          {"{wait: PT1S, metadata: {stepwell: {idempotent: true}}}",
           "f.yaml:7:43: error: `idempotent` belongs to a `call` task (at "
           "/do/0/t/metadata/stepwell/idempotent)\n"},
      });
}

TEST(CallFaults, AnAuthenticationIsWrong) {
  expect_faults(
      body_faults,
      {
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "crm}}}\n",
           "f.yaml:7:87: error: expected a mapping, found text (at "
           "/do/0/t/with/endpoint/authentication)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{}}}}\n",
           "f.yaml:7:87: error: expected one of `use`, `basic`, `bearer`, `digest`, `oauth2` or "
           "`oidc` (at /do/0/t/with/endpoint/authentication)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{use: ''}}}}\n",
           "f.yaml:7:93: error: expected the name of a credential (at "
           "/do/0/t/with/endpoint/authentication/use)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{basc: {}}}}}\n",
           "f.yaml:7:88: error: unknown keyword `basc`, did you mean `basic`? (at "
           "/do/0/t/with/endpoint/authentication/basc)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{basic: {username: u}}}}}\n",
           "f.yaml:7:88: error: the keyword `password` is missing (at "
           "/do/0/t/with/endpoint/authentication/basic)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{basic: {use: s}}}}}\n",
           "f.yaml:7:101: error: `s` is none of `use.secrets`; declare it there (at "
           "/do/0/t/with/endpoint/authentication/basic/use)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{bearer: {token: 5}}}}}\n",
           "f.yaml:7:104: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/with/endpoint/authentication/bearer/token)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{bearer: {use: s, token: x}}}}}\n",
           "f.yaml:7:96: error: either `use` or `token`, not both (at "
           "/do/0/t/with/endpoint/authentication/bearer)\n"
           "f.yaml:7:102: error: `s` is none of `use.secrets`; declare it there (at "
           "/do/0/t/with/endpoint/authentication/bearer/use)\n"},
          {"do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{basic: {use: s}, bearer: {token: x}}}}}\n",
           "f.yaml:7:87: error: expected one of `use`, `basic`, `bearer`, `digest`, `oauth2` or "
           "`oidc`, found several (at /do/0/t/with/endpoint/authentication)\n"},
          {"use: {secrets: [storeKey], authentications: {petStore: {bearer: {token: x}}, b: {use: "
           "x}}}\n"
           "do:\n"
           "  - t: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{use: petStor}}}}\n"
           "  - u: {call: http, with: {method: get, endpoint: {uri: 'https://h/', authentication: "
           "{bearer: {use: storKey}}}}}\n",
           "f.yaml:6:82: error: unknown keyword `use`; expected `basic`, `bearer`, `digest`, "
           "`oauth2` or `oidc` (at /use/authentications/b/use)\n"
           "f.yaml:8:93: warning: `petStor` is none of `use.authentications`, did you mean "
           "`petStore`? As it stands it names a stored credential (at "
           "/do/0/t/with/endpoint/authentication/use)\n"
           "f.yaml:9:102: error: `storKey` is none of `use.secrets`, did you mean `storeKey`? (at "
           "/do/1/u/with/endpoint/authentication/bearer/use)\n"},
      });
}

}  // namespace
}  // namespace stepwell::config
