#include "steps/http_step.h"

#include <utility>

#include "steps/http_call.h"

namespace stepwell::steps {

HttpStep::~HttpStep() {
  if (surroundings_.rate_limits) surroundings_.rate_limits->close();
}

std::shared_ptr<engine::RunningStep> HttpStep::start(engine::StepCall call,
                                                     engine::StepTicket ticket) {
  const auto& body = std::get<config::HttpCallBody>(call.definition().body);
  CallRules rules{.authentication = body.authentication ? &*body.authentication : nullptr,
                  .options = &body.options.or_default(),
                  .output = body.output,
                  .redirect = body.redirect};
  auto running = std::make_shared<HttpCall>(surroundings_, options_, std::move(call),
                                            std::move(ticket), std::move(rules));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
