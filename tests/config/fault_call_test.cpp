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

TEST(CallFaults, AnOpenApiCallIsWrong) {
  expect_faults(
      task_faults,
      {
          {"{call: openapi}",
           "f.yaml:7:9: error: the keyword `with` is missing beside `call` (at "
           "/do/0/t/call)\n"},
          {"{call: openapi, with: {operationId: a}}",
           "f.yaml:7:24: error: the keyword `document` is missing (at /do/0/t/with)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}}}",
           "f.yaml:7:24: error: the keyword `operationId` is missing (at /do/0/t/with)\n"},
          {"{call: openapi, with: {document: 'https://h/', operationId: a}}",
           "f.yaml:7:41: error: expected a mapping, found text (at /do/0/t/with/document)\n"},
          {"{call: openapi, with: {document: {endpoint: 'h/d'}, operationId: a}}",
           "f.yaml:7:52: error: expected an absolute URI that begins with http:// or "
           "https://, found `h/d` (at /do/0/t/with/document/endpoint)\n"},
          {"{call: openapi, with: {document: {uri: 'https://h/'}, operationId: a}}",
           "f.yaml:7:31: error: the keyword `endpoint` is missing (at "
           "/do/0/t/with/document)\n"
           "f.yaml:7:42: error: unknown keyword `uri`; expected `name` or `endpoint` (at "
           "/do/0/t/with/document/uri)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}, operationId: ''}}",
           "f.yaml:7:80: error: expected the `operationId` of an operation (at "
           "/do/0/t/with/operationId)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}, operationId: 5}}",
           "f.yaml:7:80: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/with/operationId)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}, operation: a}}",
           "f.yaml:7:67: error: unknown keyword `operation`, did you mean `operationId`? "
           "(at /do/0/t/with/operation)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}, operationId: a, "
           "parameters: '${ . }'}}",
           "f.yaml:7:95: error: expected a mapping, found text (at "
           "/do/0/t/with/parameters)\n"},
          {"{call: openapi, with: {document: {endpoint: 'https://h/'}, operationId: a, "
           "output: text}}",
           "f.yaml:7:91: error: `text` is not known here; expected `content`, `raw` or "
           "`response` (at /do/0/t/with/output)\n"},
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
           "f.yaml:7:75: error: expected true or false, found text; write `true` (at "
           "/do/0/t/with/redirect)\n"},
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

TEST(CallFaults, AnOAuthPolicyIsWrong) {
  const std::string begin =
      "do:\n"
      "  - t:\n"
      "      call: http\n"
      "      with:\n"
      "        method: get\n"
      "        endpoint:\n"
      "          uri: https://h/\n"
      "          authentication:\n";
  expect_faults(
      body_faults,
      {
          {begin + "            oauth2: {grant: client_credential}\n",
           "f.yaml:14:13: error: the keyword `authority` is missing (at "
           "/do/0/t/with/endpoint/authentication/oauth2)\n"
           "f.yaml:14:29: error: `client_credential` is not known here, did you mean "
           "`client_credentials`? (at /do/0/t/with/endpoint/authentication/oauth2/grant)\n"},
          {begin + "            oauth2: {authority: 'ftp://h', grant: authorization_code}\n",
           "f.yaml:14:33: error: expected an absolute URI that begins with http:// or "
           "https://, found `ftp://h` (at "
           "/do/0/t/with/endpoint/authentication/oauth2/authority)\n"
           "f.yaml:14:51: error: the grant `authorization_code` needs a person at a "
           "browser, and is not supported by this version; get a refresh token by it "
           "once, store it with `stepwell credentials add` and write `authentication: "
           "{use: NAME}` (at /do/0/t/with/endpoint/authentication/oauth2/grant)\n"},
          {begin + "            oidc: {authority: 'https://h', grant: password, username: u, "
                   "endpoints: {}, client: {secret: 5}}\n",
           "f.yaml:14:13: error: the keyword `password` is missing (at "
           "/do/0/t/with/endpoint/authentication/oidc)\n"
           "f.yaml:14:74: error: unknown keyword `endpoints`; expected `authority`, "
           "`grant`, `client`, `request`, `issuers`, `scopes`, `audiences`, `username`, "
           "`password`, `subject` or `actor` (at "
           "/do/0/t/with/endpoint/authentication/oidc/endpoints)\n"
           "f.yaml:14:89: error: the keyword `id` is missing (at "
           "/do/0/t/with/endpoint/authentication/oidc/client)\n"
           "f.yaml:14:106: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/with/endpoint/authentication/oidc/client/secret)\n"},
          {begin + "            oidc:\n"
                   "              authority: https://h\n"
                   "              grant: 'urn:ietf:params:oauth:grant-type:token-exchange'\n"
                   "              client: {id: a, authentication: private_key_jwt}\n"
                   "              scopes: [1]\n"
                   "              request: {encoding: text/plain}\n"
                   "              subject: {token: x, typ: y}\n",
           "f.yaml:17:15: error: the keyword `assertion` is missing (at "
           "/do/0/t/with/endpoint/authentication/oidc/client)\n"
           "f.yaml:18:24: error: expected text, found a number; write it in quotes (at "
           "/do/0/t/with/endpoint/authentication/oidc/scopes/0)\n"
           "f.yaml:19:35: error: `text/plain` is not known here; expected "
           "`application/x-www-form-urlencoded` or `application/json` (at "
           "/do/0/t/with/endpoint/authentication/oidc/request/encoding)\n"
           "f.yaml:20:35: error: unknown keyword `typ`, did you mean `type`? (at "
           "/do/0/t/with/endpoint/authentication/oidc/subject/typ)\n"},
          {begin +
               "            oauth2: {authority: 'https://h', grant: client_credentials, client: "
               "{id: a, secret: b}, use: x}\n",
           "f.yaml:14:22: error: unknown keyword `authority`; expected `use` (at "
           "/do/0/t/with/endpoint/authentication/oauth2/authority)\n"
           "f.yaml:14:46: error: unknown keyword `grant`; expected `use` (at "
           "/do/0/t/with/endpoint/authentication/oauth2/grant)\n"
           "f.yaml:14:73: error: unknown keyword `client`; expected `use` (at "
           "/do/0/t/with/endpoint/authentication/oauth2/client)\n"
           "f.yaml:14:106: error: `x` is none of `use.secrets`; declare it there (at "
           "/do/0/t/with/endpoint/authentication/oauth2/use)\n"},
      });
}

TEST(CallFaults, WhatTheStandardLeavesOpenIsWrong) {
  const std::string begin =
      "do: [{t: {call: http, with: {method: get, endpoint: 'https://h/'}, metadata: {stepwell:\n"
      "  ";
  expect_faults(body_faults,
                {
                    {begin + "{rateLimit: 5}}}}]\n",
                     "f.yaml:7:15: error: expected a mapping, found a number (at "
                     "/do/0/t/metadata/stepwell/rateLimit)\n"},
                    {begin + "{rateLimit: {requests: 0, per: PT0S}}}}}]\n",
                     "f.yaml:7:26: error: expected a whole number from 1 to 100000 (at "
                     "/do/0/t/metadata/stepwell/rateLimit/requests)\n"},
                    {begin + "{rateLimit: {requests: 1}, proxy: 'socks5://h:1'}}}}]\n",
                     "f.yaml:7:4: error: the keyword `per` is missing (at "
                     "/do/0/t/metadata/stepwell/rateLimit)\n"
                     "f.yaml:7:37: error: expected the URL of a proxy, such as "
                     "`http://proxy.example.com:3128` (at /do/0/t/metadata/stepwell/proxy)\n"},
                    {begin + "{proxy: 'http://user:pw@h:1'}}}}]\n",
                     "f.yaml:7:11: error: the URL of a proxy cannot hold a user name or password "
                     "(at /do/0/t/metadata/stepwell/proxy)\n"},
                    {begin + "{proxy: 'http://h:1/path', tls: {credential: 5}}}}}]\n",
                     "f.yaml:7:11: error: the URL of a proxy is only its scheme, host and port (at "
                     "/do/0/t/metadata/stepwell/proxy)\n"
                     "f.yaml:7:48: error: expected text, found a number; write it in quotes (at "
                     "/do/0/t/metadata/stepwell/tls/credential)\n"},
                });
}

}  // namespace
}  // namespace stepwell::config
