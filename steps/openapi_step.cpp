#include "steps/openapi_step.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "http/url.h"
#include "steps/finished_result.h"
#include "steps/http_call.h"
#include "steps/openapi_request.h"
#include "steps/openapi_security.h"

namespace stepwell::steps {

namespace {

std::string openapi_text(const Value& value) {
  return value.is_string() ? std::string(value.as_string()) : std::string();
}

// One execution: waits for the document, then is the call that it describes.
class OpenApiCall final : public engine::RunningStep,
                          public std::enable_shared_from_this<OpenApiCall> {
 public:
  OpenApiCall(const HttpStepSurroundings& surroundings, const HttpStepOptions& http,
              OpenApiDocuments& documents, engine::StepCall call, engine::StepTicket ticket)
      : surroundings_(surroundings),
        http_(http),
        documents_(documents),
        call_(std::move(call)),
        ticket_(std::move(ticket)),
        body_(std::get<config::OpenApiCallBody>(call_.definition().body)) {}

  void begin() {
    if (auto stands = key_stands(); !stands) return finish_waiting(std::move(stands.error()));
    const FetchWish wish = document_wish();
    auto share = sharers(wish);
    if (!share) return finish_waiting(std::move(share.error()));
    const std::uint64_t waiter = documents_.get(
        wish, *share, call_, [self = shared_from_this()](Result<KnownDocument> known) {
          self->go_on(std::move(known));
        });
    {
      const std::scoped_lock lock(mutex_);
      waiter_ = waiter;
      if (!cancelled_) return;
    }
    documents_.drop(waiter);  // it was cancelled before the waiter was known
  }

  void cancel() override {
    std::shared_ptr<HttpCall> inner;
    std::uint64_t waiter = 0;
    bool waited = false;
    {
      const std::scoped_lock lock(mutex_);
      cancelled_ = true;
      inner = inner_;
      waiter = waiter_;
      waited = std::exchange(waiting_, false);
    }
    if (inner != nullptr) return inner->cancel();
    if (waiter != 0) documents_.drop(waiter);
    if (waited) finish(make_problem(ErrorKind::runtime, "cancelled", "the step was cancelled"));
  }

 private:
  // Whoever gets true has to finish the step, or hand it on.
  bool end_waiting() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(waiting_, false);
  }

  void finish_waiting(Problem problem) {
    if (end_waiting()) finish(std::move(problem));
  }

  void finish(Problem problem) const {
    ticket_.finish(std::make_unique<FinishedResult>(fail(std::move(problem).with("sent", "no"))));
  }

  const std::string& key() const {
    const std::string& run_as = call_.program->definition().run_as;
    return run_as.empty() ? call_.key : run_as;
  }

  Status key_stands() const { return key().empty() ? Status{} : surroundings_.keys.stands(key()); }

  FetchWish document_wish() const {
    const auto& policy = body_.document.authentication;
    FetchWish wish;
    wish.url = openapi_text(call_.arguments.get("document"));
    wish.authentication = policy ? &*policy : nullptr;
    wish.authentication_values = call_.arguments.get("documentAuthentication");
    wish.options = body_.options.or_default();
    wish.options.rate_limit.reset();
    if (!may_show_certificate(wish.url)) wish.options.tls_credential.clear();
    // What nobody authenticates for is the same for everybody.
    wish.keyed = policy.has_value() || !wish.options.tls_credential.empty();
    return wish;
  }

  // The document may lie elsewhere than what the certificate is for.
  bool may_show_certificate(const std::string& url) const {
    const auto certificate = surroundings_.gate.find(body_.options.or_default().tls_credential);
    const auto parsed = http::parse_url(url);
    if (!certificate || !parsed) return false;
    return std::any_of(
        certificate->origins.begin(), certificate->origins.end(),
        [&](const auth::OriginPattern& origin) { return origin.matches(parsed->origin); });
  }

  // Who may have the same document: the same credential for the same namespace and key, by the same
  // way. It is asked here whether the credential may be used for it, since what is kept needs no
  // fetch.
  Result<std::string> sharers(const FetchWish& wish) const {
    std::string share = "ca " + wish.options.ca_file + "\nproxy " + wish.options.proxy + "\ntls " +
                        wish.options.tls_credential;
    if (!wish.keyed) return share;
    share += "\nnamespace " + call_.program->definition().namespace_ + "\nkey " + key();
    const auto url = http::parse_url(wish.url);
    if (!url) return std::string();  // the fetch says so
    const auto add = [&](const char* what, std::string_view credential) -> Status {
      if (credential.empty()) return {};
      auto version = surroundings_.gate.check_use(
          {credential, url->origin, call_.program->definition().namespace_});
      if (!version) return fail(std::move(version.error()));
      share.append(what).append(*version);
      return {};
    };
    if (auto stands = add("\ncertificate ", wish.options.tls_credential); !stands)
      return fail(std::move(stands.error()));
    if (wish.authentication == nullptr) return share;
    const config::Authentication& policy = *wish.authentication;
    if (!policy.credential.empty()) {
      if (auto stands = add("\ncredential ", policy.credential); !stands)
        return fail(std::move(stands.error()));
      return share;
    }
    using Kind = config::Authentication::Kind;
    if (policy.kind != Kind::basic && policy.kind != Kind::bearer && policy.kind != Kind::digest)
      return std::string();
    const bool token = policy.kind == Kind::bearer;
    const std::string username = openapi_text(wish.authentication_values.get("username"));
    const std::string secret =
        openapi_text(wish.authentication_values.get(token ? "token" : "password"));
    const auto kind = token                         ? auth::CredentialKind::bearer
                      : policy.kind == Kind::digest ? auth::CredentialKind::digest
                                                    : auth::CredentialKind::basic;
    const auto grant = surroundings_.gate.authorize_inline({kind, username, secret});
    if (!grant) return fail(grant.error());
    return share + "\ninline " + grant->pool;
  }

  // On the thread that reads documents, or in begin().
  void go_on(Result<KnownDocument> known) {
    if (!known) return finish_waiting(std::move(known.error()));
    auto inner = make_call(*known);
    if (!inner) return finish_waiting(std::move(inner.error()));
    {
      const std::scoped_lock lock(mutex_);
      if (!std::exchange(waiting_, false)) return;
      inner_ = *inner;
    }
    (*inner)->begin();
  }

  Result<std::shared_ptr<HttpCall>> make_call(const KnownDocument& known) {
    const Value& id = call_.arguments.get("operationId");
    if (!id.is_string()) {
      return fail(
          make_problem(ErrorKind::configuration, "operation-unknown",
                       "operationId must be a string; it is " + std::string(kind_name(id))));
    }
    const auto operation = known.document->find(id.as_string());
    if (!operation) return fail(operation.error());
    const Value& parameters = call_.arguments.get("parameters");
    if (!parameters.is_null() && !parameters.is_object()) {
      return fail(make_problem(
          ErrorKind::validation, "parameter-invalid",
          "parameters must be an object; it is " + std::string(kind_name(parameters))));
    }
    auto request = openapi_request(**operation, parameters, known.url);
    if (!request) return fail(std::move(request.error()));
    CallRules rules{.authentication = nullptr,
                    .options = &body_.options.or_default(),
                    .output = body_.output,
                    .redirect = body_.redirect};
    Value values;
    if (auto chosen = choose(**operation, *known.document, rules, values); !chosen)
      return fail(std::move(chosen.error()));
    for (const Value::Member& member : values.members()) request->set(member.name(), member.value);
    engine::StepCall call = call_;
    call.arguments = std::move(*request);
    // Only here is the method known; the engine was told to be careful.
    call.repeatable = body_.options.or_default().idempotent.value_or(
        config::is_idempotent_method((*operation)->method));
    return std::make_shared<HttpCall>(surroundings_, http_, std::move(call), ticket_,
                                      std::move(rules));
  }

  // What the task says, else what the document asks for. `values`: of a policy that the task itself
  // names and that is written out in the definition; a document gets none of these.
  Status choose(const OpenApiOperation& operation, const OpenApiDocument& document,
                CallRules& rules, Value& values) {
    if (body_.authentication) {
      rules.authentication = &*body_.authentication;
      values = call_.arguments.get("authentication");
      return {};
    }
    const SecurityLookup lookup{
        body_.named.get(), [this](std::string_view name) { return surroundings_.gate.find(name); }};
    const auto chosen = choose_security(operation, document, lookup);
    if (!chosen) return fail(chosen.error());
    rules.advice = chosen->advice;
    if (!chosen->named.empty()) {
      rules.authentication = &body_.named->find(chosen->named)->second;
    } else if (!chosen->stored.empty()) {
      auto policy = std::make_shared<config::Authentication>();
      policy->credential = chosen->stored;
      rules.authentication = policy.get();
      rules.keeper = std::move(policy);
    }
    return {};
  }

  const HttpStepSurroundings surroundings_;
  const HttpStepOptions http_;
  OpenApiDocuments& documents_;
  const engine::StepCall call_;
  const engine::StepTicket ticket_;
  const config::OpenApiCallBody& body_;

  std::mutex mutex_;
  bool cancelled_ = false;           // guarded by mutex_
  bool waiting_ = true;              // guarded by mutex_; for the document
  std::uint64_t waiter_ = 0;         // guarded by mutex_
  std::shared_ptr<HttpCall> inner_;  // guarded by mutex_
};

}  // namespace

std::shared_ptr<engine::RunningStep> OpenApiStep::start(engine::StepCall call,
                                                        engine::StepTicket ticket) {
  auto running = std::make_shared<OpenApiCall>(surroundings_, http_, documents_, std::move(call),
                                               std::move(ticket));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
