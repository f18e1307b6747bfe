// `stepwell credentials`: what steps present to other systems.
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "daemon/admin_commands.h"
#include "daemon/command_group.h"

namespace stepwell::daemon {

namespace {

constexpr const char* kCredentials = "/api/v1/credentials";

struct CredentialOptions {
  std::string name, kind, description, prefix, header, username, on_revoke, url;
  std::vector<std::string> origins, namespaces;
  bool all_namespaces = false, force = false;
  ExpiryOptions expiry;
  PageOptions page;
  std::string value;       // "-" or empty
  std::string value_file;  // empty: not given
  // Files with the further parts of a value; empty: not given.
  std::string refresh_token_file, subject_token_file, actor_token_file, session_token_file;
  std::string certificate_file, passphrase_file;
  // The settings of oauth2 and awsSigV4.
  std::string grant, token_url, client_authentication, audience, resource, region, service;
  std::vector<std::string> oauth_scopes;
};
using SharedCredentialOptions = std::shared_ptr<CredentialOptions>;

// Puts the text of a source into the body, without one newline at its end.
Status read_secret(CommandContext& context, const std::string& source, const char* member,
                   Value& body) {
  Result<std::string> text = read_source(context, source);
  if (!text) return fail(std::move(text).error());
  if (text->ends_with('\n')) text->pop_back();
  if (!is_valid_utf8(*text)) {
    wipe(*text);
    return fail(usage_problem("the secret is not UTF-8"));
  }
  body.set(member, *text);
  wipe(*text);
  return {};
}

// The main secret by --value-file or standard input, and what else belongs to it.
Status read_value(CommandContext& context, const CredentialOptions& options, Value& body) {
  const std::string source = options.value_file.empty() ? options.value : options.value_file;
  // A public client of oauth2 has none.
  const bool others = !options.refresh_token_file.empty() || !options.subject_token_file.empty();
  if (source.empty() && !others && options.client_authentication != "none")
    return fail(
        usage_problem("the secret is missing; give it by --value-file FILE or --value - (standard "
                      "input)"));
  const std::pair<const char*, const std::string&> parts[] = {
      {"value", source},
      {"refreshToken", options.refresh_token_file},
      {"subjectToken", options.subject_token_file},
      {"actorToken", options.actor_token_file},
      {"sessionToken", options.session_token_file},
      {"certificate", options.certificate_file},
      {"passphrase", options.passphrase_file}};
  for (const auto& [member, file] : parts) {
    if (file.empty()) continue;
    if (Status read = read_secret(context, file, member, body); !read) return read;
  }
  set_if_given(body, "username", options.username);
  return {};
}

// The settings of oauth2 and awsSigV4, where any is given.
void set_settings(const CredentialOptions& options, Value& body) {
  Value settings = Value::object();
  set_if_given(settings, "grant", options.grant);
  set_if_given(settings, "tokenUrl", options.token_url);
  set_if_given(settings, "clientAuthentication", options.client_authentication);
  if (!options.oauth_scopes.empty()) settings.set("scopes", text_array(options.oauth_scopes));
  set_if_given(settings, "audience", options.audience);
  set_if_given(settings, "resource", options.resource);
  set_if_given(settings, "region", options.region);
  set_if_given(settings, "service", options.service);
  if (!settings.members().empty()) body.set("settings", std::move(settings));
}

Result<AdminCall> add_credential(CommandContext& context, const CredentialOptions& options) {
  Value body = Value::object({{"name", options.name}, {"kind", options.kind}});
  body.set("origins", text_array(options.origins));
  if (!options.namespaces.empty()) body.set("namespaces", text_array(options.namespaces));
  set_if_given(body, "description", options.description);
  set_if_given(body, "prefix", options.prefix);
  set_if_given(body, "header", options.header);
  set_if_given(body, "expiresAt", options.expiry.expires);
  set_if_given(body, "onRevoke", options.on_revoke);
  set_settings(options, body);
  if (Status status = read_value(context, options, body); !status)
    return fail(std::move(status).error());
  return post(kCredentials, std::move(body));
}

Result<AdminCall> rotate_credential(CommandContext& context, const CredentialOptions& options) {
  Value body = Value::object();
  if (options.expiry.given()) body.set("expiresAt", options.expiry.value());
  set_settings(options, body);
  if (Status status = read_value(context, options, body); !status)
    return fail(std::move(status).error());
  return post(path_to(kCredentials, options.name, "/rotate"), std::move(body));
}

AdminCall change_credential(const CredentialOptions& options) {
  Value body = Value::object();
  set_if_given(body, "description", options.description);
  if (!options.origins.empty()) body.set("origins", text_array(options.origins));
  if (!options.namespaces.empty() || options.all_namespaces)
    body.set("namespaces", text_array(options.namespaces));
  set_if_given(body, "onRevoke", options.on_revoke);
  if (options.expiry.given()) body.set("expiresAt", options.expiry.value());
  return patch(path_to(kCredentials, options.name), std::move(body));
}

AdminCall test_credential(const CredentialOptions& options) {
  Value body;
  if (!options.url.empty()) body = Value::object({{"url", options.url}});
  AdminCall call = post(path_to(kCredentials, options.name, "/test"), std::move(body));
  call.judge = [](const Value& report) { return report.get("accepted") == Value(true); };
  return call;
}

void add_value(Command command, CredentialOptions& options) {
  const Argument file = command.text("--value-file", options.value_file,
                                     "File with the secret; one newline at its end is left out");
  Argument(file).kind("FILE");
  command.text("--value", options.value, "-: the secret from standard input")
      .check([](const std::string& text) {
        return text == "-" ? std::string()
                           : "takes - only: a secret on the command line could be seen by others; "
                             "use --value-file or standard input";
      })
      .excludes(file)
      .kind("-");
  command.text("--username", options.username,
               "basic, digest: the user name; oauth2: the client's id; awsSigV4: the access key's "
               "id");
  const auto part = [&command](const char* name, std::string& target, const char* about) {
    command.text(name, target, about).kind("FILE");
  };
  part("--refresh-token-file", options.refresh_token_file, "oauth2, grant refresh_token");
  part("--subject-token-file", options.subject_token_file, "oauth2, grant token_exchange");
  part("--actor-token-file", options.actor_token_file, "oauth2, grant token_exchange; optional");
  part("--session-token-file", options.session_token_file, "awsSigV4: of a temporary access key");
  part("--certificate-file", options.certificate_file,
       "clientCertificate: the certificate and its chain (PEM); the private key is the value");
  part("--passphrase-file", options.passphrase_file,
       "clientCertificate: of the private key; optional");
}

void add_settings(Command command, CredentialOptions& options) {
  command.text("--token-url", options.token_url, "oauth2: where tokens come from").kind("URL");
  command.text("--grant", options.grant, "oauth2 (default client_credentials)")
      .one_of({"client_credentials", "refresh_token", "token_exchange"});
  command.text("--client-authentication", options.client_authentication, "oauth2 (default basic)")
      .one_of({"basic", "post", "none"});
  command.texts("--scope", options.oauth_scopes, "oauth2; may be repeated");
  command.text("--audience", options.audience, "oauth2; optional");
  command.text("--resource", options.resource, "oauth2 (RFC 8707); optional");
  command.text("--region", options.region, "awsSigV4, e.g. eu-central-1");
  command.text("--service", options.service, "awsSigV4, e.g. execute-api");
}

void add_on_revoke(Command command, CredentialOptions& options) {
  command
      .text("--on-revoke", options.on_revoke,
            "finish (default): requests that are fully sent when it is revoked may end; abort: "
            "they are cut off")
      .one_of({"finish", "abort"});
}

void add_addition(Group& group, const SharedCredentialOptions& options) {
  Command add = group.add("add", "Store a credential", [options](CommandContext& context) {
    return add_credential(context, *options);
  });
  add.text("name", options->name, "By which definitions use it").required().kind("NAME");
  add.text("--kind", options->kind, "How it is presented")
      .required()
      .one_of({"basic", "bearer", "apiKey", "digest", "oauth2", "awsSigV4", "clientCertificate",
               "hmac"});
  add.texts("--origin", options->origins,
            "SCHEME://HOST[:PORT] that it may be sent to; may be repeated")
      .required()
      .kind("ORIGIN");
  add.texts("--namespace", options->namespaces,
            "Namespace whose workflows may use it; may be repeated (default: all)");
  add.text("--description", options->description, "For people");
  const Argument prefix =
      add.text("--prefix", options->prefix, "apiKey: sent as \"Authorization: PREFIX TOKEN\"");
  add.text("--header", options->header, "apiKey: sent as \"HEADER: TOKEN\"").excludes(prefix);
  add_on_revoke(add, *options);
  add_expiry(add, options->expiry);
  add_value(add, *options);
  add_settings(add, *options);
  add.footer(
      "Example:\n"
      "  printf %s \"$TOKEN\" | stepwell credentials add crm --kind bearer \\\n"
      "      --origin https://crm.example.com --expires 2031-01-31T12:00:00Z --value -");
}

void add_credential_changes(Group& group, const SharedCredentialOptions& options) {
  const auto named = [&options](Command command) {
    command.text("name", options->name, "Of the credential").required().kind("CREDENTIAL");
    return command;
  };
  Command rotate = named(group.add(
      "rotate", "Put a new value into force at once",
      [options](CommandContext& context) { return rotate_credential(context, *options); }));
  add_expiry_change(rotate, options->expiry);
  add_value(rotate, *options);
  add_settings(rotate, *options);
  rotate.footer("Example:\n  stepwell credentials rotate crm --value-file new-token");
  Command change =
      named(group.add("change", "Change description, origins, namespaces, expiry",
                      [options](CommandContext&) { return change_credential(*options); }));
  change.text("--description", options->description, "For people");
  change.texts("--origin", options->origins, "Takes the place of all; may be repeated")
      .kind("ORIGIN");
  const Argument spaces =
      change.texts("--namespace", options->namespaces, "Takes the place of all; may be repeated");
  change.flag("--all-namespaces", options->all_namespaces, "Workflows of every namespace")
      .excludes(spaces);
  add_on_revoke(change, *options);
  add_expiry_change(change, options->expiry);
  change.footer("Example:\n  stepwell credentials change crm --origin https://crm2.example.com");
  Command expiry =
      named(group.add("set-expiry", "Change when it expires; an expired one works again",
                      [options](CommandContext&) {
                        return patch_expiry(path_to(kCredentials, options->name), options->expiry);
                      }));
  add_expiry_change(expiry, options->expiry);
  expiry.footer("Example:\n  stepwell credentials set-expiry crm --never");
}

void add_credential_states(Group& group, const SharedCredentialOptions& options) {
  const auto simple = [&](const std::string& verb, const char* about) {
    Command command = group.add(verb, about, [options, verb](CommandContext&) {
      return post(path_to(kCredentials, options->name, "/" + verb) +
                  Query().flag("force", options->force).text());
    });
    command.text("name", options->name, "Of the credential").required().kind("CREDENTIAL");
    command.footer("Example:\n  stepwell credentials " + verb + " crm");
    return command;
  };
  add_force(simple("revoke", "Stop all use at once; final"), options->force);
  simple("enable", "Allow use again after disable or a rejection");
  simple("disable", "Forbid use until enable");
  Command deletion = group.add("delete", "Stop all use, erase the value and free the name; final",
                               [options](CommandContext&) {
                                 return remove(path_to(kCredentials, options->name) +
                                               Query().flag("force", options->force).text());
                               });
  deletion.text("name", options->name, "Of the credential").required().kind("CREDENTIAL");
  add_force(deletion, options->force);
  deletion.footer("Example:\n  stepwell credentials delete crm");
}

}  // namespace

void add_credentials_commands(CLI::App& app, CommandContext& context) {
  Group group(app, context, "credentials", "Credentials that steps present to other systems",
              Group::Reach::offline_too);
  const auto options = std::make_shared<CredentialOptions>();
  add_addition(group, options);
  Command list =
      group.add("list", "Show all credentials, never their values", [options](CommandContext&) {
        return options->page.list(
            kCredentials, {},
            {"name", "kind", "state", "version", "origins", "expiresAt", "lastUsedAt"});
      });
  options->page.filter(list, "--credential-name", "name", "A part of their names");
  options->page.filter(list, "--kind", "kind", "Of this kind");
  options->page.filter(list, "--state", "state", "In this state")
      .kind("active|expired|disabled|rejected|revoked");
  options->page.filter(list, "--namespace", "namespace", "That its workflows may use");
  options->page.filter(list, "--expires-before", "expiresBefore", "That expire before then")
      .kind("TIME");
  add_pages(list, options->page, "name, kind, createdAt, expiresAt or the like");
  list.footer("Example:\n  stepwell credentials list --expires-before 2027-01-31");
  const auto named = [&options](Command command) {
    command.text("name", options->name, "Of the credential").required().kind("CREDENTIAL");
    return command;
  };
  named(group.add("show", "Show one credential, never its value", [options](CommandContext&) {
    return get(path_to(kCredentials, options->name));
  })).footer("Example:\n  stepwell credentials show crm -o yaml");
  named(group.add("usage", "What refers to it, and when it was last used",
                  [options](CommandContext&) {
                    return get(path_to(kCredentials, options->name, "/usage"));
                  }))
      .footer("Example:\n  stepwell credentials usage crm");
  Command test = named(group.add("test", "Send one request with it, and see whether it is accepted",
                                 [options](CommandContext&) { return test_credential(*options); }));
  test.text("--url", options->url, "At an allowed origin (default: the first one's /)").kind("URL");
  test.footer("Exits 1 where it is not.\nExample:\n  stepwell credentials test crm");
  add_credential_changes(group, options);
  add_credential_states(group, options);
  group.command().footer("Example:\n  stepwell credentials revoke crm");
}

}  // namespace stepwell::daemon
