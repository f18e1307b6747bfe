// A start that a client asks for: the files that its input names are claimed for the instance
// before it is admitted, and are free again where it is refused; with an Idempotency-Key it is
// compared with the start that it repeats. A ClientStart is one request's; start_for_client() may
// be called where engine::Engine::start() may be, and blocks where must_block() says so.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/message.h"
#include "api/responder.h"
#include "api/routes.h"
#include "api/services.h"
#include "auth/redactor.h"
#include "engine/engine.h"
#include "engine/files.h"

namespace stepwell::api {

// Owned by the callbacks of one start; used by one thread after the other.
class InputFiles {
 public:
  // Of the files that `input` names; null where it names none. Errors: validation/400
  // `request-invalid` for too many.
  static Result<std::shared_ptr<InputFiles>> of(engine::Files* files,
                                                const auth::Principal& principal,
                                                const Value& input);
  // One that nobody has settled is kept: it is found out later whether there is an instance.
  ~InputFiles() { keep(); }
  InputFiles(const InputFiles&) = delete;
  InputFiles& operator=(const InputFiles&) = delete;

  // Blocks. Errors: those of Files::claim(); 404 `file-unknown` also for one that is not for the
  // principal to see.
  Status claim(InstanceId id);
  bool claimed() const { return claim_.has_value(); }
  void keep();
  Status release();  // blocks

 private:
  InputFiles(engine::Files* files, const auth::Principal& principal, std::vector<std::string> ids)
      : files_(files), principal_(principal), ids_(std::move(ids)) {}

  engine::Files* const files_;  // null: there are none
  const auth::Principal principal_;
  const std::vector<std::string> ids_;
  std::optional<engine::FileClaim> claim_;
};

// What a request with an Idempotency-Key asked for.
struct AskedStart {
  std::string workflow;  // NAMESPACE/NAME
  std::string version;   // empty where the request named none: then that of the first one holds
  Value input;
  std::string key;  // under which it is to run; may be empty

  // Values that were stored after the first one make no difference.
  bool by(const engine::InstanceView& view, const auth::Redactor& redactor) const;
};

struct ClientStart {
  engine::StartRequest start;
  std::shared_ptr<InputFiles> files = {};  // null: none
  std::optional<AskedStart> asked = {};    // none: it is not compared
  // Records what became of it, "done" or the problem's code, before that is answered, also where
  // the client has gone; blocks. Its failure is the answer then. Empty: nothing is recorded.
  std::function<Status(std::string_view result)> note = {};

  // Does the disk have to be asked?
  bool must_block() const { return files != nullptr || !start.once.empty(); }
};

// What is needed for it; outlives the requests.
struct StartDesk {
  engine::Engine& engine;
  Blocking blocking;
  const auth::Redactor& redactor;
  Log& log;
};

// As Engine::start() has it.
using BeginStart =
    std::function<void(engine::StartRequest, std::function<void(Result<InstanceId>)>)>;
// Begins it, and answers where it is refused; else calls `started`, also on a thread of the engine
// and after the server has ended: it must not block, and goes back by the Responder for whatever
// belongs to the server. Errors: also validation/422 `idempotency-key-reused`.
void start_for_client(const StartDesk& desk, ClientStart what, const Responder& responder,
                      const BeginStart& begin, std::function<void(InstanceId)> started);

}  // namespace stepwell::api
