// What a token source knows to be secret, and takes out of texts.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "auth/redactor.h"
#include "auth/token_source.h"

namespace stepwell::auth {

namespace {

// Of a policy in a definition, besides its own values. Each costs a scan for each of its forms of
// whatever its requests bring back.
constexpr std::size_t kLatestTokens = 4;

}  // namespace

// The constructor's, or under mutex_.
void TokenSource::remember(std::string_view secret) {
  if (!private_values_ || secret.empty()) return;
  // A refresh token that stays the same comes with every access token.
  const auto known = std::find_if(known_.begin(), known_.end(), [&](const auto& value) {
    return std::find(value->all().begin(), value->all().end(), secret) != value->all().end();
  });
  if (known != known_.end()) {
    const bool own = static_cast<std::size_t>(known - known_.begin()) < own_values_;
    if (!own) std::rotate(known, known + 1, known_.end());
    return;
  }
  known_.push_back(std::make_shared<const ValueForms>("", secret));
}

// Under mutex_: forgets the oldest tokens. The policy's own values stand at the front, and stay.
void TokenSource::forget_tokens() {
  while (known_.size() > own_values_ + kLatestTokens)
    known_.erase(known_.begin() + static_cast<std::ptrdiff_t>(own_values_));
}

std::string TokenSource::mask_answer(std::string text) const {
  std::deque<std::shared_ptr<const ValueForms>> known;
  {
    const std::scoped_lock lock(mutex_);
    known = known_;
  }
  for (const auto& forms : known) text = forms->mask(std::move(text));
  return text;
}

// Only for the error texts of an endpoint, so that it may cost something.
std::string TokenSource::mask(std::string text) const {
  const std::scoped_lock lock(mutex_);
  text = ValueForms(value_.username, value_.secret.reveal()).mask(std::move(text));
  // Encoded before it goes into base64 (RFC 6749 §2.3.1), so no form of the value itself.
  constexpr std::string_view kName = "Authorization: Basic ";
  if (const Secret line = client_line(settings_, value_); line.size() > kName.size())
    text = ValueForms("", line.reveal().substr(kName.size(), line.size() - kName.size() - 1))
               .mask(std::move(text));
  for (const auto& [name, secret] : value_.more)
    text = ValueForms("", secret.reveal()).mask(std::move(text));
  return text;
}

}  // namespace stepwell::auth
