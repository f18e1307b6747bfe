// `call: openapi`: gets the document (steps/openapi_documents.h), makes the request that it
// describes, and sends it as `call: http` does.
// Owned by daemon/wiring; start() is called on workers. stop() after the engine and before the
// reactor goes.
#pragma once

#include <memory>

#include "engine/ports.h"
#include "steps/http_step.h"
#include "steps/openapi_documents.h"

namespace stepwell::steps {

class OpenApiStep final : public engine::StepRunner {
 public:
  OpenApiStep(const HttpStepSurroundings& surroundings, HttpStepOptions http,
              OpenApiOptions options = {})
      : surroundings_(surroundings), http_(http), documents_(surroundings, http, options) {}

  std::shared_ptr<engine::RunningStep> start(engine::StepCall call,
                                             engine::StepTicket ticket) override;
  void stop() { documents_.stop(); }

  const OpenApiDocuments& documents() const noexcept { return documents_; }

 private:
  const HttpStepSurroundings surroundings_;
  const HttpStepOptions http_;
  OpenApiDocuments documents_;
};

}  // namespace stepwell::steps
