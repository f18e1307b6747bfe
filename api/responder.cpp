#include "api/responder.h"

namespace stepwell::api {

Responder::State::~State() {
  if (answered.load()) return;
  sink->respond(problem_response(make_problem(ErrorKind::runtime, "unanswered",
                                              "the request was given up without an answer")));
}

}  // namespace stepwell::api
