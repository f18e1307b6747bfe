// /api/v1/files: what clients hand in for steps to send on.

#include <algorithm>
#include <memory>
#include <utility>

#include "api/audited.h"
#include "api/byte_range.h"
#include "api/file_upload.h"
#include "api/header_parameters.h"
#include "api/instance_view.h"
#include "api/page.h"
#include "api/routes.h"

namespace stepwell::api {

namespace {

using auth::Permission;
using engine::FileInfo;

// Beside the file: header lines and boundaries of a form.
constexpr Bytes kAroundFile = 1_MiB;
// What a page looks through at most, where most of it is other people's.
constexpr std::size_t kMostLookedAt = 10'000;
constexpr std::size_t kLookedAtAtOnce = 500;

Problem unknown_file() { return client_error(404, "file-unknown", "there is no such file"); }

Result<FileInfo> file_of(engine::Files& files, const Request& request) {
  Result<std::optional<FileInfo>> info = files.find(request.parameters.at(0));
  if (!info) return fail(std::move(info).error());
  if (!*info || !may_see(request.principal, **info)) return fail(unknown_file());
  return **std::move(info);
}

Result<Response> list_files(engine::Files& files, const Request& request) {
  const Result<std::size_t> limit = read_limit(request);
  if (!limit) return fail(limit.error());
  std::string after;
  if (const std::string* text = request.query_value("cursor")) {
    const Result<Value> cursor = read_cursor(*text);
    if (!cursor) return fail(cursor.error());
    if (!cursor->is_string())
      return fail(client_error(400, "parameter-invalid", "the cursor is of another list"));
    after = cursor->as_string();
  }
  std::optional<InstanceId> instance;
  if (const std::string* text = request.query_value("instance")) {
    instance = parse_instance_id(*text);
    if (!instance)
      return fail(client_error(400, "parameter-invalid", "\"instance\" is no instance's id"));
  }
  Value items = Value::array();
  bool more = true;
  // Where most may be other people's, few at a time would be many questions for a short page.
  const std::size_t bite = sees_all(request.principal) ? *limit : std::max(*limit, kLookedAtAtOnce);
  for (std::size_t looked_at = 0; more && items.size() < *limit && looked_at < kMostLookedAt;) {
    const auto found = files.list(instance, after, bite);
    if (!found) return fail(found.error());
    more = found->size() == bite;
    looked_at += found->size();
    for (const FileInfo& info : *found) {
      if (items.size() == *limit) {
        more = true;
        break;
      }
      after = info.id;
      if (may_see(request.principal, info)) items.push_back(describe_file(info));
    }
  }
  Value answer = Value::object({{"items", std::move(items)}});
  if (more) answer.set("next", to_cursor(Value(after)));
  return json_response(200, answer);
}

Result<Response> show_file(engine::Files& files, const Request& request) {
  const Result<FileInfo> info = file_of(files, request);
  if (!info) return fail(info.error());
  return json_response(200, describe_file(*info));
}

// --- Content ---

std::string tag_of(const FileInfo& info) { return "\"" + info.sha256 + "\""; }

// RFC 9110 §13.1.1.
Status check_match(const Request& request, const FileInfo& info) {
  const std::string* expected = request.header("If-Match");
  if (expected == nullptr || names_tag(*expected, tag_of(info), Comparison::strong)) return {};
  return fail(client_error(412, "precondition-failed",
                           "the file's content is not the one that If-Match names"));
}

class FileContent final : public BodySource {
 public:
  FileContent(std::unique_ptr<engine::FileReader> reader, std::uint64_t size)
      : reader_(std::move(reader)), size_(size), left_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Result<std::string> next(std::size_t most) override {
    if (left_ == 0) return std::string();
    Result<std::string> piece =
        reader_->read(static_cast<std::size_t>(std::min(std::uint64_t{most}, left_)));
    if (piece && piece->empty())
      return fail(
          make_problem(ErrorKind::runtime, "store-failed", "a file is shorter than it was"));
    if (piece) left_ -= piece->size();
    return piece;
  }

 private:
  const std::unique_ptr<engine::FileReader> reader_;
  const std::uint64_t size_;
  std::uint64_t left_;
};

// Whoever opens it in a browser gets it to keep, not to run in the name of this site.
std::vector<http::Header> content_headers(const FileInfo& info) {
  return {{"ETag", tag_of(info)},
          {"Content-Disposition", attachment(info.name)},
          {"X-Content-Type-Options", "nosniff"},
          {"Content-Security-Policy", "default-src 'none'; sandbox"},
          {"Cache-Control", "private, no-cache"},
          {"Accept-Ranges", "bytes"}};
}

Result<Response> show_content(engine::Files& files, const Request& request) {
  const Result<FileInfo> info = file_of(files, request);
  if (!info) return fail(info.error());
  if (Status same = check_match(request, *info); !same) return fail(std::move(same).error());
  const std::string tag = tag_of(*info);
  Response response;
  response.headers = content_headers(*info);
  if (const std::string* known = request.header("If-None-Match");
      known != nullptr && names_tag(*known, tag, Comparison::weak)) {
    response.status = 304;
    return response;
  }
  // A part of another version would be added to what the client has (RFC 9110 §13.1.5).
  const std::string* same = request.header("If-Range");
  const std::string* range = same == nullptr || *same == tag ? request.header("Range") : nullptr;
  const auto part = read_range(request.method == "GET" ? range : nullptr, info->size);
  if (!part) {
    response = problem_response(part.error());
    response.headers.push_back({"Content-Range", "bytes */" + std::to_string(info->size)});
    return response;
  }
  auto reader = files.open(info->id);
  if (!reader) return fail(std::move(reader).error());
  response.content_type = info->media_type;
  std::uint64_t size = info->size;
  if (*part) {
    size = (*part)->size;
    if (Status sought = (*reader)->seek((*part)->first); !sought)
      return fail(std::move(sought).error());
    response.status = 206;
    response.headers.push_back({"Content-Range", "bytes " + std::to_string((*part)->first) + "-" +
                                                     std::to_string((*part)->first + size - 1) +
                                                     "/" + std::to_string(info->size)});
  }
  response.source = std::make_shared<FileContent>(*std::move(reader), size);
  return response;
}

// --- Removal ---

Result<Response> remove_file(const Services& services, engine::Files& files,
                             const Request& request) {
  const Result<FileInfo> info = file_of(files, request);
  if (!info) return fail(info.error());
  if (Status same = check_match(request, *info); !same) return fail(std::move(same).error());
  if (info->instance) {
    const auto holder = services.engine.find(*info->instance);
    if (holder && !ended(holder->status))
      return fail(client_error(409, "file-in-use",
                               "instance " + std::to_string(info->instance->number) +
                                   ", which has not ended, holds the file; stop that first"));
  }
  // What cannot be recorded does not happen; and until it has happened it is not sure to, since an
  // instance may take the file meanwhile.
  auth::AuditLog& audit = services.authority.audit();
  const auth::AuditEvent event{request.actor(), "file.delete", info->id, info->name};
  if (Status noted = audit.note(event, "begun"); !noted) return fail(std::move(noted).error());
  if (Status removed = files.remove(*info); !removed) return fail(std::move(removed).error());
  if (Status noted = audit.note(event, "done"); !noted) return fail(std::move(noted).error());
  Response response;
  response.status = 204;
  return response;
}

}  // namespace

Status add_file_routes(Router& router, const Services& services) {
  if (services.files == nullptr) return {};
  engine::Files& files = *services.files;
  const Access view = Access::needs(Permission::view_instances);
  const Access upload = Access::needs(Permission::upload_files);
  const FileUpload::Surroundings around{files, services.authority, services.max_file};
  const std::string all = "/api/v1/files";
  const std::string one = all + "/{id}";
  std::vector<Route> routes{
      {"POST",
       all,
       upload,
       UploadHandler([around](const Request& r) { return FileUpload::begin(around, r); }),
       {"name"}},
      {"GET",
       all,
       view,
       BlockingHandler([&files](const Request& r) { return list_files(files, r); }),
       {"instance", "limit", "cursor"}},
      {"GET", one, view,
       BlockingHandler([&files](const Request& r) { return show_file(files, r); })},
      {"GET", one + "/content", view,
       BlockingHandler([&files](const Request& r) { return show_content(files, r); })},
      {"DELETE", one, upload,
       audited(services.authority, "file.delete",
               [services, &files](const Request& r) { return remove_file(services, files, r); })},
  };
  routes.front().max_body = Bytes{services.max_file.count + kAroundFile.count};
  for (Route& route : routes) {
    route.pool = Pool::operations;
    route.when_ready = route.method != "GET";
  }
  return add_all(router, std::move(routes));
}

}  // namespace stepwell::api
