#include "api/shared_text.h"

#include <utility>

#include "api/body.h"

namespace stepwell::api {

namespace {

class SharedText final : public BodySource {
 public:
  SharedText(std::shared_ptr<const std::string> text, std::function<bool()> too_late)
      : text_(std::move(text)), too_late_(std::move(too_late)) {}
  std::optional<std::uint64_t> size() const override { return text_->size(); }
  Result<std::string> next(std::size_t most) override {
    if (too_late_ && too_late_())
      return fail(
          make_problem(ErrorKind::communication, "cut-off", "a text was not taken in time"));
    std::string piece = text_->substr(given_, most);
    given_ += piece.size();
    return piece;
  }

 private:
  const std::shared_ptr<const std::string> text_;
  const std::function<bool()> too_late_;
  std::size_t given_ = 0;
};

}  // namespace

Response shared_text_response(std::shared_ptr<const std::string> text, std::string_view type,
                              std::function<bool()> too_late) {
  Response response;
  response.content_type = type;
  response.source = std::make_shared<SharedText>(std::move(text), std::move(too_late));
  return response;
}

}  // namespace stepwell::api
