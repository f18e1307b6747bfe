// Takes files in: the body of `POST /api/v1/files`, one file as it is or several as
// multipart/form-data, piece by piece to the disk. All of them or none.
// Made for one request; used on threads that may block, one at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/body.h"
#include "api/multipart.h"
#include "auth/authority.h"
#include "engine/files.h"

namespace stepwell::api {

// {id, name, mediaType, size, sha256, createdTime, user, instance}
Value describe_file(const engine::FileInfo& info);

class FileUpload final : public BodyConsumer, private MultipartReader::Sink {
 public:
  struct Surroundings {
    engine::Files& files;
    auth::Authority& authority;
    Bytes most;  // of one file
  };
  // Errors: validation/400 `multipart-invalid`, `request-invalid`; those of Files::create().
  static Result<std::unique_ptr<BodyConsumer>> begin(const Surroundings& surroundings,
                                                     const Request& request);

  // Errors: those of Files and of MultipartReader; authorization/403 `secret-in-request` where a
  // file holds a stored secret.
  Status consume(std::string_view piece) override;
  // 201 with the file, or {items} where there are several.
  Result<Response> finish() override;

 private:
  struct Item {
    std::unique_ptr<engine::FileWriter> writer;
    std::uint64_t size = 0;
    bool named = true;  // a form's field for a file may be left empty, without a name
  };

  FileUpload(const Surroundings& surroundings, const Request& request)
      : surroundings_(surroundings), actor_(request.actor()) {}
  Status open(std::string_view name, std::string_view type, bool named);
  Status take(std::string_view piece);
  Status look_for_secrets(std::string_view piece);
  Result<Response> finish_all();
  Status keep(std::vector<engine::FileInfo>& kept);
  Status note(const engine::FileInfo& info);
  Problem refused(Problem problem);
  Status begin_part(PartHead head) override;
  Status part_bytes(std::string_view bytes) override;
  Status end_part() override { return {}; }

  const Surroundings surroundings_;
  const auth::Actor actor_;
  std::string once_;
  std::optional<MultipartReader> reader_;  // none: the body is one file
  std::vector<Item> items_;
  std::string unseen_;  // bytes in which a secret may still have to be looked for
};

bool sees_all(const auth::Principal& principal);
// Its owner, operators and admins: to everybody else a file does not exist.
bool may_see(const auth::Principal& principal, const engine::FileInfo& info);

}  // namespace stepwell::api
