#include "steps/http_step.h"

#include <utility>

#include "steps/http_call.h"

namespace stepwell::steps {

std::shared_ptr<engine::RunningStep> HttpStep::start(engine::StepCall call,
                                                     engine::StepTicket ticket) {
  auto running =
      std::make_shared<HttpCall>(surroundings_, options_, std::move(call), std::move(ticket));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
