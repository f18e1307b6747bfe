#include "steps/file_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace stepwell::steps {

namespace {

Problem unknown_file(const std::string& id) {
  Problem problem = make_problem(ErrorKind::validation, "file-unknown",
                                 "the file " + id + " is not there, or not any more");
  problem.status = 404;
  return problem;
}

class PieceSource final : public http::BodySource {
 public:
  Status add(engine::Files* files, BodyPiece&& piece) {
    Stretch stretch;
    if (piece.file.empty()) {
      stretch.size = piece.text.size();
      texts_ += piece.text;
    } else if (Status opened = open(files, piece.file, stretch); !opened) {
      return opened;
    }
    size_ += stretch.size;
    if (stretch.size > 0) stretches_.push_back(std::move(stretch));
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<std::size_t> read(char* into, std::size_t most) override {
    if (at_ == stretches_.size()) return std::size_t{0};
    const Stretch& stretch = stretches_[at_];
    const auto wanted =
        static_cast<std::size_t>(std::min(std::uint64_t{most}, stretch.size - done_));
    std::size_t got = wanted;
    if (stretch.reader) {
      Result<std::string> bytes = stretch.reader->read(wanted);
      if (!bytes) return fail(std::move(bytes).error());
      if (bytes->empty())
        return fail(make_problem(ErrorKind::runtime, "store-failed",
                                 "a file that is sent is shorter than it was"));
      got = bytes->size();
      std::memcpy(into, bytes->data(), got);
    } else {
      std::memcpy(into, texts_.data() + text_at_, got);
      text_at_ += got;
    }
    done_ += got;
    if (done_ == stretch.size) {
      ++at_;
      done_ = 0;
    }
    return got;
  }

  Status rewind() override {
    at_ = 0;
    done_ = 0;
    text_at_ = 0;
    for (const Stretch& stretch : stretches_)
      if (stretch.reader)
        if (Status sought = stretch.reader->seek(0); !sought) return sought;
    return {};
  }

  std::optional<std::string> sha256() const override {
    if (stretches_.size() != 1 || !stretches_.front().reader) return std::nullopt;
    return stretches_.front().sha256;
  }

  std::string_view text() const override { return texts_; }

 private:
  struct Stretch {
    std::uint64_t size = 0;
    std::unique_ptr<engine::FileReader> reader = {};  // null: the next bytes of texts_
    std::string sha256 = {};
  };

  static Status open(engine::Files* files, const std::string& id, Stretch& stretch) {
    if (files == nullptr) return fail(unknown_file(id));
    Result<std::optional<engine::FileInfo>> info = files->find(id);
    if (!info) return fail(std::move(info).error());
    if (!*info) return fail(unknown_file(id));
    auto reader = files->open(id);
    if (!reader) return fail(std::move(reader).error());
    stretch.size = (**info).size;
    stretch.sha256 = (**info).sha256;
    stretch.reader = *std::move(reader);
    return {};
  }

  std::vector<Stretch> stretches_;
  std::string texts_;
  std::uint64_t size_ = 0;
  std::size_t at_ = 0;       // the stretch that is being read …
  std::uint64_t done_ = 0;   // … and how far
  std::size_t text_at_ = 0;  // where the next byte of a text lies
};

}  // namespace

Result<std::shared_ptr<http::BodySource>> body_source(engine::Files* files,
                                                      std::vector<BodyPiece> pieces) {
  auto source = std::make_shared<PieceSource>();
  for (BodyPiece& piece : pieces)
    if (Status added = source->add(files, std::move(piece)); !added)
      return fail(std::move(added).error());
  std::shared_ptr<http::BodySource> given;
  if (source->size() > 0) given = std::move(source);
  return given;
}

}  // namespace stepwell::steps
