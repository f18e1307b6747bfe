// /api/v1/webhooks/{path}: calls from other systems that start an instance, by a signature, by an
// API key, or by nothing where the workflow says so.

#include <array>
#include <memory>
#include <utility>

#include "api/masked.h"
#include "api/routes.h"
#include "api/webhook.h"
#include "base/metrics.h"

namespace stepwell::api {

namespace {

using auth::Permission;

enum class WebhookOutcome : std::uint8_t { started, unauthenticated, refused };
constexpr std::array<const char*, 3> kWebhookOutcomes{"started", "unauthenticated", "refused"};

class Webhooks : public std::enable_shared_from_this<Webhooks> {
 public:
  explicit Webhooks(const Services& services) : services_(services) {
    for (std::size_t i = 0; i < counters_.size(); ++i)
      counters_.at(i) = services.metrics.counter("stepwell_webhook_requests_total",
                                                 "Calls of webhooks by what came of them.",
                                                 {{"outcome", kWebhookOutcomes.at(i)}});
  }

  void call(const Request& request, const Responder& responder);

 private:
  void count(WebhookOutcome outcome) const {
    counters_.at(static_cast<std::size_t>(outcome)).increment();
  }
  // Who calls may; the signature where there is one. `key`: the API key's id, if one was needed.
  Result<SignedMessage> authenticate(const config::Definition& definition, const Request& request,
                                     std::string& key);
  Result<SignedMessage> check_signature(const config::Definition& definition,
                                        const Request& request);
  Result<engine::StartRequest> prepare(const engine::Catalog::Entry& entry, const Request& request,
                                       const SignedMessage& message) const;

  const Services services_;
  std::array<Counter, kWebhookOutcomes.size()> counters_;
  Replays replays_;
};

Result<SignedMessage> Webhooks::check_signature(const config::Definition& definition,
                                                const Request& request) {
  const config::Webhook& webhook = *definition.webhook;
  const WallTime now = services_.clock.now();
  Result<SignedMessage> message = read_signature(*webhook.hmac, request, now);
  if (!message) return message;
  const Result<bool> right = services_.authority.gate().verify_hmac(
      {webhook.hmac->credential, definition.namespace_, message->message, message->mac});
  if (!right) {
    services_.log.debug("webhook credential",
                        {{"workflow", definition.id()}, {"problem", right.error().one_line()}});
    return fail(signature_invalid());
  }
  if (!*right || replays_.is_replay(webhook, request, *message, now))
    return fail(signature_invalid());
  return message;
}

Result<SignedMessage> Webhooks::authenticate(const config::Definition& definition,
                                             const Request& request, std::string& key) {
  if (definition.webhook->hmac) return check_signature(definition, request);
  if (definition.webhook->open) return SignedMessage{};
  const Result<auth::Principal> principal =
      services_.authority.keys().verify(request.authorization);
  if (!principal) return fail(principal.error());
  if (!principal->may(Permission::start_instances))
    return fail(make_problem(
        ErrorKind::authorization, "permission-denied",
        "user " + principal->user + " or this API key lacks the permission start-instances"));
  key = principal->key_id;
  return SignedMessage{};
}

Result<engine::StartRequest> Webhooks::prepare(const engine::Catalog::Entry& entry,
                                               const Request& request,
                                               const SignedMessage& message) const {
  const config::Definition& definition = *entry.definition;
  if (services_.ready) {
    if (Status status = services_.ready(); !status) {
      status.error().status = 503;
      return fail(std::move(status).error());
    }
  }
  if (const auto enabled = services_.catalog.find_enabled(definition.id()); !enabled)
    return fail(enabled.error());
  Result<Value> input = webhook_input(*definition.webhook, request);
  if (!input) return fail(std::move(input.error()));
  engine::StartRequest start;
  start.workflow = entry.workflow;
  start.input = masked(services_.authority.redactor(), *input);
  start.name = "webhook " + definition.webhook->path;
  start.once = delivery_of(*definition.webhook, request, message);
  // What came from outside may hold anything.
  if (!start.once.empty()) start.once = services_.authority.fingerprint(start.once);
  return start;
}

Response wrong_method(const std::string& method) {
  Response response = problem_response(
      request_problem(405, "method-not-allowed", "the method of this webhook is " + method));
  response.headers.push_back({"Allow", method});
  return response;
}

void Webhooks::call(const Request& request, const Responder& responder) {
  const auto entry = services_.catalog.webhook(request.parameters.at(0));
  if (!entry)
    return responder.answer(
        request_problem(404, "webhook-unknown", "no workflow has a webhook of this path"));
  const config::Definition& definition = *entry->definition;
  if (request.method != definition.webhook->method)
    return responder.answer(wrong_method(definition.webhook->method));
  std::string key;
  const Result<SignedMessage> message = authenticate(definition, request, key);
  if (!message) {
    count(WebhookOutcome::unauthenticated);
    return responder.answer(message.error());
  }
  Result<engine::StartRequest> start = prepare(*entry, request, *message);
  if (!start) {
    count(WebhookOutcome::refused);
    return responder.answer(start.error());
  }
  start->key = std::move(key);
  services_.engine.start(*std::move(start), [self = shared_from_this(), responder,
                                             id_of =
                                                 definition.id()](const Result<InstanceId>& id) {
    self->count(id ? WebhookOutcome::started : WebhookOutcome::refused);
    if (!id) return responder.answer(id.error());
    responder.answer(json_response(202, Value::object({{"id", id->number}, {"workflow", id_of}})));
  });
}

}  // namespace

// The routes are open: each webhook says what it asks for.
Status add_webhook_routes(Router& router, const Services& services, const Blocking& blocking) {
  const auto webhooks = std::make_shared<Webhooks>(services);
  const auto call = [webhooks, blocking](Request request, const Responder& responder) {
    const auto kept = std::make_shared<const Request>(std::move(request));
    // The journal may be asked whether the delivery was there before.
    const bool taken = blocking([webhooks, kept, responder] { webhooks->call(*kept, responder); });
    if (!taken) responder.answer(overloaded());
  };
  const std::string path = "/api/v1/webhooks/{path}";
  return add_all(router, {{"POST", path, Access::open(), AsyncHandler(call)},
                          {"PUT", path, Access::open(), AsyncHandler(call)}});
}

}  // namespace stepwell::api
