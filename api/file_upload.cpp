#include "api/file_upload.h"

#include <algorithm>
#include <utility>

#include "api/instance_view.h"
#include "api/once.h"

namespace stepwell::api {

namespace {

// Of what was looked through so much is looked at once more, if no secret in its longest form is
// longer.
constexpr std::size_t kOverlap = 16UL * 1024;
// Looking for secrets in so much at a time costs little beside what is looked through twice.
constexpr std::size_t kLookAt = 256UL * 1024;

Problem secret_in_file() {
  return make_problem(ErrorKind::authorization, "secret-in-request",
                      "a file holds the value of a stored credential or an API key; nothing was "
                      "kept of it");
}

}  // namespace

Value describe_file(const engine::FileInfo& info) {
  return Value::object({{"id", info.id},
                        {"name", info.name},
                        {"mediaType", info.media_type},
                        {"size", info.size},
                        {"sha256", info.sha256},
                        {"createdTime", format_time(info.created)},
                        {"user", info.user},
                        {"instance", info.instance ? Value(info.instance->number) : Value()}});
}

Result<std::unique_ptr<BodyConsumer>> FileUpload::begin(const Surroundings& surroundings,
                                                        const Request& request) {
  std::unique_ptr<FileUpload> upload(new FileUpload(surroundings, request));
  Result<std::string> once = once_text(request);
  if (!once) return fail(upload->refused(std::move(once).error()));
  upload->once_ = *std::move(once);
  const std::string* type = request.header("Content-Type");
  const Result<std::optional<std::string>> boundary =
      multipart_boundary(type != nullptr ? *type : "");
  if (!boundary) return fail(upload->refused(boundary.error()));
  if (*boundary) {
    upload->reader_.emplace(**boundary, static_cast<MultipartReader::Sink&>(*upload));
  } else {
    const std::string* name = request.query_value("name");
    Status opened = upload->open(name != nullptr ? *name : "", type != nullptr ? *type : "", true);
    if (!opened) return fail(upload->refused(std::move(opened).error()));
  }
  return std::unique_ptr<BodyConsumer>(std::move(upload));
}

// What the client calls it may hold a secret as well, and comes back in answers.
Status FileUpload::open(std::string_view name, std::string_view type, bool named) {
  const auth::Redactor& redactor = surroundings_.authority.redactor();
  engine::FileInfo info;
  info.name = redactor.mask(std::string(name));
  info.media_type = redactor.mask(std::string(type));
  info.user = actor_.user;
  if (!once_.empty()) info.once = once_ + "\n" + std::to_string(items_.size());
  auto writer = surroundings_.files.create(std::move(info), surroundings_.most);
  if (!writer) return fail(std::move(writer).error());
  items_.push_back({*std::move(writer), 0, named});
  return {};
}

Status FileUpload::begin_part(PartHead head) {
  const bool named = !head.filename || !head.filename->empty();
  return open(head.filename.value_or(head.name), head.media_type, named);
}

Status FileUpload::part_bytes(std::string_view bytes) {
  Item& item = items_.back();
  item.size += bytes.size();
  return item.writer->write(bytes);
}

// Known values are masked in all other data that clients send; a file is kept as it is or not at
// all.
Status FileUpload::look_for_secrets(std::string_view piece) {
  unseen_.append(piece);
  const auth::Redactor& redactor = surroundings_.authority.redactor();
  const std::size_t overlap = std::max(kOverlap, redactor.longest());
  if (!piece.empty() && unseen_.size() < std::max(kLookAt, 2 * overlap)) return {};
  if (redactor.knows_part_of(unseen_)) return fail(secret_in_file());
  unseen_.erase(0, unseen_.size() - std::min(unseen_.size(), overlap));
  return {};
}

Status FileUpload::take(std::string_view piece) {
  if (Status clean = look_for_secrets(piece); !clean) return clean;
  return reader_ ? reader_->feed(piece) : part_bytes(piece);
}

Status FileUpload::consume(std::string_view piece) {
  if (piece.empty()) return {};
  Status taken = take(piece);
  if (taken) return taken;
  items_.clear();  // nothing of it stays
  return fail(refused(std::move(taken).error()));
}

Result<Response> FileUpload::finish() {
  Result<Response> response = finish_all();
  items_.clear();  // drafts that were not needed go before the answer does
  if (response) return response;
  return fail(refused(std::move(response).error()));
}

Result<Response> FileUpload::finish_all() {
  if (Status clean = look_for_secrets({}); !clean) return fail(std::move(clean).error());
  if (reader_)
    if (Status whole = reader_->finish(); !whole) return fail(std::move(whole).error());
  std::erase_if(items_, [](const Item& item) { return !item.named && item.size == 0; });
  if (items_.empty())
    return fail(client_error(400, "multipart-invalid", "the body has no part with a file"));
  std::vector<engine::FileInfo> kept;
  if (Status done = keep(kept); !done) {
    // Those of a request with a key are what it gives when it is sent again.
    if (once_.empty())
      for (const engine::FileInfo& info : kept) (void)surroundings_.files.remove(info);
    return fail(std::move(done).error());
  }
  if (kept.size() == 1) {
    Response response = json_response(201, describe_file(kept.front()));
    response.headers.push_back({"Location", "/api/v1/files/" + kept.front().id});
    return response;
  }
  Value items = Value::array();
  for (const engine::FileInfo& info : kept) items.push_back(describe_file(info));
  return json_response(201, Value::object({{"items", std::move(items)}}));
}

Status FileUpload::keep(std::vector<engine::FileInfo>& kept) {
  for (const Item& item : items_) {
    Result<engine::FileInfo> info = item.writer->finish();
    if (!info) return fail(std::move(info).error());
    kept.push_back(*std::move(info));
    if (Status noted = note(kept.back()); !noted) return noted;
  }
  return {};
}

Status FileUpload::note(const engine::FileInfo& info) {
  return surroundings_.authority.audit().note(
      {actor_, "file.upload", info.id,
       info.name + ", " + std::to_string(info.size) + " bytes, sha256 " + info.sha256},
      "done");
}

// What was refused is recorded as well, as of other changes (api/audited.h).
Problem FileUpload::refused(Problem problem) {
  if (problem.status >= 500) return problem;
  const Status noted =
      surroundings_.authority.audit().note({actor_, "file.upload", "", ""}, problem.code);
  return noted ? problem : noted.error();
}

bool sees_all(const auth::Principal& principal) { return principal.role >= auth::Role::operator_; }

bool may_see(const auth::Principal& principal, const engine::FileInfo& info) {
  return sees_all(principal) || (!info.user.empty() && info.user == principal.user);
}

}  // namespace stepwell::api
