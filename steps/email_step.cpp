#include "steps/email_step.h"

#include <utility>

#include "steps/email_call.h"

namespace stepwell::steps {

std::shared_ptr<engine::RunningStep> EmailStep::start(engine::StepCall call,
                                                      engine::StepTicket ticket) {
  auto running =
      std::make_shared<EmailCall>(surroundings_, options_, std::move(call), std::move(ticket));
  running->begin();
  return running;
}

}  // namespace stepwell::steps
