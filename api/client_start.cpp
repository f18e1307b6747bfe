#include "api/client_start.h"

#include <utility>

#include "api/file_upload.h"
#include "api/masked.h"

namespace stepwell::api {

namespace {

constexpr std::size_t kMostFilesNamed = 1000;

using Files = std::shared_ptr<InputFiles>;

// What the callbacks of one start share.
struct Asked {
  StartDesk desk;
  Files files;  // null: none
  std::optional<AskedStart> asked;
  std::function<Status(std::string_view)> note;  // empty: none
  Responder responder;
  std::function<void(InstanceId)> started;
};
using Asking = std::shared_ptr<const Asked>;

// Of another failure it is not sure that the instance does not come about: that is found out later.
bool is_refusal(const Problem& problem) {
  return problem.status < 500 || problem.code == "overloaded" || problem.code == "shutting-down";
}

// Nothing is left claimed, and all is recorded, once the answer is there.
void refuse(const Asking& asking, const Problem& problem) {
  const bool frees = asking->files && asking->files->claimed() && is_refusal(problem);
  if (asking->files && !frees) asking->files->keep();
  if (!frees && !asking->note) return asking->responder.answer(problem);
  const auto task = [asking, frees, problem] {
    if (const Status released = frees ? asking->files->release() : Status(); !released)
      asking->desk.log.warn("files of a start that was refused are not free",
                            {{"problem", released.error().one_line()}});
    const Status noted = asking->note ? asking->note(problem.code) : Status();
    asking->responder.answer(noted ? problem : noted.error());
  };
  if (!asking->desk.blocking(task)) task();
}

void admit(const Asking& asking, InstanceId id) {
  if (asking->files) asking->files->keep();
  const Status noted = asking->note ? asking->note("done") : Status();
  if (!noted) return asking->responder.answer(noted.error());
  asking->started(id);
}

Problem reused(InstanceId id) {
  return client_error(
      422, "idempotency-key-reused",
      "this Idempotency-Key was used before, to start instance " + std::to_string(id.number) +
          " with another workflow, version, input or runAs; take a new one for each thing to be "
          "done");
}

// Goes on where the instance, which may have been started before, is the one that was asked for.
void compare(const Asking& asking, InstanceId id) {
  const auto check = [asking, id](const engine::InstanceView& view) {
    if (!asking->asked->by(view, asking->desk.redactor)) return refuse(asking, reused(id));
    admit(asking, id);
  };
  engine::Engine& engine = asking->desk.engine;
  if (const std::optional<engine::InstanceView> view = engine.peek(id)) return check(*view);
  const bool taken = asking->desk.blocking([&engine, id, check, asking] {
    const std::optional<engine::InstanceView> view = engine.find(id);
    if (view) return check(*view);
    admit(asking, id);
  });
  if (!taken) asking->responder.answer(overloaded());
}

}  // namespace

Result<Files> InputFiles::of(engine::Files* files, const auth::Principal& principal,
                             const Value& input) {
  std::vector<std::string> ids = engine::file_ids(input);
  if (ids.empty()) return Files();
  if (ids.size() > kMostFilesNamed)
    return fail(client_error(400, "request-invalid", "more than 1000 files are named"));
  return Files(new InputFiles(files, principal, std::move(ids)));
}

Status InputFiles::claim(InstanceId id) {
  for (const std::string& file : ids_) {
    const auto info = files_ != nullptr ? files_->find(file)
                                        : Result<std::optional<engine::FileInfo>>(std::nullopt);
    if (!info) return fail(info.error());
    if (!*info || !may_see(principal_, **info))
      return fail(client_error(404, "file-unknown", "there is no file " + file));
  }
  Result<engine::FileClaim> claim = files_->claim(ids_, id);
  if (!claim) return fail(std::move(claim).error());
  claim_ = *std::move(claim);
  return {};
}

void InputFiles::keep() {
  if (const auto claim = std::exchange(claim_, std::nullopt)) files_->keep(*claim);
}

Status InputFiles::release() {
  const auto claim = std::exchange(claim_, std::nullopt);
  return claim ? files_->release(*claim) : Status();
}

bool AskedStart::by(const engine::InstanceView& view, const auth::Redactor& redactor) const {
  const bool same_workflow = version.empty()
                                 ? view.workflow.substr(0, view.workflow.find(':')) == workflow
                                 : view.workflow == workflow + ":" + version;
  return same_workflow && view.key == key &&
         masked(redactor, view.input) == masked(redactor, input);
}

void start_for_client(const StartDesk& desk, ClientStart what, const Responder& responder,
                      const BeginStart& begin, std::function<void(InstanceId)> started) {
  const auto asking =
      std::make_shared<const Asked>(Asked{desk, std::move(what.files), std::move(what.asked),
                                          std::move(what.note), responder, std::move(started)});
  if (asking->files)
    what.start.prepare = [files = asking->files](InstanceId id) { return files->claim(id); };
  begin(std::move(what.start), [asking](const Result<InstanceId>& id) {
    if (!id) return refuse(asking, id.error());
    if (!asking->asked && !asking->note) return admit(asking, *id);
    const auto go_on = [asking, id = *id] {
      if (asking->asked) return compare(asking, id);
      admit(asking, id);
    };
    // To compare or to record it takes too long for a thread of the engine. What has begun is
    // recorded all the same, also where the client or the server has gone.
    if (asking->note) {
      if (!asking->desk.blocking(go_on)) go_on();
      return;
    }
    if (asking->files && !asking->asked) asking->files->keep();
    asking->responder.resume(go_on);
  });
}

}  // namespace stepwell::api
