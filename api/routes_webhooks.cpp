// /api/v1/webhooks/{path}: calls from other systems that start an instance, by a signature, by an
// API key, or by nothing where the workflow says so.

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "api/admission.h"
#include "api/client_start.h"
#include "api/masked.h"
#include "api/routes.h"
#include "api/webhook.h"
#include "base/metrics.h"

namespace stepwell::api {

namespace {

using auth::Permission;

enum class WebhookOutcome : std::uint8_t { started, unauthenticated, refused };
constexpr std::array<const char*, 3> kWebhookOutcomes{"started", "unauthenticated", "refused"};

// Who calls, as far as it could be shown.
struct Caller {
  SignedMessage message;                     // where there is a signature
  std::optional<auth::Principal> principal;  // where an API key was needed
};

class Webhooks : public std::enable_shared_from_this<Webhooks> {
 public:
  Webhooks(const Services& services, Admission& admission, const Blocking& blocking)
      : services_(services), admission_(admission), blocking_(blocking) {
    for (std::size_t i = 0; i < counters_.size(); ++i)
      counters_.at(i) = services.metrics.counter("stepwell_webhook_requests_total",
                                                 "Calls of webhooks by what came of them.",
                                                 {{"outcome", kWebhookOutcomes.at(i)}});
  }

  // All but what needs the disk is judged here, on an I/O thread.
  void call(const Request& request, const Responder& responder);

 private:
  void count(WebhookOutcome outcome) const {
    counters_.at(static_cast<std::size_t>(outcome)).increment();
  }
  Result<Caller> authenticate(const config::Definition& definition, const Request& request);
  Result<SignedMessage> check_signature(const config::Definition& definition,
                                        const Request& request);
  Status check_rate(const config::Webhook& webhook, const Caller& caller);
  Result<ClientStart> prepare(const engine::Catalog::Entry& entry, const Request& request,
                              const Caller& caller) const;
  void start(ClientStart what, const std::string& workflow, const Responder& responder);

  const Services services_;
  Admission& admission_;  // not used once call() has returned
  const Blocking blocking_;
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

// Who may call. One who cannot show it too often is told to wait, as with an API key that is none.
Result<Caller> Webhooks::authenticate(const config::Definition& definition,
                                      const Request& request) {
  if (definition.webhook->hmac) {
    Result<SignedMessage> message = check_signature(definition, request);
    if (!message) return fail(admission_.failed(request, std::move(message).error()));
    return Caller{*std::move(message), std::nullopt};
  }
  if (definition.webhook->open) return Caller{};
  Result<auth::Principal> principal = admission_.identify(request);
  if (!principal) return fail(std::move(principal).error());
  return Caller{{}, *std::move(principal)};
}

Status Webhooks::check_rate(const config::Webhook& webhook, const Caller& caller) {
  if (!caller.principal) return admission_.check_webhook_rate(webhook.path);
  std::optional<Allowance> allowance;
  if (Status few = admission_.check_rate(*caller.principal, allowance); !few) return few;
  if (caller.principal->may(Permission::start_instances)) return {};
  return fail(permission_denied(*caller.principal, Permission::start_instances));
}

Result<ClientStart> Webhooks::prepare(const engine::Catalog::Entry& entry, const Request& request,
                                      const Caller& caller) const {
  const config::Definition& definition = *entry.definition;
  if (const auto enabled = services_.catalog.find_enabled(definition.id()); !enabled)
    return fail(enabled.error());
  Result<Value> input = webhook_input(*definition.webhook, request);
  if (!input) return fail(std::move(input.error()));
  ClientStart what{};
  what.start.workflow = entry.workflow;
  what.start.input = masked(services_.authority.redactor(), *input);
  what.start.name = "webhook " + definition.webhook->path;
  what.start.once = delivery_of(*definition.webhook, request, caller.message);
  // What came from outside may hold anything.
  if (!what.start.once.empty()) what.start.once = services_.authority.fingerprint(what.start.once);
  if (!caller.principal) return what;
  what.start.key = caller.principal->key_id;
  Result<std::shared_ptr<InputFiles>> files =
      InputFiles::of(services_.files, *caller.principal, what.start.input);
  if (!files) return fail(std::move(files).error());
  what.files = *std::move(files);
  return what;
}

Response wrong_method(const std::string& method) {
  Response response = problem_response(
      client_error(405, "method-not-allowed", "the method of this webhook is " + method));
  response.headers.push_back({"Allow", method});
  return response;
}

void Webhooks::call(const Request& request, const Responder& responder) {
  const auto entry = services_.catalog.webhook(request.parameters.at(0));
  if (!entry)
    return responder.answer(
        client_error(404, "webhook-unknown", "no workflow has a webhook of this path"));
  const config::Definition& definition = *entry->definition;
  if (request.method != definition.webhook->method)
    return responder.answer(wrong_method(definition.webhook->method));
  const Result<Caller> caller = authenticate(definition, request);
  if (!caller) {
    count(WebhookOutcome::unauthenticated);
    return responder.answer(caller.error());
  }
  const auto refuse = [&](const Problem& problem) {
    count(WebhookOutcome::refused);
    responder.answer(problem);
  };
  if (const Status few = check_rate(*definition.webhook, *caller); !few) return refuse(few.error());
  if (const Status ready = admission_.check_ready(); !ready) return refuse(ready.error());
  Result<ClientStart> what = prepare(*entry, request, *caller);
  if (!what) return refuse(what.error());
  if (!what->must_block()) return start(*std::move(what), definition.id(), responder);
  // Whether the delivery was there before, the journal is asked.
  const auto kept = std::make_shared<ClientStart>(*std::move(what));
  const bool taken = blocking_([self = shared_from_this(), kept, id_of = definition.id(),
                                responder] { self->start(std::move(*kept), id_of, responder); });
  if (!taken) refuse(overloaded());
}

void Webhooks::start(ClientStart what, const std::string& workflow, const Responder& responder) {
  const auto begin = [self = shared_from_this()](
                         engine::StartRequest start,
                         const std::function<void(Result<InstanceId>)>& admitted) {
    self->services_.engine.start(std::move(start), [self, admitted](const Result<InstanceId>& id) {
      self->count(id ? WebhookOutcome::started : WebhookOutcome::refused);
      admitted(id);
    });
  };
  start_for_client({services_.engine, blocking_, services_.authority.redactor(), services_.log},
                   std::move(what), responder, begin, [responder, workflow](InstanceId id) {
                     responder.answer(json_response(
                         202, Value::object({{"id", id.number}, {"workflow", workflow}})));
                   });
}

}  // namespace

// The routes are open: each webhook says what it asks for.
Status add_webhook_routes(Router& router, const Services& services, Admission& admission,
                          const Blocking& blocking) {
  const auto webhooks = std::make_shared<Webhooks>(services, admission, blocking);
  const auto call = [webhooks](const Request& request, const Responder& responder) {
    webhooks->call(request, responder);
  };
  const std::string path = "/api/v1/webhooks/{path}";
  return add_all(router, {{"POST", path, Access::open(), AsyncHandler(call)},
                          {"PUT", path, Access::open(), AsyncHandler(call)}});
}

}  // namespace stepwell::api
