#include "daemon/file_transfer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "http/headers.h"

namespace stepwell::daemon {

namespace {

namespace fs = std::filesystem;

Problem cannot_read(const std::string& path, const std::string& why) {
  return make_problem(ErrorKind::configuration, "file-unreadable",
                      path + " cannot be read: " + why);
}

std::size_t copy_from(const std::string& text, std::uint64_t at, char* into, std::size_t most) {
  return text.copy(into, most, static_cast<std::size_t>(at));
}

}  // namespace

FilePart::FilePart(std::ifstream file, std::uint64_t content, const Facts& facts)
    : file_(std::move(file)), content_(content) {
  const std::string name =
      facts.name.empty() ? fs::path(facts.path).filename().string() : facts.name;
  head_ = "--" + facts.boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
          http::form_name(name) + "\"\r\n";
  head_ += "Content-Type: " +
           (facts.media_type.empty() ? "application/octet-stream" : facts.media_type) + "\r\n\r\n";
  tail_ = "\r\n--" + facts.boundary + "--\r\n";
}

Result<std::shared_ptr<FilePart>> FilePart::open(const Facts& facts) {
  std::error_code error;
  if (!fs::is_regular_file(facts.path, error))
    return fail(cannot_read(facts.path, error ? error.message() : "it is no regular file"));
  const std::uintmax_t size = fs::file_size(facts.path, error);
  std::ifstream file(facts.path, std::ios::binary);
  if (error || !file) return fail(cannot_read(facts.path, std::strerror(errno)));
  return std::shared_ptr<FilePart>(new FilePart(std::move(file), size, facts));
}

Result<std::size_t> FilePart::read(char* into, std::size_t most) {
  std::size_t count = 0;
  const std::uint64_t content_end = head_.size() + content_;
  if (at_ < head_.size()) {
    count = copy_from(head_, at_, into, most);
  } else if (at_ < content_end) {
    const std::uint64_t wanted = std::min<std::uint64_t>(most, content_end - at_);
    file_.read(into, static_cast<std::streamsize>(wanted));
    count = static_cast<std::size_t>(file_.gcount());
    if (count == 0) return fail(cannot_read("the file", "it became shorter while it was sent"));
  } else if (at_ < size()) {
    count = copy_from(tail_, at_ - content_end, into, most);
  }
  at_ += count;
  return count;
}

Status FilePart::rewind() {
  at_ = 0;
  file_.clear();
  file_.seekg(0);
  if (!file_) return fail(cannot_read("the file", "it cannot be read from its beginning"));
  return {};
}

FileReplacement::FileReplacement(std::string path)
    : path_(std::move(path)),
      beside_(path_ + "." + std::to_string(::getpid()) + ".part"),
      file_(beside_, std::ios::binary) {}

FileReplacement::~FileReplacement() {
  std::error_code unknown;
  if (!finished_) fs::remove(beside_, unknown);
}

Status FileReplacement::unwritable() const {
  return fail(make_problem(ErrorKind::configuration, "file-unwritable",
                           path_ + " cannot be written: " + std::strerror(errno)));
}

Status FileReplacement::write(std::string_view piece) {
  file_.write(piece.data(), static_cast<std::streamsize>(piece.size()));
  return file_ ? Status() : unwritable();
}

Status FileReplacement::finish() {
  file_.close();
  if (!file_) return unwritable();
  std::error_code error;
  fs::rename(beside_, path_, error);
  if (error)
    return fail(make_problem(ErrorKind::configuration, "file-unwritable",
                             path_ + " cannot be written: " + error.message()));
  finished_ = true;
  return {};
}

}  // namespace stepwell::daemon
