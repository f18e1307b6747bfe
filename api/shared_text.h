// A long text that many are given at the same time and that is kept once: a connection holds a
// piece of it. What it makes is used as api/body.h says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/message.h"

namespace stepwell::api {

// 200. The text is not redacted, and so must hold no secret. Whoever has not taken all of it when
// it is `too_late` (any thread) is cut off.
Response shared_text_response(std::shared_ptr<const std::string> text, std::string_view type,
                              std::function<bool()> too_late = {});

}  // namespace stepwell::api
