// What goes to and comes from /api/v1/files, piece by piece.
#pragma once

#include <fstream>
#include <memory>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace stepwell::daemon {

// A file as the one part of a multipart/form-data body (RFC 7578). Used by one transfer.
class FilePart final : public http::BodySource {
 public:
  struct Facts {
    std::string path;
    std::string name;        // for people; empty: the file's own
    std::string media_type;  // empty: not said
    std::string boundary;    // occurs nowhere in the content: random
  };
  // Errors: configuration/`file-unreadable`.
  static Result<std::shared_ptr<FilePart>> open(const Facts& facts);

  std::uint64_t size() const override { return head_.size() + content_ + tail_.size(); }
  Result<std::size_t> read(char* into, std::size_t most) override;
  Status rewind() override;

 private:
  FilePart(std::ifstream file, std::uint64_t content, const Facts& facts);

  std::ifstream file_;
  const std::uint64_t content_;
  std::string head_;
  std::string tail_;
  std::uint64_t at_ = 0;
};

// Takes the place of a file's content once all of it has come; until then it lies beside it.
class FileReplacement {
 public:
  explicit FileReplacement(std::string path);
  ~FileReplacement();  // leaves nothing where it was not finished
  FileReplacement(const FileReplacement&) = delete;
  FileReplacement& operator=(const FileReplacement&) = delete;

  // Errors of both: configuration/`file-unwritable`.
  Status write(std::string_view piece);
  Status finish();

 private:
  Status unwritable() const;

  const std::string path_;
  const std::string beside_;
  std::ofstream file_;
  bool finished_ = false;
};

}  // namespace stepwell::daemon
